"""Forced closing as the venue did it in 2018, and where its machine slips.

A due account is taken over by the insurance account at the price that leaves its owner with
nothing (`okex_takeover_ticks`): off the book, no fee, all positions of the wallet at once,
the others at their marks and the largest at the rest. The insurance account then sells what
it took in the market, for what it can get; gain or loss stays in its small fund.

The venue's machine is not perfect. A few accounts are *missed*: due, and left open. A few
are taken over although they were not due. Both are picked by the state of the market, so
they scale and are the same for the same seed.

Limits: no partial liquidation (it came later in 2018), no order at the bankruptcy price
resting in the book, no clawback at a settlement.
"""

from exchange.domain.kernel import kernel
from exchange.domain.rules.okex_2018 import CROSS, FIXED, okex_fixed_margin, okex_takeover_ticks
from exchange.domain.value_kernels import trade_value
from exchange.drill.chance import uniform
from exchange.drill.matching import book_fill, outcome, record, sweep
from exchange.drill.state import (
    BUY,
    DUE,
    INSURANCE,
    MISSED_MOST,
    N_DUE,
    N_EVENTS,
    N_FORCED,
    N_MISSED,
    N_ORDERS,
    N_TRADES,
    N_UNPRICED,
    N_WRONG,
    NEVER,
    NONE,
    NOTHING,
    QUIET,
    SELL,
    TAKEOVER,
    TRADER,
    TRADES_MOST,
    WRONG_MOST,
    Market,
    Script,
)
from exchange.drill.watch import health

REST_SECONDS = 900
"""A customer who was wiped out does nothing for a while."""
SMALL = 260
"""Below so many accounts the machine may overlook anybody."""


@kernel
def _largest(m: Market, account: int, asset: int) -> tuple[int, int]:
    """The wallet's position of greatest value, and all equity but that position's own."""
    owner, found, most = m.accounts[account], NONE, NONE
    equity = m.wallets[account, asset].cash
    for contract in range(m.terms.shape[0]):
        term, held = m.terms[contract], m.positions[account, contract]
        if term.asset != asset or held.quantity == 0:
            continue
        value = trade_value(term.kind, term.num, term.den, held.quantity, m.terms[contract].last)
        equity += value - held.cost
        if abs(value) > most:
            most, found = abs(value), contract
    term, held = m.terms[found], m.positions[account, found]
    if owner.mode == FIXED:
        return found, okex_fixed_margin(held.cost, owner.leverage)
    value = trade_value(term.kind, term.num, term.den, held.quantity, m.terms[found].last)
    return found, equity - (value - held.cost)


@kernel
def _take(m: Market, account: int, contract: int, ticks: int, left: int) -> None:
    """Move one whole position to the insurance account, off the book and without a fee."""
    quantity, insurance = m.positions[account, contract].quantity, m.count[INSURANCE]
    m.count[N_EVENTS] += 1
    m.count[N_ORDERS] += 2
    q0, c0, g0, _, _ = outcome(m, account, contract, -quantity, ticks, NOTHING)
    q1, c1, g1, _, _ = outcome(m, insurance, contract, quantity, ticks, NOTHING)
    book_fill(m, account, contract, q0, c0, g0, NOTHING)
    book_fill(m, insurance, contract, q1, c1, g1, NOTHING)
    record(
        m, contract, SELL if quantity > 0 else BUY, TAKEOVER, account, insurance, ticks,
        abs(quantity), NOTHING, NOTHING, m.count[N_ORDERS] - 1, m.count[N_ORDERS],
    )  # fmt: skip
    row = m.forced[m.count[N_FORCED]]
    m.count[N_FORCED] += 1
    row.event, row.account, row.contract = m.count[N_EVENTS], account, contract
    row.quantity, row.price, row.health = quantity, ticks, left


