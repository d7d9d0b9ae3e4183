"""What the embedded servers refuse, and what they say: nothing is half made."""

import contextlib
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice import embedded
from backoffice.embedded import processes, valkey
from backoffice.embedded.answers import Answer
from backoffice.embedded.places import Places
from tests.backoffice.embedded.at_work import (
    ROOT,
    as_ordinary_user,
    in_a_child,
    keys,
    manage,
    pids,
    sql,
)
from tests.desk import WAIT_SECONDS_MAX, wait_until


def test_a_file_in_the_place_of_the_data_folder(at: Places) -> None:
    at.data.write_text("a file")
    with pytest.raises(embedded.EmbeddedError, match=f"{at.data}: a file stands where") as said:
        embedded.ensure(at)
    assert "MAKEWHOLE_DATA" in str(said.value)
    assert at.data.read_text() == "a file"


def test_a_file_in_the_place_of_the_database(at: Places) -> None:
    at.data.mkdir()
    at.postgres.write_text("a file")
    with pytest.raises(embedded.EmbeddedError, match=f"{at.postgres}: a file stands where"):
        embedded.ensure(at)
    assert at.postgres.read_text() == "a file"


def test_a_folder_of_another_major(at: Places) -> None:
    at.postgres.mkdir(parents=True)
    (at.postgres / "PG_VERSION").write_text("16\n")
    with pytest.raises(embedded.EmbeddedError, match="was made by PostgreSQL 16"):
        embedded.ensure(at)
    assert [file.name for file in at.postgres.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_is_no_database(at: Places) -> None:
    at.postgres.mkdir(parents=True)
    (at.postgres / "holiday.jpg").write_text("sea")
    with pytest.raises(embedded.EmbeddedError, match="holds files but no database"):
        embedded.ensure(at)
    assert (at.postgres / "holiday.jpg").read_text() == "sea"


def test_a_folder_of_another_user(at: Places) -> None:
    at.data.mkdir()
    processes.open_to(processes.server_account(at), at.data / "x")
    at.postgres.symlink_to("/usr")
    said = as_ordinary_user(lambda: embedded.ensure(at))
    assert said.startswith(f"{at.postgres} belongs to root, and you are ")
    assert "MAKEWHOLE_DATA" in said
    at.postgres.unlink()


def test_a_read_only_folder(at: Places) -> None:
    at.data.mkdir()
    at.data.chmod(0o555)
    processes.open_to(processes.server_account(at), at.data / "x")
    said = as_ordinary_user(lambda: embedded.ensure(at))
    at.data.chmod(0o755)
    assert said.startswith(f"cannot write in the data folder {at.data}: this user may not")
    assert "MAKEWHOLE_DATA" in said
    assert list(at.data.iterdir()) == []


def test_an_initdb_that_fails_half_way_leaves_nothing(at: Places) -> None:
    """A limit on the size of files stops it as a full disk would, on any machine."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    said = in_a_child(limit, lambda: embedded.ensure(at))
    assert "the half-made folder was removed" in said
    assert not at.postgres.exists()
    assert not at.postgres_making.exists()
    embedded.ensure(at)
    assert sql(at, "SELECT 1") == [(1,)]


def test_a_start_killed_while_it_made_the_database(at: Places) -> None:
    at.postgres_making.mkdir(parents=True)
    (at.postgres_making / "PG_VERSION").write_text("18\n")
    embedded.ensure(at)
    assert sql(at, "SELECT 1") == [(1,)]
    assert not at.postgres_making.exists()


@pytest.mark.usefixtures("filled")
def test_a_socket_another_server_holds(at: Places) -> None:
    embedded.ensure(at)
    other = embedded.places(at.data.parent / "other")
    embedded.ensure(other)
    try:
        holder = pids(other)[0]
        embedded.stop(at)
        Path(f"{at.postgres_socket}.lock").write_text(f"{holder}\n")
        with pytest.raises(embedded.EmbeddedError, match=f"is in use by .*pid {holder}"):
            embedded.ensure(at)
        assert pids(other)[0] == holder
    finally:
        embedded.stop(other)


def test_help_starts_nothing(at: Places) -> None:
    command = manage(at, "drill", "--help")
    told, said = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert (command.returncode, said) == (0, "")
    assert "--accounts" in told
    assert not at.postgres.exists()


def test_comparing_a_file_starts_nothing(at: Places, folder: Path) -> None:
    (file := folder / "trades.csv").write_text("1,100.0,1,100.0,1522374600000,true\n")
    command = manage(at, "import_tape", "--format", "binance-trades", str(file), "--dry-run")
    told, said = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert (command.returncode, said) == (0, "")
    assert "kept: 1" in told
    assert not at.postgres.exists()


def test_a_database_that_is_away_is_told_in_a_line(
    at: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nowhere")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    command = manage(at, "migrate")
    _, said = command.communicate(timeout=WAIT_SECONDS_MAX)
    assert command.returncode == 1
    assert said.startswith("makewhole: the database does not answer: ")
    assert "Traceback" not in said


def test_a_command_says_it_without_a_traceback(at: Places) -> None:
    at.data.mkdir()
    at.postgres.write_text("a file")
    for words in (["services", "start"], ["migrate"]):
        command = manage(at, *words)
        _, said = command.communicate(timeout=WAIT_SECONDS_MAX)
        assert command.returncode == 1
        assert str(at.postgres) in said
        assert "Traceback" not in said


def may_mount() -> bool:
    """Whether this is root as on a machine of its own; a container's may have been denied it."""
    if not ROOT or shutil.which("unshare") is None:
        return False
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/tmp"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


if may_mount():

    @pytest.fixture
    def small_disk(folder: Path) -> Iterator[Path]:
        """A disk of 24 MB: enough to begin a database, too small to finish it."""
        disk = folder / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], check=True)
        yield disk
        subprocess.run(["umount", "--lazy", disk], check=True)

    def test_a_full_disk(small_disk: Path) -> None:
        at = embedded.places(small_disk / "data")
        with pytest.raises(embedded.EmbeddedError, match="the disk is full") as said:
            embedded.ensure(at)
        assert str(at.postgres) in str(said.value)
        assert not at.postgres.exists()
        assert not at.postgres_making.exists()
        subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
        try:
            embedded.ensure(at)
            assert sql(at, "SELECT 1") == [(1,)]
        finally:
            embedded.stop(at)

    def test_a_disk_that_fills_under_the_broker(
        small_disk: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/makewhole")
        at = embedded.places(small_disk / "data")
        embedded.ensure(at)
        try:
            keys(at).rpush("queue", "kept")
            before = valkey.running(at)
            rest = small_disk / "rest"
            with contextlib.suppress(OSError), rest.open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(2**16))
            keys(at).rpush("queue", "x" * 2**16)
            wait_until(lambda: valkey.answer(at) is Answer.FULL, "it has seen that")
            with pytest.raises(embedded.EmbeddedError, match="refuses every write") as said:
                embedded.ensure(at)
            assert "No space left on device" in str(said.value)
            assert "refusing writes" in embedded.status(at)[1][1]
            rest.unlink()
            wait_until(lambda: valkey.answer(at) is Answer.READY, "it goes on by itself")
            embedded.ensure(at)
            assert valkey.running(at) == before
            assert keys(at).lindex("queue", 0) == "kept"
        finally:
            embedded.stop(at)

    def test_a_read_only_disk(small_disk: Path) -> None:
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        at = embedded.places(small_disk / "data")
        with pytest.raises(embedded.EmbeddedError, match="the file system is read-only"):
            embedded.ensure(at)
