"""Reads of the evidence: which tapes there are, and the prices of one for a chart."""

from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import connection

from exchange.tape import store

POINTS_MAX = 2_000
I64 = npt.NDArray[np.int64]


class TapeRow(NamedTuple):
    """One venue's tape."""

    id: int
    digest: str
    venue_id: int
    venue: str
    name: str
    is_drill: bool
    accounts: int
    fills: int
    starts_at: datetime
    ends_at: datetime
    imported_at: datetime
    manifest: dict[str, Any]


class Series(NamedTuple):
    """Mark and index in ticks at times in microseconds UTC, oldest first."""

    time: I64
    mark: I64
    index: I64  # type: ignore[assignment]


def all_tapes(*, limit: int = 100) -> list[TapeRow]:
    """The newest tapes. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.id, t.digest, v.id, v.code, v.name, v.is_drill, t.accounts, t.fills,"
            " t.starts_at, t.ends_at, t.imported_at, t.manifest FROM tape t"
            " JOIN exchange_venue v ON v.id = t.venue_id ORDER BY t.id DESC LIMIT %s",
            [limit],
        )
        return [TapeRow(*row) for row in cursor.fetchall()]


def price_series(
    digest: str, contract: int, *, points: int = POINTS_MAX, since_us: int = 0, until_us: int = 0
) -> Series:
    """A contract's prices over a tape or a part of it, decimated; no SQL, one Parquet file.

    Every extreme of the mark survives: of each stretch its lowest and its highest mark are kept,
    in the order they came. At most `points` points. `contract` is the tape's number of it.
    """
    prices = store.load(digest, ["prices"]).prices
    first = int(np.searchsorted(prices.time, since_us)) if since_us else 0
    stop = int(np.searchsorted(prices.time, until_us, "right")) if until_us else len(prices.time)
    time, mark, index = (
        prices.time[first:stop], prices.mark[contract, first:stop],
        prices.index[contract, first:stop],
    )  # fmt: skip
    kept = extremes(mark, min(points, POINTS_MAX))
    return Series(time[kept], mark[kept], index[kept])


def extremes(values: I64, points: int) -> npt.NDArray[np.intp]:
    """Rows of at most `points` values, first and last among them, that keep every extreme shown."""
    if len(values) <= points:
        return np.arange(len(values))
    stretches = max(1, (points - 2) // 2)
    edges = np.linspace(0, len(values), stretches + 1).astype(np.intp)
    kept = {0, len(values) - 1}
    for start, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        stretch = values[start:stop]
        kept |= {start + int(stretch.argmin()), start + int(stretch.argmax())}
    return np.array(sorted(kept), np.intp)
