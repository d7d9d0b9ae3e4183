"""What happens when an order meets the book, and what a fill does to two accounts.

Both sides of a trade are computed before either is booked. An order that would leave its
owner with less than nothing in the futures wallet (or, with fixed margin, less than the
position's margin) is cancelled instead: the venue's own pre-trade check. Cash therefore
never falls below zero, to the unit, at any instant. Only the insurance account is exempt.
"""

from exchange.domain.kernel import kernel
from exchange.domain.rules.okex_2018 import EXEMPT, FIXED, okex_fixed_margin
from exchange.domain.value_kernels import apply_fill, trade_value
from exchange.drill.book import place, remove
from exchange.drill.state import (
    BUY,
    DIRTY,
    INSURANCE,
    LIQUIDATION,
    N_DIRTY,
    N_EVENTS,
    N_ORDERS,
    N_TRADES,
    NOTHING,
    ONE,
    TAKEOVER,
    TRADE,
    TRADES_MOST,
    Market,
)

PPM = 1_000_000


@kernel
def outcome(
    m: Market, account: int, contract: int, dq: int, ticks: int, fee_ppm: int
) -> tuple[int, int, int, int, bool]:
    """Position after a fill: quantity, cost, realised gain of the fill, fee, affordable."""
    term, held = m.terms[contract], m.positions[account, contract]
    kind, num, den = term.kind, term.num, term.den
    fee = 0
    if fee_ppm > 0:
        fee = abs(trade_value(kind, num, den, dq, ticks)) * fee_ppm // PPM
    quantity, cost, gain = apply_fill(kind, num, den, held.quantity, held.cost, NOTHING, dq, ticks)
    owner = m.accounts[account]
    required = okex_fixed_margin(cost, owner.leverage) if owner.mode == FIXED else 0
    left = m.wallets[account, term.asset].cash + gain - fee
    return quantity, cost, gain, fee, owner.mode == EXEMPT or left >= required


@kernel
def touch(m: Market, account: int, asset: int) -> None:
    """Have the liquidation watch look at this wallet at the end of the second."""
    wallet = m.wallets[account, asset]
    if wallet.dirty == 0:
        wallet.dirty = 1
        m.lists[DIRTY, m.count[N_DIRTY]] = account * m.wallets.shape[1] + asset
        m.count[N_DIRTY] += 1


@kernel
def book_fill(
    m: Market, account: int, contract: int, quantity: int, cost: int, gain: int, fee: int
) -> None:
    """Write what `outcome` computed."""
    asset = m.terms[contract].asset
    held = m.positions[account, contract]
    held.quantity, held.cost = quantity, cost
    held.realised += gain
    held.fees += fee
    m.wallets[account, asset].cash += gain - fee
    touch(m, account, asset)


@kernel
def record(
    m: Market, contract: int, side: int, reason: int, taker: int, maker: int, ticks: int,
    quantity: int, taker_fee: int, maker_fee: int, taker_order: int, maker_order: int,
) -> None:  # fmt: skip
    """Append a trade to the tape; ``side`` is the taker's."""
    row = m.trades[m.count[N_TRADES]]
    m.count[N_TRADES] += 1
    row.event, row.contract, row.side, row.reason = m.count[N_EVENTS], contract, side, reason
    row.taker, row.maker, row.price, row.quantity = taker, maker, ticks, quantity
    row.taker_fee, row.maker_fee = taker_fee, maker_fee
    row.taker_order, row.maker_order = taker_order, maker_order
    if reason != TAKEOVER:
        m.terms[contract].last = ticks


@kernel
def sweep(
    m: Market, contract: int, taker: int, side: int, quantity: int, limit: int,
    maker_ppm: int, taker_ppm: int,
) -> int:  # fmt: skip
    """Take up to ``quantity`` from the book at ``limit`` or better; the quantity filled.

    One event on the tape. The rest is cancelled (fill and kill). Stops when the taker can no
    longer afford it or the tape has reached its size.
    """
    m.count[N_EVENTS] += 1
    m.count[N_ORDERS] += 1
    ident = m.count[N_ORDERS]
    forced = taker == m.count[INSURANCE]
    reason = LIQUIDATION if forced else TRADE
    fee_ppm = NOTHING if forced else taker_ppm
    sign = ONE if side == BUY else -ONE
    filled = 0
    while filled < quantity and m.count[N_TRADES] < m.count[TRADES_MOST]:
        level = m.best[contract, 1 - side]
        if level < 0:
            break
        ticks = level - m.terms[contract].first + m.terms[contract].lowest
        if (ticks - limit) * sign > 0:
            break
        row: int = m.levels[level].head
        order = m.orders[row]
        maker = order.owner
        if maker == taker or order.epoch != m.accounts[maker].epoch:
            remove(m, row)
            continue
        traded = min(quantity - filled, order.quantity)
        q1, c1, g1, f1, able1 = outcome(m, maker, contract, -sign * traded, ticks, maker_ppm)
        if not able1:
            remove(m, row)
            continue
        q0, c0, g0, f0, able0 = outcome(m, taker, contract, sign * traded, ticks, fee_ppm)
        if not able0:
            break
        book_fill(m, maker, contract, q1, c1, g1, f1)
        book_fill(m, taker, contract, q0, c0, g0, f0)
        record(m, contract, side, reason, taker, maker, ticks, traded, f0, f1, ident, order.ident)
        filled += traded
        order.quantity -= traded
        if order.quantity == 0:
            remove(m, row)
    return filled


@kernel
def rest(m: Market, contract: int, side: int, owner: int, quantity: int, ticks: int) -> int:
    """Post an order that must not cross; its row in the book, or -1."""
    other = m.best[contract, 1 - side]
    if other >= 0:
        opposite = other - m.terms[contract].first + m.terms[contract].lowest
        if (ticks >= opposite) if side == BUY else (ticks <= opposite):
            return -1
    m.count[N_ORDERS] += 1
    return place(m, contract, side, owner, quantity, ticks, m.count[N_ORDERS])
