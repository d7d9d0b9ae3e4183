"""One table of a bundle, from its file to columns of integers and words.

CSV is read in blocks and Parquet in row groups, each block turned into integers before the next is
read, so a tape of any length needs the memory of its integers and one block.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pyarrow.types as pt

from exchange.tape import cells
from exchange.tape.cells import Known, Place
from exchange.tape.layout import Column, Kind, Table
from exchange.tape.problems import Problems
from exchange.tape.source import UNREADABLE, Source, TableFile

Progress = Callable[[str, int, int], None]

CSV_BLOCK_BYTES = 16 * 2**20
PARQUET_BATCH_ROWS = 2**20
HEADER_BYTES_MOST = 65_536


@dataclass(frozen=True)
class Rows:
    """A table's columns by key: int64/int32/uint8 arrays, and Arrow strings for text.

    `row_number(i)` is the place of row i in the file, for people.
    """

    file: str
    count: int
    columns: dict[str, Any]
    row_number: Callable[[int], int]


class _Numbering:
    """File row numbers of data rows, with the ragged CSV rows that were dropped counted back in."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.dropped: list[int] = []

    def __call__(self, index: int) -> int:
        row = self.first + index
        for dropped in self.dropped:
            if dropped > row:
                break
            row += 1
        return row


def read(
    source: Source, table: Table, known: Known, problems: Problems, progress: Progress
) -> Rows:
    """Read one table. Faults go to `problems`; the columns are then not to be used."""
    file = source.tables[table.name]
    numbering = _Numbering(1 if file.ending == ".parquet" else 2)
    chunks: dict[str, list[Any]] = {}
    count = 0
    for batch, done, total in _batches(source, file, table, numbering, problems):
        offset = count
        place = Place(file.name, lambda index, offset=offset: numbering(offset + index))  # type: ignore[misc]
        for key, values in _convert(table, batch, known, place, problems).items():
            chunks.setdefault(key, []).append(values)
        count += batch.num_rows
        progress(f"Reading {table.name}", done, total)
    columns = empty(table).columns
    for key in list(chunks):
        columns[key] = _join(chunks.pop(key))
    return Rows(file.name, count, columns, numbering)


def empty(table: Table) -> Rows:
    """The columns of a table without rows."""
    columns: dict[str, Any] = {
        column.key: pa.array([], pa.string())
        if column.kind is Kind.TEXT
        else np.zeros(0, np.int32 if column.kind in (Kind.CHOICE, Kind.REFERENCE) else np.int64)
        for column in table.columns
    }
    return Rows(table.name, 0, columns, _Numbering(1))


def _join(chunks: list[Any]) -> Any:
    if isinstance(chunks[0], np.ndarray):
        return chunks[0] if len(chunks) == 1 else np.concatenate(chunks)
    return pa.concat_arrays(chunks)


def _convert(
    table: Table, batch: pa.RecordBatch, known: Known, place: Place, problems: Problems
) -> dict[str, Any]:
    """One block to values, column by column in the order of the layout."""
    values: dict[str, Any] = {}
    names = set(batch.schema.names)
    for column in table.columns:
        field = column.name if column.name in names else column.exact
        if field not in names:
            values[column.key] = np.zeros(batch.num_rows, np.int64)
            continue
        raw = batch.column(field)
        if column.kind in (Kind.TEXT, Kind.CHOICE, Kind.REFERENCE, Kind.DECIMAL):
            raw = _strings(raw, field, place, problems)
        if column.kind in (Kind.TEXT, Kind.DECIMAL):
            longest = column if column.longest else column._replace(longest=60)
            values[column.key] = cells.text(longest, raw, place, problems)
        elif column.kind is Kind.CHOICE:
            numbers = cells.word(column, raw, pa.array(column.choices), place, problems)
            values[column.key] = numbers.astype(np.int8)
        elif column.kind is Kind.REFERENCE:
            values[column.key] = cells.word(column, raw, known.keys[column.table], place, problems)
        else:
            values[column.key] = cells.integers(column, raw, field, values, known, place, problems)
    return values


