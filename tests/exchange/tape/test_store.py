"""The store: content-addressed, whole or absent, never edited."""

import hashlib
import json
import random
import resource
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from exchange.tape import arrays, bundle, store
from tests.exchange.tape import market


@pytest.fixture
def written(tmp_path: Path, tape_store: Path) -> Path:
    return market.write(tmp_path / "sound", market.tables())


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow beyond a kilobyte: writes fail as on a full disk.

    Not a fixture: the limit would still hold when the test's result is written to a log.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_files_are_named_by_content_and_read_only(written: Path, tape_store: Path) -> None:
    tape = bundle.read(written)
    files = {file.name for file in tape_store.glob("[!.]*")}
    index = json.loads((tape_store / f"{tape.digest}.json").read_bytes())
    assert files == {f"{d}.parquet" for d in index["tables"].values()} | {f"{tape.digest}.json"}
    assert all(file.stat().st_mode & 0o222 == 0 for file in tape_store.glob("[!.]*"))


def test_the_digest_is_defined_by_bytes_not_by_parquet() -> None:
    table = arrays.Assets(("BTC", "é"), np.array([8, 2], np.int16))
    spelled = (
        b"\x01assets\0"
        b"code:text[2]\0" + (3).to_bytes(8, "little") + (2).to_bytes(8, "little") + "BTCé".encode()
        + b"decimals:<i2[2]\0" + b"\x08\x00\x02\x00"
    )  # fmt: skip
    assert store.table_digest("assets", table) == hashlib.sha256(spelled).hexdigest()


def test_storing_twice_changes_nothing(written: Path, tape_store: Path) -> None:
    first = bundle.read(written)
    before = {file: file.stat().st_mtime_ns for file in tape_store.glob("[!.]*")}
    assert bundle.read(written).digest == first.digest
    assert {file: file.stat().st_mtime_ns for file in tape_store.glob("[!.]*")} == before


def test_loads_only_what_was_asked_for(written: Path) -> None:
    digest = bundle.read(written).digest
    tape = store.load(digest, ("fills", "prices"))
    assert tape.fills.seq.tolist() == [1, 2, 3, 4, 5, 6]
    assert tape.prices.mark.shape == (2, 4)
    assert tape.accounts is None


def test_a_tape_that_is_not_there(tape_store: Path) -> None:
    with pytest.raises(store.TapeMissing, match="There is no tape 0123"):
        store.load("0123" * 16)


def test_a_missing_table_file_is_named(written: Path, tape_store: Path) -> None:
    tape = bundle.read(written)
    digest = store.table_digest("fills", tape.fills)
    (tape_store / f"{digest}.parquet").unlink()
    with pytest.raises(store.TapeMissing, match="The fills of a tape"):
        store.load(tape.digest)
    assert store.load(tape.digest, ("accounts",)).accounts.code == tape.accounts.code


def test_a_changed_table_is_refused_until_imported_again(written: Path, tape_store: Path) -> None:
    tape = bundle.read(written)
    with market.altered_balances(tape):
        assert store.load(tape.digest, verify=False).balances.amount[0] == 12345679
        with pytest.raises(store.TapeDamaged, match="balances.*; import the bundle again"):
            store.load(tape.digest)
        assert bundle.read(written).digest == tape.digest
        assert store.load(tape.digest).balances.amount[0] == 12345678


def test_an_edited_index_is_refused(written: Path, tape_store: Path) -> None:
    tape = bundle.read(written)
    path = tape_store / f"{tape.digest}.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"A test market", b"B test market"))
    with pytest.raises(store.TapeDamaged, match="does not hold what its name says"):
        store.load(tape.digest)


def test_a_bit_turned_anywhere_is_found_or_changes_nothing(written: Path, tape_store: Path) -> None:
    tape, chance = bundle.read(written), random.Random(7)
    for path in tape_store.glob("[!.]*"):
        content = path.read_bytes()
        path.chmod(0o644)
        for _ in range(60):
            turned = bytearray(content)
            turned[chance.randrange(len(turned))] ^= 1 << chance.randrange(8)
            path.write_bytes(turned)
            try:
                found = store.load(tape.digest)
            except store.TapeDamaged:
                continue
            for name in store.TABLES:
                digest = store.table_digest(name, getattr(found, name))
                assert digest == store.table_digest(name, getattr(tape, name))
        path.write_bytes(content)


def test_garbage_in_place_of_a_table_is_refused(written: Path, tape_store: Path) -> None:
    tape = bundle.read(written)
    path = tape_store / f"{store.table_digest('fills', tape.fills)}.parquet"
    path.chmod(0o644)
    path.write_bytes(b"PAR1 no longer")
    with pytest.raises(store.TapeDamaged, match="is not readable"):
        store.load(tape.digest)


def test_a_full_disk_leaves_nothing_half_stored(written: Path, tape_store: Path) -> None:
    refusal = "could not be stored.*Nothing of it was kept"
    with pytest.raises(store.StoreUnwritable, match=refusal), full_disk():
        bundle.read(written)
    assert list(tape_store.glob("[!.]*")) == []
    assert list(tape_store.glob(".writing-*")) == []


def test_a_file_where_the_store_should_be(written: Path, tape_store: Path) -> None:
    tape_store.parent.mkdir()
    tape_store.write_text("in the way")
    with pytest.raises(store.StoreUnwritable, match="could not be stored"):
        bundle.read(written)
    assert tape_store.read_text() == "in the way"


def test_a_table_is_one_parquet_column_a_field(written: Path, tape_store: Path) -> None:
    tape = bundle.read(written)
    path = tape_store / f"{store.table_digest('prices', tape.prices)}.parquet"
    assert pq.read_schema(path).names == ["time", "mark.0", "mark.1", "index.0", "index.1"]


def test_several_writers_of_one_tape_leave_one_whole_tape(written: Path, tape_store: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        digests = {tape.digest for tape in pool.map(bundle.read, [written] * 8)}
    (digest,) = digests
    assert store.load(digest).fills.seq.tolist() == [1, 2, 3, 4, 5, 6]
    assert len(list(tape_store.glob("[!.]*"))) == len(store.TABLES) + 1
    assert list(tape_store.glob(".writing-*")) == []


def test_reading_copies_nothing_twice(written: Path, tape_store: Path) -> None:
    tape = bundle.read(written)
    path = tape_store / f"{store.table_digest('fills', tape.fills)}.parquet"
    assert not any(field.nullable for field in pq.read_schema(path))
    for threads in (True, False):
        fills = store.load(tape.digest, ["fills"], threads=threads).fills
        assert repr(fills) == repr(tape.fills)
        assert not any(column.flags.writeable or column.flags.owndata for column in fills)
