"""Those who move the price on purpose, and those who lean against them.

*Sellers* hold large longs of the main contract and close them, later sell short, at market
and without considering the cost; *gainers*, their linked accounts, were short before and
buy back near the low. *Hunters* are innocent: they wait with cash for a low price and buy
into the fall. *Arbitrageurs* buy the quarterly and sell a nearer contract when it is far out
of line.

Fidelity: the published points are met on purpose. A closed loop compares the last price
with the scenario's target and lets sellers or hunters act only in the direction that is
missing, and at the seconds whose price is published the last trade is arranged at exactly
that price (`print_at`), between two of these accounts. Everything else is the book's doing.
"""

from exchange.domain.kernel import kernel
from exchange.drill.agents.flow import room_to_add
from exchange.drill.book import best_ticks
from exchange.drill.chance import below, uniform
from exchange.drill.matching import rest, sweep
from exchange.drill.state import ANY_SIZE, BUY, ONE, SELL, Cast, Market, Script

TOLERANCE = 0.0006
NOT_FOUND = 1 << 60


@kernel
def _seller(m: Market, s: Script, cast: Cast) -> int:
    """The manipulator with the largest long left; when all are sold, one that goes short."""
    best: int = cast.sellers[0]
    most = -NOT_FOUND
    for i in range(cast.sellers.shape[0]):
        held = m.positions[cast.sellers[i], s.main].quantity
        if held > most:
            best, most = cast.sellers[i], held
    return best


@kernel
def _hunter(m: Market, s: Script, cast: Cast) -> tuple[int, int]:
    """A hunter with buying power left, and how many contracts it could buy."""
    best, most = cast.hunters[0], 0
    for _ in range(6):
        account = cast.hunters[below(m.random, cast.hunters.shape[0])]
        if m.positions[account, s.main].quantity < 0:
            continue
        room = room_to_add(m, account, s.main)
        if room > most:
            best, most = account, room
    return best, most


@kernel
def _sell_hard(m: Market, s: Script, cast: Cast, limit: int) -> None:
    account = _seller(m, s, cast)
    held = m.positions[account, s.main].quantity
    size = int(m.terms[s.main].unit * (6.0 + 30.0 * uniform(m.random))) + max(0, held) // 150
    if held - size < 0 and room_to_add(m, account, s.main) < size:
        return
    sweep(m, s.main, account, SELL, size, limit, s.maker_ppm, s.taker_ppm)


@kernel
def _buy_dip(m: Market, s: Script, cast: Cast, second: int, limit: int) -> None:
    size = int(m.terms[s.main].unit * (4.0 + 16.0 * uniform(m.random)))
    if second > s.bottom - 60 and uniform(m.random) < 0.5:
        for i in range(cast.gainers.shape[0]):
            account = cast.gainers[i]
            short = -m.positions[account, s.main].quantity
            if short > 0:
                size = min(short, size + short // 60)
                sweep(m, s.main, account, BUY, size, limit, s.maker_ppm, s.taker_ppm)
                return
    account, room = _hunter(m, s, cast)
    if room > 0:
        size = min(size, room)
        sweep(m, s.main, account, BUY, size, limit, s.maker_ppm, s.taker_ppm)


@kernel
def push(m: Market, s: Script, cast: Cast, second: int) -> None:
    """One step of the closed loop in the main contract, once the manipulation has begun."""
    if second < s.onset or uniform(m.random) > s.seconds[second].force:
        return
    target = s.prices[second, s.main].target
    gap = m.terms[s.main].last / target - 1.0
    if gap > TOLERANCE:
        if second <= s.bottom:
            _sell_hard(m, s, cast, max(int(target), s.prices[second, s.main].low))
    elif gap < -TOLERANCE:
        _buy_dip(m, s, cast, second, min(int(target), s.prices[second, s.main].high))


@kernel
def bid_the_floor(m: Market, s: Script, cast: Cast, second: int) -> None:
    """Hunters rest bids at the published low while the price is near it."""
    floor = s.prices[second, s.main].low
    if second < s.onset or m.terms[s.main].last > floor * 1.012 or uniform(m.random) > 0.25:
        return
    account, room = _hunter(m, s, cast)
    size = min(room, int(m.terms[s.main].unit * (2.0 + 10.0 * uniform(m.random))))
    if size > 0:
        rest(m, s.main, BUY, account, size, floor)


@kernel
def arbitrage(m: Market, s: Script, cast: Cast, second: int, near: int) -> None:
    """Buy the main contract and sell the nearer one while the gap is wider than usual."""
    if second < s.onset or uniform(m.random) > s.seconds[second].force:
        return
    usual = s.prices[s.cutoff, s.main].target / s.prices[s.cutoff, near].target
    if m.terms[s.main].last / m.terms[near].last > usual * 0.97:
        return
    account = cast.arbitrageurs[below(m.random, cast.arbitrageurs.shape[0])]
    size = min(room_to_add(m, account, s.main) // 2, int(3.0 * m.terms[s.main].unit) + 1)
    if size <= 0:
        return
    limit = min(int(m.terms[s.main].last * 1.002), s.prices[second, s.main].high)
    bought = sweep(m, s.main, account, BUY, size, limit, s.maker_ppm, s.taker_ppm)
    if bought > 0:
        limit = int(m.terms[near].last * 0.997)
        sweep(m, near, account, SELL, bought, limit, s.maker_ppm, s.taker_ppm)


@kernel
def _print_between(m: Market, s: Script, seller: int, buyer: int, ticks: int) -> bool:
    c, unit = s.main, int(m.terms[s.main].unit) + 1
    if best_ticks(m, c, BUY) > ticks:
        sweep(m, c, seller, SELL, ANY_SIZE, ticks + 1, s.maker_ppm, s.taker_ppm)
    ask = best_ticks(m, c, SELL)
    if 0 < ask < ticks:
        sweep(m, c, buyer, BUY, ANY_SIZE, ticks - 1, s.maker_ppm, s.taker_ppm)
    if best_ticks(m, c, BUY) == ticks:
        return sweep(m, c, seller, SELL, ONE, ticks, s.maker_ppm, s.taker_ppm) > 0
    if best_ticks(m, c, SELL) != ticks:
        rest(m, c, SELL, seller, unit, ticks)
    return sweep(m, c, buyer, BUY, ONE, ticks, s.maker_ppm, s.taker_ppm) > 0


@kernel
def print_at(m: Market, s: Script, cast: Cast, ticks: int) -> bool:
    """Make the last trade of this second happen at exactly ``ticks``; True when it did.

    Bids above and asks below are taken out first, by a seller and a hunter; then one lot
    changes hands at the price itself. Makers step in where the seller has nothing left.
    """
    hunter, _room = _hunter(m, s, cast)
    if _print_between(m, s, _seller(m, s, cast), hunter, ticks):
        return True
    for i in range(cast.makers.shape[0]):
        hunter, _room = _hunter(m, s, cast)
        if _print_between(m, s, cast.makers[i], hunter, ticks):
            return True
    return False


@kernel
def print_any(m: Market, s: Script, cast: Cast) -> bool:
    """Make the last trade of this second be one of the main contract; True when it is."""
    for _ in range(20):
        hunter, _room = _hunter(m, s, cast)
        ask = best_ticks(m, s.main, SELL)
        if ask > 0 and sweep(m, s.main, hunter, BUY, ONE, ask, s.maker_ppm, s.taker_ppm) > 0:
            return True
    return print_at(m, s, cast, m.terms[s.main].last)
