"""The fills of a tape once more, sorted by account: what one customer did, without reading all.

A sidecar beside the tape, derived from it and never evidence: two memory-mapped files, the fills as
records in (account, seq) order and where each account begins. Deleting them costs the next reader
about a second a million fills; they are written under another name and renamed.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from exchange.domain.replay import Fills
from exchange.tape import store

VERSION = "1"
RECORD = np.dtype(
    [
        ("seq", "<i8"), ("time", "<i8"), ("contract", "<i2"), ("quantity", "<i8"),
        ("price", "<i8"), ("fee", "<i8"), ("trade", "<i8"), ("flags", "u1"),
    ]
)  # fmt: skip


def fills_of(digest: str, account: int) -> npt.NDArray[Any]:
    """One account's fills as records in `seq` order, mapped from the disk, made if missing.

    Raises `store.TapeMissing`.
    """
    records, starts = _files(digest)
    if not (records.exists() and starts.exists()):
        build(digest)
    starting = np.load(starts, mmap_mode="r")
    if not 0 <= account < len(starting) - 1:
        return np.zeros(0, RECORD)
    first, stop = int(starting[account]), int(starting[account + 1])
    mapped: npt.NDArray[Any] = np.load(records, mmap_mode="r")[first:stop]
    return mapped


def build(digest: str) -> None:
    """Write the sidecar of a tape; harmless where it exists. Raises `store.TapeMissing`."""
    tape = store.load(digest, ["accounts", "fills"])
    fills: Fills = tape.fills
    order = np.argsort(fills.account, kind="stable")  # a tape's fills are in seq order
    made = np.empty(len(order), RECORD)
    for name in RECORD.names or ():
        made[name] = getattr(fills, name)[order]
    accounts = np.arange(len(tape.accounts.code) + 1)
    starts = np.searchsorted(fills.account[order], accounts).astype(np.int64)
    records_file, starts_file = _files(digest)
    _save(records_file, made)
    _save(starts_file, starts)


def _files(digest: str) -> tuple[Path, Path]:
    stem = f"{digest}.by-account-{VERSION}"
    return store.folder() / f"{stem}.fills.npy", store.folder() / f"{stem}.starts.npy"


def _save(path: Path, values: npt.NDArray[Any]) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=".npy")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, values)
        Path(name).chmod(0o444)
        Path(name).rename(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
