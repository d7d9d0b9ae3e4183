"""Columns into PostgreSQL by binary COPY and out of it as binary arrays: the fastest doors.

Fixed-width columns are laid out by numpy, so a million rows cost no Python loop.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection
from psycopg import Copy, sql

I64 = npt.NDArray[np.int64]
CHUNK_ROWS = 100_000
_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
_ARRAY_HEADER = 5 * 4  # dimensions, flags, type of the elements, length, lower bound
_ARRAY_ITEM = np.dtype([("size", ">i4"), ("value", ">i8")])


def copy_columns(table: str, columns: Sequence[tuple[str, npt.NDArray[Any]]]) -> int:
    """Append rows to `table` in one statement; returns how many.

    Columns are integer arrays of the table's own width (int8 for a boolean, int16, int32,
    int64) and equal length.
    Joins the caller's transaction. Triggers see one statement.
    """
    rows = len(columns[0][1])
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for index, (_, values) in enumerate(columns):
        if len(values) != rows or values.dtype.kind != "i":
            raise ValueError("columns to copy are integers of one length")
        fields += [(f"size{index}", ">i4"), (f"value{index}", f">i{values.dtype.itemsize}")]
    layout = np.dtype(fields)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(name) for name, _ in columns)
    )
    with _copying(statement) as copy:
        copy.write(_HEADER)
        for start in range(0, rows, CHUNK_ROWS):
            block = np.empty(min(CHUNK_ROWS, rows - start), layout)
            block["fields"] = len(columns)
            for index, (_, values) in enumerate(columns):
                block[f"size{index}"] = values.dtype.itemsize
                block[f"value{index}"] = values[start : start + CHUNK_ROWS]
            copy.write(block.tobytes())
        copy.write(_TRAILER)
    return rows


def copy_rows(table: str, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
    """Append rows with text among them, in one statement; returns how many."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    with _copying(statement) as copy:
        for row in rows:
            copy.write_row(row)
    return len(rows)


def read_columns(query: str, arguments: Mapping[str, Any], columns: int) -> list[I64]:
    """The columns of a query in its order, each i64[rows]; every value is a bigint, none is null.

    One statement. Each column comes as one binary array, so that a million rows are neither a
    million messages nor a million objects. Raises ValueError for another type or a null.
    """
    names = [f"c{index}" for index in range(columns)]
    arrays = ", ".join(f"array_send(array_agg({name}))" for name in names)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {arrays} FROM ({query}) AS q ({', '.join(names)})",  # noqa: S608 - our own text
            arguments,
        )
        row = cursor.fetchone() or ()
    return [_array(data) for data in row]


def _array(data: bytes | None) -> I64:
    """The values of PostgreSQL's binary form of a bigint[] of one dimension; None has none."""
    if data is None:
        return np.zeros(0, np.int64)
    body = memoryview(data)[_ARRAY_HEADER:]
    if len(body) % _ARRAY_ITEM.itemsize:
        raise ValueError("columns to read are bigints without nulls")
    items = np.frombuffer(body, _ARRAY_ITEM)
    if (items["size"] != 8).any():
        raise ValueError("columns to read are bigints without nulls")
    return items["value"].astype(np.int64)


@contextmanager
def _copying(statement: sql.Composed, arguments: Mapping[str, Any] | None = None) -> Iterator[Copy]:
    """A COPY on Django's connection whose errors are Django's, like every other statement's."""
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement) as copy,
    ):
        yield copy