@kernel
def take_over(m: Market, account: int, asset: int, second: int) -> None:
    """Take over every position of a wallet and void the owner's resting orders."""
    if m.count[N_TRADES] + 3 > m.count[TRADES_MOST]:
        m.count[N_UNPRICED] += 1
        return
    contract, other = _largest(m, account, asset)
    term, held = m.terms[contract], m.positions[account, contract]
    ticks = okex_takeover_ticks(
        term.kind, term.num, term.den, held.quantity, held.cost, other, 4 * m.terms[contract].last
    )
    if ticks == 0:
        m.count[N_UNPRICED] += 1
        return
    left, _ = health(m, account, asset)
    owner = m.accounts[account]
    owner.epoch += 1
    owner.idle_until = second + REST_SECONDS
    if owner.mode != FIXED:
        for own in range(m.terms.shape[0]):
            if (
                own != contract
                and m.terms[own].asset == asset
                and m.positions[account, own].quantity != 0
            ):
                _take(m, account, own, m.terms[own].last, left)
    _take(m, account, contract, ticks, left)


@kernel
def _overlooked(m: Market, s: Script, account: int, asset: int, second: int) -> bool:
    """Does the venue's machine pass over this due account?"""
    if m.count[N_MISSED] >= m.count[MISSED_MOST] or m.positions[account, s.main].quantity <= 0:
        return False
    owner = m.accounts[account]
    if m.accounts.shape[0] < SMALL:  # too few are due to be particular
        return second > s.onset and owner.role in (TRADER, QUIET)
    return (
        second >= s.onset + 20
        and owner.mode == CROSS
        and owner.role == TRADER
        and (m.count[N_MISSED] == 0 or uniform(m.random) < 0.34)
    )


@kernel
def take_over_due(m: Market, s: Script, second: int) -> None:
    """Act on what the watch found at the end of the second before."""
    assets = m.wallets.shape[1]
    for i in range(m.count[N_DUE]):
        account, asset = m.lists[DUE, i] // assets, m.lists[DUE, i] % assets
        owner = m.accounts[account]
        if owner.idle_until == NEVER:
            continue
        if _overlooked(m, s, account, asset, second):
            m.count[N_MISSED] += 1
            owner.idle_until = NEVER
            owner.epoch += 1
        else:
            take_over(m, account, asset, second)
    m.count[N_DUE] = 0


@kernel
def take_over_wrongly(m: Market, s: Script, second: int) -> None:
    """Close the long of the main contract that is nearest to danger but not in it."""
    asset, found, least = m.terms[s.main].asset, NONE, 0.5
    for account in range(m.accounts.shape[0]):
        owner = m.accounts[account]
        if owner.role not in (TRADER, QUIET) or owner.mode != CROSS or owner.idle_until > second:
            continue
        if m.positions[account, s.main].quantity <= 0:
            continue
        left, gross = health(m, account, asset)
        if gross > 0 and 0.012 < left / gross < least:
            found, least = account, left / gross
    if found >= 0:
        m.count[N_WRONG] += 1
        take_over(m, found, asset, second)


@kernel
def wrongs_due(m: Market, s: Script, second: int) -> bool:
    """Is one of the venue's wrong take-overs scheduled for this second?

    They come after the low, when the market has turned: the victims would have survived.
    """
    done: int = m.count[N_WRONG]
    due: bool = done < m.count[WRONG_MOST] and second >= s.bottom + 180 + 61 * done
    return due


@kernel
def sell_inventory(m: Market, s: Script, second: int, ahead: int) -> None:
    """The insurance account works off what it holds, a bit each second, at what it can get."""
    insurance = m.count[INSURANCE]
    for contract in range(m.terms.shape[0]):
        held = m.positions[insurance, contract].quantity
        if held == 0 or uniform(m.random) > (0.03 if ahead > 0 else 0.5):
            continue
        rush = 4.0 * m.terms[contract].unit * (1.0 + 3.0 * uniform(m.random))
        quantity = min(abs(held), max(int(rush), abs(held) // 240))
        price = m.terms[contract].last
        believed = s.prices[second, contract].target
        if held > 0:
            limit = max(int(max(price, believed) * 0.995), s.prices[second, contract].low)
            sweep(m, contract, insurance, SELL, quantity, limit, s.maker_ppm, NOTHING)
        else:
            limit = min(int(min(price, believed) * 1.005), s.prices[second, contract].high)
            sweep(m, contract, insurance, BUY, quantity, limit, s.maker_ppm, NOTHING)
