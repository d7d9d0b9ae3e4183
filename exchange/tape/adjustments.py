"""A plan's adjustments on disk, laid out so that any page of the feed is read in milliseconds.

Beside the tapes lie, for each executed plan that changed fills or positions, its records in the
order of the feed, and for accounts and for contracts the numbers of their records. All are derived
from the plan and the tape: deleting them costs the time to make them again. They are mapped into
memory, so a page reads what it shows and no more. The records are put in place last: where they
are, all is.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.adjustments import Adjustments, opposite
from exchange.tape import store

VERSION = "1"
RECORD = np.dtype(
    [
        ("kind", "u1"), ("seq", "<i8"), ("time", "<i8"), ("account", "<i4"), ("contract", "<i2"),
        ("trade", "<i8"), ("order", "<i8"), ("quantity_before", "<i8"), ("quantity_after", "<i8"),
        ("value_before", "<i8"), ("value_after", "<i8"),
    ]
)  # fmt: skip
ROWS_MAX = 2**31 - 1

I64 = npt.NDArray[np.int64]


class Row(NamedTuple):
    """One record as plain numbers; its fields are those of `Adjustments`."""

    kind: int
    seq: int
    time: int
    account: int
    contract: int
    trade: int
    order: int
    quantity_before: int
    quantity_after: int
    value_before: int
    value_after: int


class Sidecar(NamedTuple):
    """`records` in the order of the feed; an index is i32[2, records]: keys, sorted, over the
    numbers of the records that have them, ascending for each key."""

    records: npt.NDArray[Any]
    by_account: npt.NDArray[np.int32]
    by_contract: npt.NDArray[np.int32]

    def find(
        self,
        start: int,
        limit: int,
        *,
        accounts: Sequence[int] | None = None,
        contract: int | None = None,
        backwards: bool = False,
    ) -> I64:
        """Places of at most `limit` records from `start` on, ascending; of these accounts and this
        contract only, where they are given. `backwards` counts places from the last record."""
        total = len(self.records)
        start = min(start, total)
        first, stop = (0, total - start) if backwards else (start, total)
        step = -1 if backwards else 1
        if accounts is not None:
            enough = limit if contract is None else None
            found = [
                _having(self.by_account, key, first, stop)[::step][:enough] for key in set(accounts)
            ]
            rows = np.sort(np.concatenate([np.zeros(0, np.int64), *found]))
            if contract is not None:
                rows = rows[self.records["contract"][rows] == contract]
        elif contract is not None:
            rows = _having(self.by_contract, contract, first, stop)
        else:
            rows = np.arange(*((stop - limit, stop) if backwards else (first, first + limit)))
            rows = rows[(rows >= first) & (rows < stop)]
        chosen = rows[::step][:limit].astype(np.int64)
        return total - 1 - chosen if backwards else chosen

    def rows(self, places: I64, *, backwards: bool = False) -> list[Row]:
        """The records at these places; `backwards`, what takes them back, the last one first."""
        chosen = self.records[len(self.records) - 1 - places if backwards else places]
        made = Adjustments(*(chosen[name] for name in Adjustments._fields))
        columns: Iterable[npt.NDArray[Any]] = opposite(made) if backwards else made
        return [Row(*values) for values in zip(*(c.tolist() for c in columns), strict=True)]


def write(name: str, made: Adjustments) -> None:
    """Put the records of a plan on disk; harmless where they are. Raises OSError."""
    if len(made.kind) > ROWS_MAX:
        raise OverflowError(f"{len(made.kind)} records are more than a sidecar numbers")
    store.folder().mkdir(parents=True, exist_ok=True)
    records, by_account, by_contract = _files(name)
    _save(by_account, _index(made.account))
    _save(by_contract, _index(made.contract))
    whole = np.empty(len(made.kind), RECORD)
    for column in RECORD.names or ():
        whole[column] = getattr(made, column)
    _save(records, whole)


def read(name: str) -> Sidecar | None:
    """The sidecar, mapped; None where there is none or a part of it is missing or cut short."""
    try:
        return Sidecar(*(np.load(path, mmap_mode="r") for path in _files(name)))
    except (FileNotFoundError, ValueError, EOFError):
        return None


@contextmanager
def making() -> Iterator[None]:
    """One maker of sidecars at a time on this machine: two readers who find none make one."""
    folder = store.folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".adjustments.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def exists(name: str) -> bool:
    """Whether its records are on this disk."""
    return _files(name)[0].exists()


def _files(name: str) -> tuple[Path, Path, Path]:
    stem = store.folder() / f"{name}.adjustments-{VERSION}"
    return (
        Path(f"{stem}.npy"),
        Path(f"{stem}.by-account.npy"),
        Path(f"{stem}.by-contract.npy"),
    )


def _index(keys: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    rows = np.argsort(keys, kind="stable")
    return np.stack([keys[rows].astype(np.int32), rows.astype(np.int32)])


def _having(index: npt.NDArray[np.int32], key: int, first: int, stop: int) -> npt.NDArray[np.int32]:
    """Numbers, ascending, of the records of a key between two of them."""
    # Keys of the index's own type: with any other, numpy would convert all of the index first.
    begins = int(np.searchsorted(index[0], np.int32(key), side="left"))
    ends = int(np.searchsorted(index[0], np.int32(key), side="right"))
    rows = index[1, begins:ends]
    low, high = np.searchsorted(rows, np.array([first, stop], np.int32))
    return rows[int(low) : int(high)]


def _save(path: Path, values: npt.NDArray[Any]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".npy")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, values)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o444)
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
