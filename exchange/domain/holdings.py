"""Fills and holdings as columns: what a replay reads and what it returns.

A digest is of the content alone, and does not depend on how a replay was shared out: shards by
`shard_of` put together by `merge` have the digest of the whole.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.value import ContractSpec

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
I16 = npt.NDArray[np.int16]

TRADE, TAKEOVER, LIQUIDATION, DELIVERY = range(4)
"""Why a fill happened, as its flags say it."""


class TapeDisorder(ValueError):
    """A fill is out of time order, or names a contract, account or price out of range."""


class Fills(NamedTuple):
    """Fills in the order they happened; one row per side. Times in microseconds UTC."""

    seq: I64
    time: I64
    contract: I16
    account: I32
    quantity: I64
    price: I64
    fee: I64
    trade: I64
    order: I64
    flags: npt.NDArray[np.uint8]


class Holdings(NamedTuple):
    """One row per account and contract, sorted by (account, contract); minor units."""

    account: I32
    contract: I16
    quantity: I64
    cost: I64
    realised: I64
    fees: I64


def empty_holdings() -> Holdings:
    """No rows at all: an exchange on which nobody holds anything."""
    none = np.zeros(0, np.int64)
    return Holdings(none.astype(np.int32), none.astype(np.int16), none, none, none, none)


def empty_fills() -> Fills:
    """A tape on which nothing happened."""
    none = np.zeros(0, np.int64)
    return Fills(
        none, none, none.astype(np.int16), none.astype(np.int32), none, none, none, none, none,
        none.astype(np.uint8),
    )  # fmt: skip


def reason_of(flags: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Why each fill happened: `TRADE` and so on."""
    return (flags >> np.uint8(1)) & np.uint8(3)


def terms_of(specs: Sequence[ContractSpec]) -> tuple[I64, I64, I64]:
    """Kinds, numerators and denominators of contracts, as the kernels take them."""
    rows = np.array([(s.kind, s.num, s.den) for s in specs], np.int64).reshape(len(specs), 3)
    kind, num, den = rows.T.copy()
    return kind, num, den


def state_digest(holdings: Holdings) -> str:
    """SHA-256 over the columns, by `column_digest`."""
    return column_digest("makewhole-holdings/1", holdings._asdict())


def column_digest(label: str, columns: dict[str, npt.NDArray[Any]]) -> str:
    """SHA-256 over columns as little-endian arrays with their names, types and lengths."""
    digest = hashlib.sha256(f"{label}\n".encode())
    for name, column in columns.items():
        data = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
        digest.update(f"{name} {column.dtype.kind}{column.dtype.itemsize} {data.size}\n".encode())
        digest.update(data.data)
    return digest.hexdigest()


def shard_of(account: I32) -> npt.NDArray[np.uint8]:
    """Bucket 0..255 of each account: a fixed multiplicative hash, so shards are even.

    Any number of workers takes whole buckets.
    """
    mixed = account.astype(np.uint64) * np.uint64(2654435761) & np.uint64(0xFFFFFFFF)
    return (mixed >> np.uint64(24)).astype(np.uint8)


def merge(parts: Sequence[Holdings]) -> Holdings:
    """Put shards with disjoint accounts together again, sorted by (account, contract)."""
    if len(parts) == 1:
        return parts[0]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    merged = Holdings(*(column[order] for column in columns))
    same = (np.diff(merged.account) == 0) & (np.diff(merged.contract) == 0)
    if same.any():
        raise TapeDisorder("shards overlap: an account's holding appears in two of them")
    return merged
