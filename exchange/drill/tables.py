"""From the market's records to the rows of a bundle: times, two rows a trade, references.

Events are stamped inside their second as a Poisson process would put them, strictly in
order; at a published second the last event is stamped on the second itself. Every trade
becomes two rows, buyer first, with the same number, time, price and quantity.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.drill.state import LIQUIDATION, TAKEOVER

I64 = npt.NDArray[np.int64]
CHUNK = 400_000


class FillRows(NamedTuple):
    """Columns of the fills table for one stretch of the tape, two rows a trade."""

    seq: I64
    time_us: I64
    contract: npt.NDArray[np.int8]
    account: npt.NDArray[np.int32]
    side: npt.NDArray[np.int8]
    price_ticks: I64
    quantity: I64
    fee_units: I64
    trade: I64
    order: I64
    liquidity: npt.NDArray[np.int8]
    reason: npt.NDArray[np.int8]


def stamp_events(
    rng: np.random.Generator, batches: I64, events: int, exact: npt.NDArray[np.uint8], start_us: int
) -> I64:
    """Time of every event, microseconds UTC, indexed by event number (from 1).

    ``batches[t]`` is the number of events before second ``t``; second ``t`` covers
    ``(t - 1, t]``.
    """
    bounds = np.append(batches[1:], events)
    counts = np.diff(bounds)
    gaps = rng.exponential(1.0, events)
    second = np.repeat(np.arange(1, len(counts) + 1), counts)
    running = np.cumsum(gaps)
    before = np.concatenate([[0.0], running])[bounds[:-1]]
    total = np.concatenate([[0.0], running])[bounds[1:]] - before + 1.0
    within = (running - before[second - 1]) / total[second - 1]
    place = np.arange(events) - bounds[:-1][second - 1]
    room = 1_000_000 - 2 - counts[second - 1]
    offset = 1 + place + (within * room).astype(np.int64)
    times = start_us + (second - 1) * 1_000_000 + offset
    for t in np.flatnonzero(exact):
        times[bounds[t] - 1] = start_us + int(t) * 1_000_000
    return np.concatenate([[start_us], times])


def fill_rows(trades: npt.NDArray[np.void], times: I64) -> Iterator[FillRows]:
    """The fills table in stretches of at most `CHUNK` trades."""
    for first in range(0, len(trades), CHUNK):
        yield _two_rows(trades[first : first + CHUNK], times, first)


def _two_rows(part: npt.NDArray[np.void], times: I64, first: int) -> FillRows:
    count = len(part)
    buys = part["side"] == 0

    def both(buyer: npt.NDArray[np.generic], seller: npt.NDArray[np.generic]) -> np.ndarray:
        out = np.empty(2 * count, buyer.dtype)
        out[0::2], out[1::2] = buyer, seller
        return out

    def by_role(taker: str, maker: str) -> np.ndarray:
        one, two = part[taker], part[maker]
        return both(np.where(buys, one, two), np.where(buys, two, one))

    def same(column: npt.NDArray[np.generic]) -> np.ndarray:
        return np.repeat(column, 2)

    zeros, ones = np.zeros(count, np.int8), np.ones(count, np.int8)
    trade = first + 1 + np.arange(count, dtype=np.int64)
    return FillRows(
        seq=2 * first + 1 + np.arange(2 * count, dtype=np.int64),
        time_us=same(times[part["event"]]),
        contract=same(part["contract"]),
        account=by_role("taker", "maker"),
        side=both(zeros, ones),
        price_ticks=same(part["price"]),
        quantity=same(part["quantity"]),
        fee_units=by_role("taker_fee", "maker_fee"),
        trade=same(trade),
        order=by_role("taker_order", "maker_order"),
        liquidity=both(buys.astype(np.int8), (~buys).astype(np.int8)),
        reason=_reasons(part, buys, both),
    )


def _reasons(
    part: npt.NDArray[np.void], buys: npt.NDArray[np.bool_], both: Callable[..., np.ndarray]
) -> np.ndarray:
    """Both sides of a take-over say so; of an insurance sale only the insurance account's."""
    taker = part["reason"]
    maker = np.where(taker == LIQUIDATION, 0, taker).astype(np.int8)
    return both(np.where(buys, taker, maker), np.where(buys, maker, taker))


def references(transfers: npt.NDArray[np.void], source: I64, seed: int) -> list[str]:
    """Reference of every transfer: the sending or receiving address and a transaction.

    Deposits name the address they came from; accounts funded from one place show the same.
    """
    out = []
    for account, kind, number in zip(
        transfers["account"].tolist(), transfers["kind"].tolist(), transfers["reference"].tolist(),
        strict=True,
    ):  # fmt: skip
        if kind == 2:
            out.append(f"internal {number}")
            continue
        place = int(source[account]) if kind == 0 else int(account) + (1 << 40)
        word = "from" if kind == 0 else "to"
        out.append(f"{word} {_code(place, seed, 26)} tx {_code(number, seed + 1, 16)}")
    return out


_LETTERS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _code(number: int, salt: int, length: int) -> str:
    """A stable word that looks like an address; not one."""
    state = (number * 0x9E3779B97F4A7C15 + salt * 0xD1B54A32D192ED03 + 1) % (1 << 64)
    letters = []
    for _ in range(length):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        letters.append(_LETTERS[(state >> 33) % len(_LETTERS)])
    return "3" + "".join(letters)


def reason_counts(trades: npt.NDArray[np.void]) -> tuple[int, int]:
    """Take-overs and market sales of taken-over positions, in trades."""
    return int((trades["reason"] == TAKEOVER).sum()), int((trades["reason"] == LIQUIDATION).sum())
