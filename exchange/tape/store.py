"""The tape store: Parquet files named by the SHA-256 of what they contain, never edited.

A table's digest is taken over a version byte, its name, its columns' names and types, and their
little-endian bytes; it does not depend on the Parquet writer. A tape's digest is the SHA-256 of
canonical JSON over its manifest and the digests of its tables. Files are written beside their
final name, flushed to the disk and renamed, tables first and the tape's index last: a tape that
can be found is whole.
"""

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from exchange.domain.value import ContractSpec, contract_spec
from exchange.tape import arrays
from exchange.tape.arrays import Tape

VERSION = b"\x01"
ROW_GROUP = 2**20
"""Rows the Parquet writer holds in memory at once."""
TABLES: dict[str, type] = {
    "assets": arrays.Assets,
    "accounts": arrays.Accounts,
    "balances": arrays.Balances,
    "positions": arrays.Positions,
    "fills": arrays.Fills,
    "prices": arrays.Prices,
    "transfers": arrays.Transfers,
    "liquidations": arrays.Liquidations,
    "orders": arrays.Orders,
}
Progress = Callable[[str, int, int], None]


class StoreUnwritable(OSError):
    """The disk is full or refuses; nothing of the tape can be found in the store."""


class TapeMissing(LookupError):
    """No tape of that digest is in the store."""


class TapeDamaged(TapeMissing):
    """A stored file does not hold what its name says, so the tape of that name is not there."""


# What pyarrow and we raise at a file with a bit turned, its head or its values.
UNREADABLE = (pa.ArrowException, OSError, KeyError, TypeError, ValueError)
MEND = "import the bundle again, or put the file back from a backup"


def folder() -> Path:
    """Where tapes are kept: `tape` under $MAKEWHOLE_DATA, or under ./var."""
    return Path(os.environ.get("MAKEWHOLE_DATA") or "var") / "tape"


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces: the same value is always the same bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def _bytes_of(values: Any) -> tuple[str, Iterable[Any]]:
    """(type name, byte buffers) of one column: arrays little-endian, texts length-prefixed."""
    if isinstance(values, np.ndarray):
        little = values.dtype.newbyteorder("<")
        flat = np.ascontiguousarray(values, dtype=little)
        shape = "x".join(str(size) for size in flat.shape)
        return f"{little.str}[{shape}]", [flat.reshape(-1).view(np.uint8).data]
    column = pa.array(values, pa.large_string())
    lengths = np.array([len(text.encode()) for text in values], dtype="<i8")
    data = column.buffers()[2]
    return f"text[{len(values)}]", [lengths.view(np.uint8).data, b"" if data is None else data]


def table_digest(name: str, table: Any) -> str:
    """SHA-256 over the content of one table of a tape, as the module's first lines define it."""
    digest = hashlib.sha256(VERSION)
    digest.update(name.encode() + b"\0")
    for field in table._fields:
        kind, parts = _bytes_of(getattr(table, field))
        digest.update(f"{field}:{kind}\0".encode())
        for part in parts:
            digest.update(part)
    return digest.hexdigest()


def _spec_rows(specs: list[ContractSpec]) -> list[dict[str, Any]]:
    return [
        {
            "symbol": spec.symbol, "kind": spec.kind, "face": str(spec.face),
            "tick": str(spec.tick), "settle": spec.settle, "scale": spec.scale,
            "lot": spec.lot, "underlying": spec.underlying, "expires_us": spec.expires_us,
        }
        for spec in specs
    ]  # fmt: skip


def _specs_of(rows: list[dict[str, Any]]) -> list[ContractSpec]:
    return [
        contract_spec(
            row["symbol"], row["kind"], Decimal(row["face"]), Decimal(row["tick"]), row["settle"],
            row["scale"], lot=row["lot"], underlying=row["underlying"],
            expires_us=row["expires_us"],
        )
        for row in rows
    ]  # fmt: skip


def _index(manifest: dict[str, Any], specs: list[ContractSpec], tables: dict[str, str]) -> bytes:
    return canonical(
        {"version": 1, "manifest": manifest, "contracts": _spec_rows(specs), "tables": tables}
    )