def _strings(raw: pa.Array, field: str, place: Place, problems: Problems) -> pa.Array:
    """Text cells as Arrow strings; bytes that are not UTF-8 are a problem of their row."""
    if pt.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    if pt.is_decimal(raw.type):
        return pa.array([None if v is None else f"{v:f}" for v in raw.to_pylist()], pa.string())
    try:
        return raw.cast(pa.string())
    except pa.ArrowInvalid:
        decoded = []
        for index, value in enumerate(raw.to_pylist()):
            try:
                decoded.append(None if value is None else value.decode())
            except UnicodeDecodeError:
                decoded.append("?")
                problems.add(
                    "file.encoding", place.file, "is not UTF-8 text.", "Save the file as UTF-8.",
                    row=place.row_number(index), field=field,
                )  # fmt: skip
        return pa.array(decoded, pa.string())


def _batches(
    source: Source, file: TableFile, table: Table, numbering: _Numbering, problems: Problems
) -> Iterator[tuple[pa.RecordBatch, int, int]]:
    """(block, done, total) until the file ends, or a problem when it cannot be read."""
    reader = _parquet if file.ending == ".parquet" else _csv
    try:
        yield from reader(source, file, table, numbering, problems)
    except (pa.ArrowException, UnicodeDecodeError, *UNREADABLE) as fault:
        why = (str(fault) or type(fault).__name__).splitlines()[0][:120]
        problems.add(
            "file.damaged",
            file.name,
            f"cannot be read to its end ({why}).",
            "Send the file again; it was cut off or damaged on the way.",
        )


def _fields(
    names: list[str], table: Table, file: TableFile, problems: Problems
) -> list[str] | None:
    """Check the header; returns the names to read, or None when it cannot be read at all."""
    before = sum(problems.counts.values())
    known = {name for column in table.columns for name in (column.name, column.exact) if name}
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.add(
            "column.twice", file.name, f"has the column {name} twice.", "Keep one.", field=name
        )
    for name in names:
        if name not in known:
            problems.add(
                "column.unknown", file.name, f"has a column {name!r} this table does not know.",
                f"Remove it; the columns are {', '.join(c.name for c in table.columns)}.",
                field=name,
            )  # fmt: skip
    for column in table.columns:
        _pair(column, names, file, problems)
    return names if sum(problems.counts.values()) == before else None


def _pair(column: Column, names: list[str], file: TableFile, problems: Problems) -> None:
    """Exactly one column of a pair; every column that is not optional."""
    human, exact_ = column.name in names, bool(column.exact) and column.exact in names
    if human and exact_:
        problems.add(
            "column.both", file.name, f"has both {column.name} and {column.exact}.",
            "Keep one of the two.", field=column.name,
        )  # fmt: skip
    elif not human and not exact_ and not column.optional:
        either = f"{column.name} or {column.exact}" if column.exact else column.name
        problems.add(
            "column.neither" if column.exact else "column.missing", file.name,
            f"has no column {either}.", "Add it.", field=column.name,
        )  # fmt: skip


@contextmanager
def _stream(source: Source, file: TableFile) -> Iterator[tuple[Any, BinaryIO]]:
    """(unpacked Arrow stream, the raw bytes under it)."""
    with source.raw(file.name) as raw:
        stream = pa.PythonFile(raw, "r")
        if file.ending == ".csv.gz":
            stream = pa.CompressedInputStream(stream, "gzip")
        yield stream, raw


