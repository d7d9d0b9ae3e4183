"""Reads of the evidence: the prices of a tape for a chart."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.tape import store
from exchange.tape.arrays import Prices
from exchange.tape.store import TapeMissing

__all__ = ["Series", "TapeMissing", "price_series", "price_steps"]

POINTS_MAX = 2_000
I64 = npt.NDArray[np.int64]


class Series(NamedTuple):
    """Mark and index in ticks at times in microseconds UTC, oldest first."""

    time: I64
    mark: I64
    index: I64  # type: ignore[assignment]


def price_series(
    digest: str, contract: int, *, points: int = POINTS_MAX, since_us: int = 0, until_us: int = 0
) -> Series:
    """A contract's prices over a tape or a part of it, decimated; no SQL.

    Every extreme of the mark survives: of each stretch its lowest and its highest mark are kept,
    in the order they came. At most `points` points. `contract` is the tape's number of it. Raises
    `TapeMissing` where the tape is not in this machine's store.
    """
    prices = _prices(digest)
    first = int(np.searchsorted(prices.time, since_us)) if since_us else 0
    stop = int(np.searchsorted(prices.time, until_us, "right")) if until_us else len(prices.time)
    kept = first + extremes(prices.mark[contract, first:stop], min(points, POINTS_MAX))
    return _series(prices, contract, kept)


def price_steps(digest: str, contract: int, *, seconds: int) -> Series:
    """A contract's prices once every `seconds`, on whole steps of UTC; raises as above."""
    prices = _prices(digest)
    kept = np.flatnonzero(prices.time % (seconds * 1_000_000) == 0)
    return _series(prices, contract, kept)


def _series(prices: Prices, contract: int, rows: npt.NDArray[np.intp]) -> Series:
    return Series(prices.time[rows], prices.mark[contract, rows], prices.index[contract, rows])


@lru_cache(maxsize=4)
def _prices(digest: str) -> Prices:
    """The prices of a tape, read once a process: a digest never means anything else."""
    return store.load(digest, ["prices"]).prices


def extremes(values: I64, points: int) -> npt.NDArray[np.intp]:
    """Rows of at most `points` values, first and last among them, that keep every extreme shown."""
    if len(values) <= points:
        return np.arange(len(values))
    stretches = max(1, (points - 2) // 2)
    width = -(-len(values) // stretches)
    whole = len(values) // width * width
    blocks, starts = values[:whole].reshape(-1, width), np.arange(0, whole, width)
    kept = [[0, len(values) - 1], starts + blocks.argmin(axis=1), starts + blocks.argmax(axis=1)]
    if whole < len(values):
        rest = values[whole:]
        kept.append([whole + int(rest.argmin()), whole + int(rest.argmax())])
    return np.unique(np.concatenate(kept))
