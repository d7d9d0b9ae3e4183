"""Legs of a journal as columns, and the canonical form under which they are digested.

The digest of a table is one that PostgreSQL re-derives inside the transaction that posts it
(`books_digest` in `migrations/sql/0002_ledger.sql`); `digest` here is its twin, so that an auditor
with a CSV export and no database comes to the same 64 characters.

The form, version 1. Rows are numbered from 1. An *array* is PostgreSQL's binary array: int32 1
(dimensions), int32 0 (no nulls), int32 type (20: int8, 21: int2), int32 length, int32 1 (first
index), then for each element int32 its bytes (8 or 2) and the element; all big-endian. A *chunk* is
65,536 consecutive rows (the last may be shorter) and hashes to the SHA-256 of its columns' arrays,
one after the other. The digest is the hex SHA-256 of

    label in UTF-8 | array of int8: header..., number of rows | hash of each chunk in order
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]
I16 = npt.NDArray[np.int16]
Column = npt.NDArray[np.int64] | npt.NDArray[np.int16]

CHUNK_ROWS = 65_536
CASH_LABEL = "makewhole cash legs/1"
POSITION_LABEL = "makewhole position legs/1"
CASH_BEFORE_LABEL = "makewhole balances before/1"
POSITION_BEFORE_LABEL = "makewhole positions before/1"

_OIDS = {8: 20, 2: 21}


class CashLegs(NamedTuple):
    """Signed amounts in minor units, one row a leg; ids of ledger accounts and assets."""

    ledger_account: I64
    asset: I16
    amount: I64


class PositionLegs(NamedTuple):
    """Signed contracts and cost in minor units, one row a leg; ids of accounts and contracts."""

    account: I64
    contract: I64
    quantity: I64
    cost: I64


def cash_legs(
    ledger_account: npt.ArrayLike = (), asset: npt.ArrayLike = (), amount: npt.ArrayLike = ()
) -> CashLegs:
    """Legs from any sequences of whole numbers; raises ValueError on ragged ones."""
    return CashLegs(*_columns((ledger_account, np.int64), (asset, np.int16), (amount, np.int64)))


def position_legs(
    account: npt.ArrayLike = (),
    contract: npt.ArrayLike = (),
    quantity: npt.ArrayLike = (),
    cost: npt.ArrayLike = (),
) -> PositionLegs:
    """Legs from any sequences of whole numbers; raises ValueError on ragged ones."""
    return PositionLegs(*_columns(*((c, np.int64) for c in (account, contract, quantity, cost))))


def total(values: Column) -> int:
    """The sum, exact whatever its size (numpy's own would wrap at 64 bits)."""
    low = values.astype(np.int64) & 0xFFFFFFFF
    high = values.astype(np.int64) >> 32
    return (int(high.sum()) << 32) + int(low.sum())


def excess(groups: Column, values: I64) -> dict[int, int]:
    """Sum of `values` per group, only the groups that do not sum to zero."""
    sums = {int(group): total(values[groups == group]) for group in np.unique(groups)}
    return {group: value for group, value in sums.items() if value}


def digest(label: str, header: Sequence[int], columns: Sequence[Column]) -> str:
    """The canonical digest of equally long columns (64 hex characters)."""
    rows = len(columns[0])
    parts = hashlib.sha256(label.encode())
    parts.update(_array(np.array([*header, rows], np.int64)))
    for start in range(0, rows, CHUNK_ROWS):
        chunk = hashlib.sha256()
        for column in columns:
            chunk.update(_array(column[start : start + CHUNK_ROWS]))
        parts.update(chunk.digest())
    return parts.hexdigest()


def join(digests: Sequence[str]) -> str:
    """One digest of several: the SHA-256 of their hex, one after the other."""
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _array(values: Column) -> bytes:
    """PostgreSQL's binary form of an array without nulls."""
    size = values.dtype.itemsize
    head = np.array([1, 0, _OIDS[size], len(values), 1], ">i4").tobytes()
    element = np.dtype([("bytes", ">i4"), ("value", f">i{size}")])
    rows = np.empty(len(values), element)
    rows["bytes"] = size
    rows["value"] = values
    return head + rows.tobytes()


def _columns(*given: tuple[npt.ArrayLike, Any]) -> list[npt.NDArray[Any]]:
    """Each as an array of its type. Fractions and values out of range are refused, not cut."""
    columns = []
    for values, kind in given:
        array = np.asarray(values)
        if array.size == 0:
            array = array.astype(kind)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise ValueError(f"a column of legs is whole numbers, not {array.dtype}")
        if array.size and not _fits(array, kind):
            raise ValueError(f"a value does not fit {np.dtype(kind).name}")
        columns.append(np.ascontiguousarray(array.astype(kind)))
    if len({len(column) for column in columns}) != 1:
        raise ValueError("columns of legs differ in length")
    return columns


def _fits(array: npt.NDArray[Any], kind: Any) -> bool:
    bounds = np.iinfo(kind)
    return bounds.min <= int(array.min()) and int(array.max()) <= bounds.max
