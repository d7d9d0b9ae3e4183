"""What a remedy did to fills and positions, as columns: the content of the adjustment feed.

A row says what stood before and what stands after. Of a fill that is its signed quantity and its
price in ticks, of a position its signed quantity and its cost in minor units; nothing at all is
(0, 0). So the opposite of a record is the record with before and after exchanged, and what kind of
report a fill makes follows from the pair (FIX 4.4, ExecType 150):

* ``H`` trade cancel: there was a fill and there is none;
* ``G`` trade correct: the fill stands at another price;
* ``F`` trade: there was none and there is one, because a cancel was taken back.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16, I32, I64, Fills, column_digest

U8 = npt.NDArray[np.uint8]

FILL, POSITION = 0, 1
CANCEL, CORRECT, TRADE = "H", "G", "F"


class AdjustmentRefused(ValueError):
    """Masks or prices do not fit the fills they are said to adjust; the message says how."""


class Adjustments(NamedTuple):
    """One row a fill or position that changed; fills in the order of the tape, then positions.

    ``seq``, ``time`` (microseconds UTC), ``trade`` and ``order`` are the fill's own; 0 for a
    position, and for a trade or order that is not known. Accounts and contracts are the tape's
    numbers. ``value`` is a price in ticks (fill) or a cost in minor units (position).
    """

    kind: U8
    seq: I64
    time: I64
    account: I32
    contract: I16
    trade: I64
    order: I64
    quantity_before: I64
    quantity_after: I64
    value_before: I64
    value_after: I64


def of_fills(fills: Fills, busted: npt.NDArray[np.bool_], price: I64) -> Adjustments:
    """The fills that are busted, or stand at another price.

    ``busted`` and ``price`` have one element a fill; a price of 0 leaves the fill's own, and a
    price that is the fill's own changes nothing. Raises `AdjustmentRefused` where they do not fit:
    other lengths, a price below zero, a fill that is busted and priced anew.
    """
    rows = len(fills.seq)
    if busted.shape != (rows,) or price.shape != (rows,):
        raise AdjustmentRefused(
            f"{rows} fills, but {busted.size} marks and {price.size} prices for them"
        )
    if (price < 0).any():
        raise AdjustmentRefused(f"fill {_first(fills, price < 0)} would have a price below zero")
    both = busted & (price != 0)
    if both.any():
        raise AdjustmentRefused(f"fill {_first(fills, both)} is busted and priced anew")
    changed = np.flatnonzero(busted | ((price != 0) & (price != fills.price)))
    gone = busted[changed]
    quantity, was = fills.quantity[changed], fills.price[changed]
    return Adjustments(
        kind=np.full(len(changed), FILL, np.uint8),
        seq=fills.seq[changed],
        time=fills.time[changed],
        account=fills.account[changed],
        contract=fills.contract[changed],
        trade=fills.trade[changed],
        order=fills.order[changed],
        quantity_before=quantity,
        quantity_after=np.where(gone, np.int64(0), quantity),
        value_before=was,
        value_after=np.where(gone, np.int64(0), price[changed]),
    )


def of_positions(
    account: I32, contract: I16, quantity: I64, cost: I64, quantity_delta: I64, cost_delta: I64
) -> Adjustments:
    """Positions that are changed by no fill: what they were, and what is added to them."""
    none = np.zeros(len(account), np.int64)
    return Adjustments(
        kind=np.full(len(account), POSITION, np.uint8),
        seq=none, time=none, account=account, contract=contract, trade=none, order=none,
        quantity_before=quantity, quantity_after=quantity + quantity_delta,
        value_before=cost, value_after=cost + cost_delta,
    )  # fmt: skip


def join(parts: Sequence[Adjustments]) -> Adjustments:
    """All of them, one after the other."""
    return Adjustments(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def opposite(made: Adjustments) -> Adjustments:
    """What takes them back, row by row: before and after exchanged."""
    return made._replace(
        quantity_before=made.quantity_after,
        quantity_after=made.quantity_before,
        value_before=made.value_after,
        value_after=made.value_before,
    )


def digest(made: Adjustments) -> str:
    """SHA-256 over the columns, by `holdings.column_digest`."""
    return column_digest("makewhole-adjustments/1", made._asdict())


def exec_type(quantity_before: int, quantity_after: int) -> str:
    """The ExecType (150) of a fill's record."""
    if not quantity_after:
        return CANCEL
    return CORRECT if quantity_before else TRADE


def _first(fills: Fills, where: npt.NDArray[Any]) -> int:
    return int(fills.seq[np.flatnonzero(where)[0]])