def _csv(
    source: Source, file: TableFile, table: Table, numbering: _Numbering, problems: Problems
) -> Iterator[tuple[pa.RecordBatch, int, int]]:
    with _stream(source, file) as (stream, _):
        head = stream.read(HEADER_BYTES_MOST)
    names = _header(head, table, file, problems)
    if names is None or _fields(names, table, file, problems) is None:
        return

    def ragged(row: pacsv.InvalidRow) -> str:
        numbering.dropped.append(row.number)
        problems.add(
            "row.ragged",
            file.name,
            f"has {row.actual_columns} cells where the header has {row.expected_columns}.",
            "Quote cells that contain commas; give every column a cell.",
            row=row.number,
        )
        return "skip"

    with _stream(source, file) as (stream, raw):
        total = source.size(file.name)
        with pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(block_size=CSV_BLOCK_BYTES, use_threads=False),
            parse_options=pacsv.ParseOptions(invalid_row_handler=ragged, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False
            ),
        ) as reader:
            for batch in reader:
                yield batch, min(raw.tell(), total), total


def _header(head: bytes, table: Table, file: TableFile, problems: Problems) -> list[str] | None:
    """The column names of a CSV, or None after a problem that hides them."""
    line = head.split(b"\n", 1)[0].rstrip(b"\r").removeprefix(b"\xef\xbb\xbf")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in line:
        problems.add("file.encoding", file.name, "is not UTF-8 text.", "Save the file as UTF-8.")
        return None
    if not line.strip():
        problems.add("file.empty", file.name, "has no header line.", "Start with column names.")
        return None
    for mark, word in ((b";", "semicolons"), (b"\t", "tabs"), (b"|", "bars")):
        if mark in line and b"," not in line:
            problems.add(
                "file.separator", file.name, f"separates its columns by {word}.",
                "Separate them by commas.",
            )  # fmt: skip
            return None
    return [name.strip('"') for name in line.decode("utf-8", "replace").split(",")]


def _parquet(
    source: Source, file: TableFile, table: Table, numbering: _Numbering, problems: Problems
) -> Iterator[tuple[pa.RecordBatch, int, int]]:
    with source.seekable(file.name) as place, pq.ParquetFile(place) as parquet:
        schema = parquet.schema_arrow
        names = _fields(schema.names, table, file, problems)
        if names is None or not _types(schema, table, file, problems):
            return
        total, done = parquet.metadata.num_rows, 0
        for batch in parquet.iter_batches(batch_size=PARQUET_BATCH_ROWS):
            done += batch.num_rows
            yield batch, done, total


def _types(schema: pa.Schema, table: Table, file: TableFile, problems: Problems) -> bool:
    """Whether every Parquet column has a type that holds its values exactly."""
    sound = True
    for column in table.columns:
        for name in (column.name, column.exact):
            if not name or name not in schema.names:
                continue
            kind = schema.field(name).type
            if not _fits(column, name, kind):
                sound = False
                problems.add(
                    "column.type", file.name, f"holds {kind} where {_wanted(column, name)} belong.",
                    "Write the column again in that type.", field=name,
                )  # fmt: skip
    return sound


def _is_text(kind: pa.DataType) -> bool:
    if pt.is_dictionary(kind):
        kind = kind.value_type
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _fits(column: Column, name: str, kind: pa.DataType) -> bool:
    if column.kind in (Kind.TEXT, Kind.CHOICE, Kind.REFERENCE):
        return _is_text(kind) or (column.blank and pt.is_null(kind))
    if name == column.exact or column.kind is Kind.INTEGER:
        return bool(pt.is_integer(kind))
    if column.kind is Kind.TIME:
        return pt.is_timestamp(kind) or _is_text(kind)
    return bool(pt.is_decimal128(kind) or pt.is_integer(kind)) or _is_text(kind)


def _wanted(column: Column, name: str) -> str:
    if column.kind in (Kind.TEXT, Kind.CHOICE, Kind.REFERENCE):
        return "strings"
    if name == column.exact or column.kind is Kind.INTEGER:
        return "integers"
    return "timestamps with a zone" if column.kind is Kind.TIME else "decimals or strings"
