"""Market makers: ladders of post-only orders around a value they believe in.

The value follows the tape in stress and leans to the informed target in calm. Quotes are
skewed against the maker's own inventory and stop on the side where it is full. In stress
spreads widen, sizes shrink and makers leave for a while: the book becomes thin exactly when
it is needed, which is what makes a forced sale expensive.

Limits: makers do not compete for queue position and do not hedge elsewhere.
"""

import math

from exchange.domain.kernel import kernel
from exchange.drill.book import best_ticks, withdraw
from exchange.drill.chance import exponential, normal, uniform
from exchange.drill.matching import rest
from exchange.drill.state import BUY, PARTS, SELL, Cast, Market, Script


@kernel
def believe(m: Market, s: Script, cast: Cast, second: int, contract: int) -> float:
    """The value makers quote around this second, in ticks."""
    stress = s.prices[second, contract].stress
    mood: float = m.terms[contract].mood * 0.98 + normal(m.random) * m.terms[contract].spread * 0.3
    m.terms[contract].mood = mood
    lean = 0.45 + 0.35 * stress
    value: float = lean * m.terms[contract].last + (1.0 - lean) * s.prices[second, contract].target
    return value * (1.0 + mood)


@kernel
def clear_ladder(m: Market, cast: Cast, i: int, contract: int) -> None:
    """Cancel everything a maker has in one book."""
    for side in range(2):
        for k in range(cast.ladder.shape[3]):
            rung = cast.ladder[i, contract, side, k]
            withdraw(m, rung.row, rung.ident)
            rung.row = -1


@kernel
def _quote_side(
    m: Market, s: Script, cast: Cast, second: int, i: int, contract: int, side: int,
    centre: float, half: float,
) -> None:  # fmt: skip
    stress, unit = s.prices[second, contract].stress, m.terms[contract].unit
    depth = unit * (1.0 - 0.8 * stress)
    sign = -1.0 if side == BUY else 1.0
    gap = half
    for k in range(cast.ladder.shape[3]):
        price = centre * (1.0 + sign * gap)
        ticks = int(math.floor(price)) if side == BUY else int(math.ceil(price))
        ticks = max(s.prices[second, contract].low, min(s.prices[second, contract].high, ticks))
        opposite = best_ticks(m, contract, 1 - side)
        if opposite > 0 and (ticks - opposite) * sign <= 0:
            ticks = opposite + (1 if side == SELL else -1)
        size = 1 + int(depth * (0.6 + 1.6 * exponential(m.random)) * (1.0 + 0.25 * k))
        row = rest(m, contract, side, cast.makers[i], size, ticks)
        cast.ladder[i, contract, side, k].row = row
        if row >= 0:
            cast.ladder[i, contract, side, k].ident = m.orders[row].ident
        gap += half * (0.5 + 1.2 * uniform(m.random)) * (1.0 + 0.5 * stress)


@kernel
def quote(m: Market, s: Script, cast: Cast, second: int, part: int) -> None:
    """Renew the ladders that are due: at random, or because the value has moved away.

    Each maker looks once a second, every fourth one in each round.
    """
    for contract in range(m.terms.shape[0]):
        value = believe(m, s, cast, second, contract)
        stress, spread = s.prices[second, contract].stress, m.terms[contract].spread
        eager = 0.3 + 0.4 * stress
        for i in range((part + second) % PARTS, cast.makers.shape[0], PARTS):
            if cast.books[i, contract].capacity == 0:
                continue
            moved = abs(value / cast.books[i, contract].fair - 1.0)
            if uniform(m.random) > eager and moved < 1.5 * spread * (1.0 + 2.0 * stress):
                continue
            clear_ladder(m, cast, i, contract)
            cast.books[i, contract].fair = value
            if i > 1 and uniform(m.random) < 0.45 * stress:
                continue
            held = m.positions[cast.makers[i], contract].quantity
            fill = held / cast.books[i, contract].capacity
            half = spread * (0.75 + 0.7 * uniform(m.random)) * (1.0 + 5.0 * stress)
            centre = value * (1.0 - half * max(-1.2, min(1.2, 1.5 * fill)))
            if fill < 1.0:
                _quote_side(m, s, cast, second, i, contract, BUY, centre, half)
            if fill > -1.0:
                _quote_side(m, s, cast, second, i, contract, SELL, centre, half)
