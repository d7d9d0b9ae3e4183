"""The prints of a market, one side at a time, and whose each was.

A print is a trade in the market; a take-over or a delivery is none. A fall of the mark is put down
to whoever sold, a rise to whoever bought, taker or not: that side agreed to the new price. Both
sides of a trade are rows of the tape, so the sells are the prints of a fall, in order, and the buys
those of a rise.

The insurance account's prints are those of the closes whose positions it sells: matched with what
it took over, contract by contract, first in, first out. A position taken over against one it still
holds is set off and was never sold; what it held before the tape began is nobody's close.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.cascade_kernels import NOBODY, SALE
from exchange.domain.holdings import (
    I64,
    LIQUIDATION,
    TAKEOVER,
    TRADE,
    Fills,
    Holdings,
    reason_of,
)

FALL, RISE = -1, 1
OWN_PRINT = -1
Mask = npt.NDArray[np.bool_]


class Pieces(NamedTuple):
    """Which close each forced sale sold: ``row`` of the tape (ascending), ``close`` (or -1) and
    contracts, above zero."""

    row: I64
    close: I64
    quantity: I64


class Prints(NamedTuple):
    """The prints of one side (`FALL`, `RISE`), by contract and then in the tape's order.

    ``start`` i64[contract + 1] are where contracts begin. ``mover`` is a node, or -1 where
    the parts ``piece .. piece + many`` of ``owner`` (nodes) and ``share`` (contracts) are the
    movers.
    """

    side: int
    start: I64
    time: I64
    price: I64
    mover: I64
    piece: I64
    many: I64
    owner: I64
    share: I64


def forced_sales(fills: Fills, opening: Holdings, holders: Mask, close_row: I64) -> Pieces:
    """Match what the insurance accounts (``holders`` bool[account]) took over and sold.

    ``close_row`` is the customer's take-over among the fills of each close, -1 for none.
    """
    from exchange.domain.cascade_kernels import match  # loads the compiler

    reason = reason_of(fills.flags)
    held = holders[fills.account]
    rows = np.flatnonzero(held & ((reason == TAKEOVER) | (reason == LIQUIDATION)))
    before = np.flatnonzero(holders[opening.account] & (opening.quantity != 0))
    lot = np.where(reason[rows] == LIQUIDATION, SALE, _closes_of(fills, rows, close_row))
    contracts = 1 + max(
        int(fills.contract.max(initial=0)), int(opening.contract.max(initial=0))
    )  # fmt: skip
    key = np.concatenate((
        opening.account[before].astype(np.int64) * contracts + opening.contract[before],
        fills.account[rows].astype(np.int64) * contracts + fills.contract[rows],
    ))  # fmt: skip
    queues, key = np.unique(key, return_inverse=True)
    quantity = np.concatenate((opening.quantity[before], fills.quantity[rows]))
    lot = np.concatenate((np.full(before.size, NOBODY, np.int64), lot))
    events = key.size
    pieces = np.empty((2 * events, 3), np.int64)
    empty = np.full(queues.size, -1, np.int64)
    follow, owner, left = (np.empty(events, np.int64) for _ in range(3))
    written = match(key, quantity, lot, empty, empty.copy(), follow, owner, left, pieces)
    event, close, sold = pieces[:written].T.copy()
    return Pieces(rows[event - before.size], close, sold)


def prints_of(
    fills: Fills,
    side: int,
    contracts: int,
    mover: I64,
    since_us: int,
    pieces: Pieces,
    other: int,
) -> Prints:
    """The prints of one side; ``mover`` i64[account] is the node of each account's own prints
    after ``since_us``. Before that, and where the fund sells what was nobody's close, ``other``.
    """
    reason = reason_of(fills.flags)
    market = (reason == TRADE) | (reason == LIQUIDATION)
    rows = np.flatnonzero(market & (fills.quantity * side > 0))
    rows = rows[np.argsort(fills.contract[rows], kind="stable")]
    start = np.searchsorted(fills.contract[rows], np.arange(contracts + 1)).astype(np.int64)
    first = np.searchsorted(pieces.row, rows).astype(np.int64)
    many = np.searchsorted(pieces.row, rows, side="right") - first
    owners = np.where(pieces.close >= 0, pieces.close, other)
    named = np.where(fills.time[rows] > since_us, mover[fills.account[rows]], other)
    whose = np.where(many > 0, OWN_PRINT, named)
    return Prints(
        side, start, fills.time[rows], fills.price[rows], whose, first, many, owners,
        pieces.quantity,
    )  # fmt: skip


def parts(
    prints: Prints, contract: I64, since: I64, until: I64, before: I64, at: I64, unprinted: int
) -> tuple[I64, I64]:
    """Who made each of these moves: (parts i64[n, 3], the print of each part).

    Move ``m`` is of ``contract[m]``, over the prints after ``since`` and up to ``until``
    (microseconds), from ``before`` to ``at`` ticks; moves of one contract do not overlap. A part
    is (move, mover, ticks), and the parts of a move sum to it.
    """
    from exchange.domain.cascade_kernels import attribute  # loads the compiler

    first, stop = between(prints, contract, since, until)
    most = int((stop - first).sum() + prints.share.size + contract.size)
    room = np.empty((most, 4), np.int64)
    written = attribute(
        *prints[3:], first, stop, before, at, prints.side, unprinted, room
    )  # fmt: skip
    found = room[:written]
    return found[:, [0, 2, 3]], found[:, 1].copy()


def between(prints: Prints, contract: I64, since: I64, until: I64) -> tuple[I64, I64]:
    """First and stop of the prints of each contract after ``since`` and up to ``until``."""
    first, stop = np.empty(contract.size, np.int64), np.empty(contract.size, np.int64)
    for each in np.unique(contract).tolist():
        low, high = int(prints.start[each]), int(prints.start[each + 1])
        chosen = contract == each
        time = prints.time[low:high]
        first[chosen] = low + np.searchsorted(time, since[chosen], side="right")
        stop[chosen] = low + np.searchsorted(time, until[chosen], side="right")
    return first, stop


def _closes_of(fills: Fills, rows: I64, close_row: I64) -> I64:
    """The close whose position each take-over row of the insurance account took in, or -1."""
    known = np.flatnonzero(close_row >= 0)
    trades = fills.trade[close_row[known]]
    order = np.argsort(trades, kind="stable")
    trades, known = trades[order], known[order]
    at = np.searchsorted(trades, fills.trade[rows])
    wanted = fills.trade[rows]
    there = np.append(trades, NOBODY)[at] == wanted
    return np.where(there & (wanted != 0), np.append(known, NOBODY)[at], NOBODY)
