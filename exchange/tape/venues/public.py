"""Public market files: trades, aggregated trades, candles and liquidation orders of several venues.

They name no accounts, so they make no account's tape; what they state of themselves is checked:
consecutive ids (gaps and duplicates), time order, and every number that follows from the others.
A format is a `Feed`: its columns, and one function that compares a row with what it must be. The
formats of many millions of rows have another, which tells of thousands of rows at once that there
is nothing to tell (`columns`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from exchange.tape.venues import Outcome
from exchange.tape.venues.columns import Columns, Integers, Unsure, sure
from exchange.tape.venues.files import LISTS, csv_blocks
from exchange.tape.venues.lines import Lines
from exchange.tape.venues.report import Counts, Reconciliation, printed, turns
from exchange.tape.venues.row import Row, VenueRefused

TRUTH = {"true": 1, "false": 0, "1": 1, "0": 0}
PUBLISHED = re.compile(
    r"(.+?)-(?:trades|aggtrades|liquidationsnapshot|\d+(?:mo|[smhdw]))-\d{4}-\d{2}", re.IGNORECASE
)
Numbers = dict[str, Reconciliation]


def one(row: Row) -> int:
    """The step of series that count one by one."""
    return 1


class Feed(NamedTuple):
    """One public format. `identity` gives (series, consecutive number or None, time in us) of a
    row, and reads every field that matters; `check` compares a row with the one before it in its
    series (None for the first); `numbers` are what is compared. `columns` name the cells of a file
    without a header, `lists` where an answer of the API has its rows, `aliases` other spellings;
    `step` is how far the number after a row's is. `plain` gives, of lines that are all as they must
    be, the consecutive numbers and how many rows below the first agree in each of `numbers`, the
    others being undetermined; else it raises `Unsure`."""

    name: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]
    identity: Callable[[Row], tuple[str, int | None, int]]
    check: Callable[[Row, Row | None, Numbers], None]
    numbers: tuple[str, ...]
    lists: tuple[str, ...] = LISTS
    aliases: Mapping[str, str] = MappingProxyType({})
    step: Callable[[Row], int] = one
    plain: Callable[[Columns], tuple[Integers, dict[str, int]]] | None = None


class Stretch(NamedTuple):
    """What the rows below the first of some plain lines come to."""

    rows: int
    gaps: int
    missing: int
    agree: dict[str, int]
    last: Row


def run(feed: Feed, paths: Sequence[Path]) -> Outcome:
    """Read a feed's files, in any order, and check them.

    Files that are in order already, as a day's trades usually are, are checked as they are read and
    never held; any others are read again, held and sorted.
    """
    found = _as_read(feed, paths)
    return _sorted(feed, paths) if found is None else found


def _as_read(feed: Feed, paths: Sequence[Path]) -> Outcome | None:
    """The outcome of rows of one series in strict order; None as soon as they are not."""
    counts, numbers = Counts(), {name: Reconciliation(name) for name in feed.numbers}
    span: dict[str, Any] = {}
    series, last, before = "", (0, 0), None
    for rows in _blocks(feed, paths):
        stretch = _stretch(feed, rows)
        for row in islice(rows, 1 if stretch else None):
            name, number, time = feed.identity(row)
            key = (time if number is None else number, time)
            if before is None:
                series, span = name, {"rows": 0, "first": key[0]}
            elif name != series or key[0] <= last[0] or time < last[1]:
                return None
            elif number is not None:
                _gap(key[0] - last[0], feed.step(before), counts)
            feed.check(row, before, numbers)
            counts.rows += 1
            last, before = key, row
        if stretch:
            _add(stretch, counts, numbers)
            before = stretch.last
            _, number, time = feed.identity(before)
            last = (time if number is None else number, time)
    counts.kept = counts.rows
    spans = {series: span | {"rows": counts.rows, "last": last[0]}} if span else {}
    return Outcome(printed(feed.name, counts, numbers, series=spans), None)


def _sorted(feed: Feed, paths: Sequence[Path]) -> Outcome:
    """The outcome of rows in any order, of any series, with duplicates."""
    counts = Counts()
    series: dict[str, list[tuple[int, int, Row]]] = {}
    for row in chain.from_iterable(_blocks(feed, paths)):
        counts.rows += 1
        name, number, time = feed.identity(row)
        series.setdefault(name, []).append((time if number is None else number, time, row))
    numbers = {name: Reconciliation(name) for name in feed.numbers}
    spans = {}
    for name, rows in series.items():
        counts.out_of_order += turns([time for _, time, _ in rows])[0]
        kept = _distinct(rows, counts)
        _gaps(feed, kept, counts)
        before: Row | None = None
        for _, _, row in kept:
            feed.check(row, before, numbers)
            before = row
        spans[name] = {"rows": len(kept), "first": kept[0][0], "last": kept[-1][0]}
    return Outcome(printed(feed.name, counts, numbers, series=spans), None)


def _stretch(feed: Feed, rows: Iterable[Row]) -> Stretch | None:
    """What lines below their first row come to; None where they have to be read row by row."""
    if feed.plain is None or not isinstance(rows, Lines):
        return None
    try:
        columns = Columns(rows)
        numbers, agree = feed.plain(columns)
        sure(numbers[1:] > numbers[:-1])
        last = rows.last()
        feed.identity(last)
    except (Unsure, VenueRefused):
        return None
    below = columns.count - 1
    missing = int(numbers[-1]) - int(numbers[0]) - below
    return Stretch(below, int((np.diff(numbers) != 1).sum()), missing, agree, last)


def _add(stretch: Stretch, counts: Counts, numbers: Numbers) -> None:
    counts.rows += stretch.rows
    counts.gaps += stretch.gaps
    counts.missing += stretch.missing
    for name, agree in stretch.agree.items():
        numbers[name].agree += agree
        numbers[name].undetermined += stretch.rows - agree


def _blocks(feed: Feed, paths: Sequence[Path]) -> Iterator[Iterable[Row]]:
    """The rows as CSV, or as the venue's API answers them, many at a time."""
    return csv_blocks(paths, feed.needed, feed.columns, feed.lists, feed.aliases)


