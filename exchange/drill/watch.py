"""Who is liquidated this second: the 2018 trigger on every account, without looking at all.

The decision is the engine's own integer arithmetic (`rules.okex_2018`). What is added is
only *when to look*. With a health of ``h`` and positions worth ``g`` in absolute terms, no
move of the marks by less than ``log(1 + h / g)`` can bring the health to zero, in whatever
direction and order, for inverse contracts. So each asset keeps a clock that adds up the
absolute log moves of its marks second by second, and a wallet is put into the bucket of the
clock reading at which it could first be in danger. Wallets that traded or received money
are looked at the same second. An account is therefore never missed, and one far from
danger is looked at a few times in three hours.
"""

import math

from exchange.domain.kernel import kernel
from exchange.domain.rules.okex_2018 import EXEMPT, FIXED, okex_fixed_health, okex_maintenance
from exchange.domain.value_kernels import trade_value
from exchange.drill.matching import touch
from exchange.drill.state import BUCKET_WIDTH, BUCKETS, DIRTY, DUE, N_DIRTY, N_DUE, Market

NOT_SET = 1 << 62
_CUSHION = 1.04  # maintenance grows with the value too (at most 2 %), plus rounding


@kernel
def health(m: Market, account: int, asset: int) -> tuple[int, int]:
    """Health of one wallet at the last prices and its gross position value; (1, 0) if flat.

    Fixed margin: the smallest health of its positions.
    """
    owner = m.accounts[account]
    equity, maintenance, gross, worst = m.wallets[account, asset].cash, 0, 0, NOT_SET
    for contract in range(m.terms.shape[0]):
        term, held = m.terms[contract], m.positions[account, contract]
        if term.asset != asset or held.quantity == 0:
            continue
        ticks = m.terms[contract].last
        factor = term.factor20 if owner.leverage == 20 else term.factor10
        value = trade_value(term.kind, term.num, term.den, held.quantity, ticks)
        gross += abs(value)
        if owner.mode == FIXED:
            own, needed = okex_fixed_health(
                term.kind, term.num, term.den, held.quantity, held.cost, ticks, factor,
                owner.leverage,
            )  # fmt: skip
            worst = min(worst, own - needed)
        else:
            equity += value - held.cost
            maintenance += okex_maintenance(abs(value), factor, owner.leverage)
    if gross == 0:
        return 1, 0
    if owner.mode == FIXED:
        return worst, gross
    return equity - maintenance, gross


@kernel
def _unlink(m: Market, account: int, asset: int) -> None:
    wallet = m.wallets[account, asset]
    if wallet.slot < 0:
        return
    if wallet.prev < 0:
        m.queue[asset, wallet.slot] = wallet.next
    else:
        m.wallets[wallet.prev, asset].next = wallet.next
    if wallet.next >= 0:
        m.wallets[wallet.next, asset].prev = wallet.prev
    wallet.slot = -1


@kernel
def _look(m: Market, account: int, asset: int) -> None:
    """Decide one wallet now: due, or to be looked at again when the clock says so."""
    _unlink(m, account, asset)
    if m.accounts[account].mode == EXEMPT:
        return
    left, gross = health(m, account, asset)
    if gross == 0:
        return
    if left <= 0:
        m.lists[DUE, m.count[N_DUE]] = account * m.wallets.shape[1] + asset
        m.count[N_DUE] += 1
        return
    room = math.log(1.0 + max(0, left - 8) / (gross * _CUSHION))
    slot = min(BUCKETS - 1, int((m.assets[asset].clock + room) / BUCKET_WIDTH))
    wallet = m.wallets[account, asset]
    wallet.slot, wallet.prev, wallet.next = slot, -1, m.queue[asset, slot]
    if wallet.next >= 0:
        m.wallets[wallet.next, asset].prev = account
    m.queue[asset, slot] = account


@kernel
def inspect(m: Market) -> None:
    """End of a second: advance the clocks and collect every wallet that is due.

    The list ``DUE`` holds them in an order fixed by the tape, each once.
    """
    assets = m.wallets.shape[1]
    m.count[N_DUE] = 0
    for contract in range(m.terms.shape[0]):
        move = abs(math.log(m.terms[contract].last / m.terms[contract].watched))
        m.assets[m.terms[contract].asset].clock += move
        m.terms[contract].watched = m.terms[contract].last
    for asset in range(assets):
        reached = min(BUCKETS - 1, int(m.assets[asset].clock / BUCKET_WIDTH))
        for slot in range(m.assets[asset].seen, reached + 1):
            account: int = m.queue[asset, slot]
            while account >= 0:
                touch(m, account, asset)
                account = m.wallets[account, asset].next
        m.assets[asset].seen = reached
    for i in range(m.count[N_DIRTY]):
        account, asset = m.lists[DIRTY, i] // assets, m.lists[DIRTY, i] % assets
        m.wallets[account, asset].dirty = 0
        _look(m, account, asset)
    m.count[N_DIRTY] = 0
