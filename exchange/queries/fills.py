"""An account's fills, out of the tape store. No SQL: the tape is not in PostgreSQL."""

from typing import NamedTuple

import numpy as np

from exchange.queries import keyset
from exchange.queries.keyset import Page
from exchange.tape import by_account
from exchange.tape.arrays import FLAG_TAKER, REASON_SHIFT
from exchange.tape.store import TapeMissing

__all__ = ["FillRow", "TapeMissing", "of_account"]

REASONS = ("trade", "takeover", "liquidation", "delivery")


class FillRow(NamedTuple):
    """One side of one trade; `price` in ticks, `fee` in minor units, `time` microseconds UTC."""

    seq: int
    time: int
    contract: int
    quantity: int
    price: int
    fee: int
    trade: int
    taker: bool
    reason: str


def of_account(
    digest: str, account: int, *, contract: int | None = None, after: str = "",
    limit: int = keyset.LIMIT,
) -> Page[FillRow]:  # fmt: skip
    """Fills of an account, oldest first. Account and contract are the tape's numbers.

    Raises `TapeMissing` where the tape is not in this machine's store.
    """
    size = keyset.limited(limit)
    (last,) = keyset.numbers(after, 1) or [-(2**62)]
    mine = by_account.fills_of(digest, account)
    mine = mine[int(np.searchsorted(mine["seq"], last, side="right")) :]
    if contract is not None:
        mine = mine[mine["contract"] == contract]
    found = [
        (seq, time, number, quantity, price, fee, trade, bool(flags & FLAG_TAKER),
         REASONS[(flags >> REASON_SHIFT) & 3])
        for seq, time, number, quantity, price, fee, trade, flags in mine[: size + 1].tolist()
    ]  # fmt: skip
    return keyset.page(found, size, FillRow, lambda row: row.seq)