def _distinct(rows: list[tuple[int, int, Row]], counts: Counts) -> list[tuple[int, int, Row]]:
    """Rows in order of number, each once; the same number with other content is refused."""
    rows.sort(key=lambda entry: entry[:2])
    kept: list[tuple[int, int, Row]] = []
    alike: list[tuple[int, int, Row]] = []
    for entry in rows:
        if not alike or alike[0][0] != entry[0]:
            alike = []
        if any(other[2].cells == entry[2].cells for other in alike):
            counts.duplicates += 1
            continue
        alike.append(entry)
        kept.append(entry)
    counts.kept += len(kept)
    return kept


def _gaps(feed: Feed, kept: list[tuple[int, int, Row]], counts: Counts) -> None:
    """Missing numbers in a consecutive series; the same number twice with other content."""
    if not kept or feed.identity(kept[0][2])[1] is None:
        return
    for (a, _, before), (b, _, row) in zip(kept, kept[1:], strict=False):
        if a == b:
            raise row.refuse(
                "", f"number {b} is there twice with other content; "
                "name files of several contracts as they were published.",
            )  # fmt: skip
        _gap(b - a, feed.step(before), counts)


def _gap(way: int, step: int, counts: Counts) -> None:
    """Count what is missing between two rows whose numbers are that far apart."""
    counts.gaps += way > step
    counts.missing += max(0, way // step - 1)


@cache
def _published(file: str) -> str:
    """The contract of a file named as published, such as BTCUSDT-trades-2021-01-31.csv; else ""."""
    match = PUBLISHED.match(file)
    return match[1] if match else ""


def series(row: Row, default: str) -> str:
    """What a row belongs to where it does not say so itself: the contract its file is named for."""
    return _published(row.file) or default


def where(row: Row) -> dict[str, Any]:
    """The place of a row in a list of differences."""
    return {"file": row.file, "row": row.number}


def nothing(row: Row, before: Row | None, numbers: Numbers) -> None:
    """A feed that states nothing that follows from anything else."""


def positive(row: Row, *fields: str) -> None:
    """Fields that are numbers above zero."""
    for field in fields:
        row.positive(field)