def save(tape_parts: dict[str, Any], progress: Progress | None = None) -> Tape:
    """Store a tape and return it with its digest.

    `tape_parts` are the fields of `Tape` but the digest. Storing what is there already changes
    nothing; what is there and damaged is written again. Raises `StoreUnwritable` for every fault
    of the disk.
    """
    target = folder()
    digests: dict[str, str] = {}
    written: list[Path] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        with _alone(target):
            try:
                for done, name in enumerate(TABLES):
                    table = tape_parts[name]
                    digests[name] = digest = table_digest(name, table)
                    path = target / f"{digest}.parquet"
                    if not _holds(target, name, digest):
                        _place(path, partial(_write, table=table))
                        written.append(path)
                    if progress:
                        progress("Storing the tape", done + 1, len(TABLES))
                index = _index(tape_parts["manifest"], tape_parts["specs"], digests)
                digest = hashlib.sha256(VERSION + index).hexdigest()
                path = target / f"{digest}.json"
                if not path.exists() or path.read_bytes() != index:
                    _place(path, lambda temporary: temporary.write_bytes(index))
            except OSError:
                for path in written:
                    path.unlink(missing_ok=True)
                raise
    except OSError as fault:
        raise StoreUnwritable(
            f"The tape could not be stored in {target}: {fault.strerror or fault}. "
            "Nothing of it was kept. Free some space or correct the folder, then import again."
        ) from fault
    return Tape(digest=digest, **tape_parts)


def _holds(target: Path, name: str, digest: str) -> bool:
    """Whether the table is in the store, whole."""
    try:
        _load_table(target, name, digest, verify=True, threads=True)
    except TapeMissing:
        return False
    return True


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One writer at a time: what a failing one takes back, no other has come to rely on."""
    with (target / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _place(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name, flush it, give it its name, flush the folder."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o444)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, table: Any) -> None:
    """One table as Parquet; a two-dimensional array becomes one column for each of its rows.

    No column is nullable: a required column's pages hold nothing but its values, so that reading
    them is copying them.
    """
    columns: dict[str, pa.Array] = {}
    for field in table._fields:
        values = getattr(table, field)
        if isinstance(values, np.ndarray) and values.ndim == 2:
            for row, line in enumerate(values):
                columns[f"{field}.{row}"] = pa.array(line)
        elif isinstance(values, np.ndarray):
            columns[field] = pa.array(values)
        else:
            columns[field] = pa.array(values, pa.string())
    schema = pa.schema([pa.field(name, c.type, nullable=False) for name, c in columns.items()])
    pq.write_table(
        pa.table(columns, schema), path, compression="NONE", use_dictionary=False,
        write_statistics=False, row_group_size=ROW_GROUP, data_page_size=2**23,
    )  # fmt: skip


def load(
    digest: str,
    tables: Iterable[str] | None = None,
    *,
    verify: bool = True,
    threads: bool = True,
) -> Tape:
    """Read a tape, or only some of its tables, and check that they are what their digests say.

    Without `verify` only that they can be read: a measurement's wish, never the desk's. Columns are
    read side by side, or one after the other without `threads`. Raises `TapeMissing` or
    `TapeDamaged`. A table that was not asked for is None.
    """
    target = folder()
    path = target / f"{digest}.json"
    try:
        index = path.read_bytes()
    except FileNotFoundError:
        raise TapeMissing(f"There is no tape {digest[:12]} in {target}; {MEND}") from None
    if hashlib.sha256(VERSION + index).hexdigest() != digest:
        raise TapeDamaged(f"{path.name} does not hold what its name says; {MEND}")
    content = json.loads(index)
    wanted = set(TABLES if tables is None else tables)
    parts: dict[str, Any] = dict.fromkeys(TABLES)
    for name in sorted(wanted):
        digest_of = content["tables"][name]
        parts[name] = _load_table(target, name, digest_of, verify=verify, threads=threads)
    return Tape(
        digest=digest, manifest=content["manifest"], specs=_specs_of(content["contracts"]), **parts
    )


def _load_table(target: Path, name: str, digest: str, *, verify: bool, threads: bool) -> Any:
    path = target / f"{digest}.parquet"
    kind = TABLES[name]
    try:
        with pq.ParquetFile(path, memory_map=True) as stored:
            found = stored.read(use_threads=threads)
        table = kind(*(_column(found, field) for field in kind._fields))  # type: ignore[attr-defined]
        intact = not verify or table_digest(name, table) == digest
    except FileNotFoundError:
        raise TapeMissing(f"The {name} of a tape, {path.name}, are not there; {MEND}") from None
    except UNREADABLE as fault:
        raise TapeDamaged(f"{path.name} ({name}) is not readable ({fault}); {MEND}") from fault
    if not intact:
        raise TapeDamaged(f"{path.name} ({name}) does not hold what its name says; {MEND}")
    return table


def _column(found: pa.Table, field: str) -> Any:
    """One field back from its column, or from the columns of its rows.

    An array is a read-only view of what the Parquet reader made, not another copy.
    """
    names = found.column_names
    if field in names:
        column = found.column(field)
        if pa.types.is_string(column.type):
            return tuple(column.to_pylist())
        return column.to_numpy()
    rows = [name for name in names if name.startswith(f"{field}.")]
    filled = np.zeros((len(rows), found.num_rows), np.int64)
    for row in range(len(rows)):
        filled[row] = found.column(f"{field}.{row}").to_numpy()
    return filled
