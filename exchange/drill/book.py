"""A limit order book per contract: price levels by tick, first in first out at a price.

Levels are rows of one array; a two-level bitmap says which hold an order, so the next best
price is found in a few instructions even when a thin book leaves a thousand empty ticks
between two orders. A level holds bids or asks, never both: an order that would cross is
matched first (`matching`), and makers post only.

Cancelling is by epoch: bumping an account's epoch makes its resting orders void, and they
are dropped when somebody reaches them.
"""

import numpy as np

from exchange.domain.kernel import kernel
from exchange.drill.state import BUY, FREE_ROW, Market

ALIGN = 4096
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_FULL = np.uint64(0xFFFFFFFFFFFFFFFF)


@kernel
def _lowest(word: np.uint64) -> int:
    """Position of the lowest set bit; ``word`` is not zero."""
    place = 0
    for shift in (32, 16, 8, 4, 2, 1):
        if word & ((_ONE << np.uint64(shift)) - _ONE) == _ZERO:
            word >>= np.uint64(shift)
            place += shift
    return place


@kernel
def _highest(word: np.uint64) -> int:
    """Position of the highest set bit; ``word`` is not zero."""
    place = 0
    for shift in (32, 16, 8, 4, 2, 1):
        if word >> np.uint64(shift) != _ZERO:
            word >>= np.uint64(shift)
            place += shift
    return place


@kernel
def next_above(m: Market, level: int, end: int) -> int:
    """First occupied level at or above ``level`` and before ``end`` (a multiple of 4096)."""
    if level >= end:
        return -1
    word = level >> 6
    bits = m.words[word] & (_FULL << np.uint64(level & 63))
    if bits != _ZERO:
        return (word << 6) + _lowest(bits)
    word += 1
    group = word >> 6
    if group >= end >> 12:
        return -1
    bits = m.summary[group] & (_FULL << np.uint64(word & 63))
    while bits == _ZERO:
        group += 1
        if group >= end >> 12:
            return -1
        bits = m.summary[group]
    word = (group << 6) + _lowest(bits)
    return (word << 6) + _lowest(m.words[word])


@kernel
def next_below(m: Market, level: int, start: int) -> int:
    """Last occupied level at or below ``level`` and from ``start`` (a multiple of 4096) on."""
    if level < start:
        return -1
    word = level >> 6
    bits = m.words[word] & (_FULL >> np.uint64(63 - (level & 63)))
    if bits != _ZERO:
        return (word << 6) + _highest(bits)
    word -= 1
    if word < start >> 6:
        return -1
    group = word >> 6
    bits = m.summary[group] & (_FULL >> np.uint64(63 - (word & 63)))
    while bits == _ZERO:
        group -= 1
        if group < start >> 12:
            return -1
        bits = m.summary[group]
    word = (group << 6) + _highest(bits)
    return (word << 6) + _highest(m.words[word])


@kernel
def best_ticks(m: Market, contract: int, side: int) -> int:
    """Best bid (``BUY``) or ask (``SELL``) in ticks; 0 when that side is empty."""
    level = m.best[contract, side]
    return 0 if level < 0 else level - m.terms[contract].first + m.terms[contract].lowest


@kernel
def place(
    m: Market, contract: int, side: int, owner: int, quantity: int, ticks: int, ident: int
) -> int:
    """Rest an order behind all others at its price; its row, or -1 when it cannot rest.

    The caller has made sure that it does not cross.
    """
    offset = ticks - m.terms[contract].lowest
    if m.count[FREE_ROW] < 0 or offset < 0 or offset >= m.terms[contract].width:
        return -1
    row: int = m.count[FREE_ROW]
    m.count[FREE_ROW] = m.orders[row].next
    level = m.terms[contract].first + offset
    order = m.orders[row]
    order.quantity, order.ident, order.epoch = quantity, ident, m.accounts[owner].epoch
    order.owner, order.level, order.side, order.contract = owner, level, side, contract
    order.next, order.prev = -1, m.levels[level].tail
    if order.prev < 0:
        m.levels[level].head = row
        m.words[level >> 6] |= _ONE << np.uint64(level & 63)
        m.summary[level >> 12] |= _ONE << np.uint64((level >> 6) & 63)
        top = m.best[contract, side]
        if top < 0 or (level > top if side == BUY else level < top):
            m.best[contract, side] = level
    else:
        m.orders[order.prev].next = row
    m.levels[level].tail = row
    return row


@kernel
def remove(m: Market, row: int) -> None:
    """Take an order out of its book and give its row back."""
    order = m.orders[row]
    level, contract, side = order.level, order.contract, order.side
    if order.prev < 0:
        m.levels[level].head = order.next
    else:
        m.orders[order.prev].next = order.next
    if order.next < 0:
        m.levels[level].tail = order.prev
    else:
        m.orders[order.next].prev = order.prev
    order.ident, order.next = -1, m.count[FREE_ROW]
    m.count[FREE_ROW] = row
    if m.levels[level].head >= 0:
        return
    m.words[level >> 6] &= ~(_ONE << np.uint64(level & 63))
    if m.words[level >> 6] == _ZERO:
        m.summary[level >> 12] &= ~(_ONE << np.uint64((level >> 6) & 63))
    if m.best[contract, side] == level:
        first = m.terms[contract].first
        if side == BUY:
            m.best[contract, side] = next_below(m, level - 1, first)
        else:
            m.best[contract, side] = next_above(m, level + 1, first + m.terms[contract].width)


@kernel
def withdraw(m: Market, row: int, ident: int) -> None:
    """Cancel the order ``ident`` if it still rests in ``row``."""
    if row >= 0 and m.orders[row].ident == ident:
        remove(m, row)
