"""From a tape of fills to positions, cost, realised profit and fees at any instant.

One pass in time order, exact in int64. Invariants:

* the result does not depend on how accounts are split into shards (`shard_of`, `merge`);
* for a tape whose trades balance, ``sum(cost - realised)`` per contract never changes;
* nothing overflows silently: the extremes of the tape are checked before a fill is applied
  (`TapeTooLarge`), and a row out of time order is refused (`TapeDisorder`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.value import INT64_SAFE, ContractSpec, ValueTooLarge, check_bounds

I64 = npt.NDArray[np.int64]
I32 = npt.NDArray[np.int32]
I16 = npt.NDArray[np.int16]

SHARDS = 256
"""Account buckets; any number of workers takes whole buckets."""
CELLS_MAX = 1 << 24
"""Accounts times contracts held densely (at most 512 MiB); more run in blocks of accounts."""


class TapeDisorder(ValueError):
    """A fill is out of time order, or names a contract, account or price out of range."""


class TapeTooLarge(OverflowError):
    """The tape's extremes could take an amount out of int64; the message says which."""


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
    """Why each fill happened: 0 trade, 1 takeover, 2 liquidation, 3 delivery."""
    return (flags >> np.uint8(1)) & np.uint8(3)


def terms_of(specs: Sequence[ContractSpec]) -> tuple[I64, I64, I64]:
    """Kinds, numerators and denominators of contracts, as the kernels take them."""
    rows = np.array([(s.kind, s.num, s.den) for s in specs], np.int64).reshape(len(specs), 3)
    kind, num, den = rows.T.copy()
    return kind, num, den


def replay(
    opening: Holdings,
    fills: Fills,
    specs: Sequence[ContractSpec],
    instants_us: Sequence[int],
    *,
    workers: int = 1,
) -> list[Holdings]:
    """State after every fill with time <= each instant; all lists share the same rows.

    ``opening`` holds the positions before the first fill. ``instants_us`` must not decrease.
    ``workers`` threads (a power of two) share the accounts and change nothing else.
    Raises `TapeDisorder` and `TapeTooLarge`; neither leaves anything behind.
    """
    if any(a > b for a, b in zip(instants_us, instants_us[1:], strict=False)):
        raise TapeDisorder("instants must not decrease")
    if workers < 1 or workers & (workers - 1):
        raise ValueError(f"workers must be a power of two, not {workers}")
    accounts = 1 + max(_top(opening.account), _top(fills.account))
    block = max(1, CELLS_MAX // max(1, len(specs)))
    with ThreadPoolExecutor(workers) as pool:
        parts = [
            _replay_block(
                opening, fills, specs, instants_us, first, min(block, accounts - first), pool,
                workers,
            )
            for first in range(0, max(1, accounts), block)
        ]  # fmt: skip
    return [merge([part[i] for part in parts]) for i in range(len(instants_us))]


def _top(index: I32) -> int:
    return int(index.max()) if index.size else -1


def _replay_block(
    opening: Holdings,
    fills: Fills,
    specs: Sequence[ContractSpec],
    instants_us: Sequence[int],
    first: int,
    accounts: int,
    pool: ThreadPoolExecutor,
    workers: int,
) -> list[Holdings]:
    from exchange.domain import replay_kernels as kernels  # loads the compiler

    kind, num, den = terms_of(specs)
    seen = np.zeros((max(0, accounts), len(specs)), np.uint8)
    inside = (opening.account >= first) & (opening.account < first + accounts)
    seen[opening.account[inside] - first, opening.contract[inside]] = 1
    _survey(opening, fills, specs, first, seen, pool, workers)
    where = np.flatnonzero(seen)
    account = (where // max(1, len(specs)) + first).astype(np.int32)
    contract = (where % max(1, len(specs))).astype(np.int16)
    state = np.zeros((seen.size, 4), np.int64)
    rows = (opening.account[inside].astype(np.int64) - first) * len(specs) + opening.contract[
        inside
    ]
    for column, values in enumerate(opening[2:]):
        state[rows, column] = values[inside]

    stops = np.searchsorted(fills.time, np.asarray(instants_us, np.int64), side="right")
    result, done = [], 0
    for stop in stops.tolist():
        threads = [
            pool.submit(
                kernels.stream, done, stop, fills.contract, fills.account, fills.quantity,
                fills.price, fills.fee, first, accounts, len(specs), kind, num, den, state, part,
                workers - 1,
            )
            for part in range(workers)
        ]  # fmt: skip
        for thread in threads:
            thread.result()
        done = max(done, stop)
        columns = np.ascontiguousarray(state[where].T)
        result.append(Holdings(account, contract, *columns))
    return result


def _survey(
    opening: Holdings,
    fills: Fills,
    specs: Sequence[ContractSpec],
    first: int,
    seen: npt.NDArray[np.uint8],
    pool: ThreadPoolExecutor,
    workers: int,
) -> None:
    """Refuse a tape out of order or too large for int64; mark the rows it touches."""
    from exchange.domain import replay_kernels as kernels

    extremes = np.zeros((workers, len(specs), 3), np.int64)
    extremes[:, :, kernels.PRICE_MIN] = INT64_SAFE
    sums = np.zeros((workers, len(specs), 2), np.float64)
    edges = np.linspace(0, fills.time.size, workers + 1).astype(int).tolist()
    threads = [
        pool.submit(
            kernels.survey, edges[k], edges[k + 1], fills.time, fills.contract, fills.account,
            fills.quantity, fills.price, fills.fee, first, seen, extremes[k], sums[k],
        )
        for k in range(workers)
    ]  # fmt: skip
    bad = min((row for row in (thread.result() for thread in threads) if row >= 0), default=-1)
    if bad >= 0:
        row = tuple(int(column[bad]) for column in fills[1:6])
        raise TapeDisorder(
            f"fill {bad}: earlier than the fill before it, or out of range "
            f"(time, contract, account, quantity, price = {row})"
        )
    held = np.zeros((len(specs), 4))
    for column, values in enumerate(opening[2:]):
        np.add.at(held[:, column], opening.contract, np.abs(values.astype(np.float64)))
    for index, spec in enumerate(specs):
        largest, lowest, highest = extremes[:, index].T
        reach = (int(largest.max()), int(lowest.min()), int(highest.max()))
        _check_contract(spec, reach, sums[:, index].sum(axis=0), held[index])


def _check_contract(
    spec: ContractSpec,
    reach: tuple[int, int, int],
    sums: npt.NDArray[np.float64],
    held: npt.NDArray[np.float64],
) -> None:
    """Bound every intermediate amount of one contract by its volume at its worst price."""
    largest, price_min, price_max = reach
    if largest == 0:
        return
    volume = int(sums[0] * 1.000001) + 1  # float64 sums of up to 2**31 terms, rounded up
    position = volume + int(held[0])
    try:
        turnover = check_bounds(spec, position, price_min, price_max)
    except ValueTooLarge as error:
        raise TapeTooLarge(str(error)) from error
    bounds = {
        "cost": turnover + int(held[1]),
        "realised": 3 * turnover + int(held[1]) + int(held[2]),
        "fees": int(sums[1] * 1.000001) + int(held[3]),
    }
    for name, bound in bounds.items():
        if bound >= INT64_SAFE:
            raise TapeTooLarge(f"{spec.symbol}: {name} could reach {bound}, beyond 62 bits")


def state_digest(holdings: Holdings) -> str:
    """SHA-256 over the columns as little-endian arrays with their names and lengths."""
    digest = hashlib.sha256(b"makewhole-holdings/1\n")
    columns: Iterable[npt.NDArray[Any]] = holdings
    for name, column in zip(holdings._fields, columns, strict=True):
        data = np.ascontiguousarray(column, column.dtype.newbyteorder("<"))
        digest.update(f"{name} {column.dtype.kind}{column.dtype.itemsize} {data.size}\n".encode())
        digest.update(data.data)
    return digest.hexdigest()


def shard_of(account: I32) -> npt.NDArray[np.uint8]:
    """Bucket 0..255 of each account: a fixed multiplicative hash, so shards are even."""
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
