"""The embedded servers, under everything that happens to servers. Real ones, killed for real."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from backoffice import embedded
from backoffice.embedded import postgres, processes, valkey
from backoffice.embedded.places import PROJECT, SOCKET_BYTES_MAX, Places

ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture
def at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """An empty data folder; whatever runs in it is stopped at the end."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    at = embedded.places(folder / "data")
    yield at
    with contextlib.suppress(embedded.EmbeddedError):
        embedded.stop(at)
    if at.run != at.data / "run":
        shutil.rmtree(at.run, ignore_errors=True)


def sql(at: Places, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(embedded.database_url(at), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def keys(at: Places) -> "redis.Redis":
    return redis.Redis.from_url(embedded.redis_url(at), decode_responses=True)


def manage(at: Places, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", *words],
        cwd=PROJECT,
        env={**os.environ, "MAKEWHOLE_DATA": str(at.data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def pids(at: Places) -> tuple[int, int]:
    database, broker = postgres.running(at), valkey.running(at)
    assert database is not None
    assert broker is not None
    return database.pid, broker.pid


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    while processes.alive(pid):
        time.sleep(0.01)


def as_ordinary_user(function: Callable[[], object]) -> str:
    """Calls it without root's rights, which no permissions bind; returns what was said."""

    def give_up_rights() -> None:
        if ROOT:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

    return in_a_child(give_up_rights, function)


def in_a_child(*functions: Callable[[], object]) -> str:
    """Calls them in a child of ours; returns what an EmbeddedError said, or "" without one.

    A child, because what it gives up or limits cannot be had back, and the session needs it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = ""
        try:
            for function in functions:
                function()
        except embedded.EmbeddedError as error:
            said = str(error)
        except BaseException as error:
            said = f"not an EmbeddedError: {error!r}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@contextlib.contextmanager
def bystander() -> Iterator[int]:
    """A program that is no server and runs as the servers' user, as a recycled pid would."""
    account = processes.server_account(embedded.places("/nowhere"))
    with subprocess.Popen(["sleep", "600"], cwd="/", **processes.run_as(account)) as program:
        yield program.pid
        program.kill()


class TestEveryDay:
    def test_found_again_and_kept(self, at: Places) -> None:
        embedded.ensure(at)
        before = pids(at)
        sql(at, "CREATE TABLE kept AS SELECT 42 AS answer")
        keys(at).set("kept", "42")
        embedded.ensure(at)
        assert pids(at) == before

        assert embedded.stop(at) == ["Valkey", "PostgreSQL"]
        assert postgres.running(at) is None
        assert valkey.running(at) is None
        assert embedded.stop(at) == []

        embedded.ensure(at)
        assert sql(at, "SELECT answer FROM kept") == [(42,)]
        assert keys(at).get("kept") == "42"

    @pytest.mark.usefixtures("filled")
    def test_only_the_owner_reaches_the_sockets(self, at: Places) -> None:
        embedded.ensure(at)
        assert stat.S_IMODE(at.run.stat().st_mode) == 0o700
        assert sql(at, "SHOW listen_addresses") == [("",)]
        assert keys(at).config_get("port") == {"port": "0"}

        def connect() -> None:
            with socket.socket(socket.AF_UNIX) as connection, pytest.raises(PermissionError):
                connection.connect(str(at.valkey_socket))

        if ROOT:
            assert as_ordinary_user(connect) == ""

    @pytest.mark.usefixtures("filled")
    def test_the_tuning_is_in_force(self, at: Places) -> None:
        embedded.ensure(at)
        for name, value in postgres.TUNING.items():
            assert sql(at, f"SHOW {name}") == [(value,)]
        assert sql(at, "SHOW fsync") == [("on",)]
        assert sql(at, "SHOW synchronous_commit") == [("on",)]

    def test_started_by_three_commands_at_once(self, at: Places) -> None:
        commands = [manage(at, "services", "start") for _ in range(3)]
        for command in commands:
            _, said = command.communicate(timeout=120)
            assert command.returncode == 0, said
        assert len(processes.at_work("valkey-server", at.valkey)) == 1
        assert sql(at, "SELECT count(*) FROM pg_database WHERE datname = 'makewhole'") == [(1,)]

    @pytest.mark.usefixtures("filled")
    def test_they_outlive_the_command(self, at: Places) -> None:
        shown, said = manage(at, "services", "start").communicate(timeout=120)
        assert shown.count("running") == 2, said
        before = pids(at)
        shown, _ = manage(at, "services", "status").communicate(timeout=60)
        assert [str(pid) in shown for pid in before] == [True, True]
        shown, _ = manage(at, "services", "stop").communicate(timeout=60)
        assert shown == "stopped Valkey, PostgreSQL\n"
        assert not processes.at_work("postgres", at.postgres)

    @pytest.mark.usefixtures("filled")
    def test_other_tools_are_told_where_they_are(self, at: Places) -> None:
        shown, said = manage(at, "services", "address").communicate(timeout=120)
        script = (
            shown + '"$PGBIN/pg_dump" --schema-only "$DATABASE_URL" | grep "PostgreSQL database"'
        )
        found = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)
        assert "PostgreSQL database dump complete" in found.stdout, said + found.stderr

    def test_none_when_the_environment_names_others(
        self, at: Places, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://db.example/makewhole")
        monkeypatch.setenv("REDIS_URL", "redis://broker.example/0")
        embedded.ensure(at)
        assert not at.data.exists()


class TestPlaces:
    def test_a_long_path_falls_back_to_a_short_socket_folder(self, folder: Path) -> None:
        at = embedded.places(folder / ("a" * 100))
        assert at.run.parent != at.data
        assert len(os.fsencode(f"{at.postgres_socket}.lock")) <= SOCKET_BYTES_MAX
        try:
            embedded.ensure(at)
            assert sql(at, "SELECT 1") == [(1,)]
            assert keys(at).ping()
            assert stat.S_IMODE(at.run.stat().st_mode) == 0o700
        finally:
            embedded.stop(at)
            shutil.rmtree(at.run)

    def test_a_path_with_blanks_and_signs(self, folder: Path) -> None:
        at = embedded.places(folder / "a b%20&ü?#")
        try:
            embedded.ensure(at)
            assert sql(at, "SELECT 1") == [(1,)]
            assert keys(at).ping()
        finally:
            embedded.stop(at)
            if at.run.parent != at.data:
                shutil.rmtree(at.run)

    @pytest.mark.usefixtures("filled")
    def test_a_link_leads_to_the_same_servers(self, at: Places, folder: Path) -> None:
        embedded.ensure(at)
        (folder / "link").symlink_to(at.data)
        assert embedded.places(folder / "link") == at

    def test_a_socket_folder_that_is_a_link_is_refused(self, at: Places, folder: Path) -> None:
        at.data.mkdir()
        (folder / "elsewhere").mkdir()
        at.run.parent.mkdir(exist_ok=True)
        at.run.symlink_to(folder / "elsewhere")
        with pytest.raises(embedded.EmbeddedError, match=f"{at.run} is a link"):
            embedded.ensure(at)
        at.run.unlink()


@pytest.mark.usefixtures("filled")
class TestAfterACrash:
    def test_a_killed_postgres_recovers(
        self, at: Places, capsys: pytest.CaptureFixture[str]
    ) -> None:
        embedded.ensure(at)
        sql(at, "CREATE TABLE kept AS SELECT generate_series(1, 100000) AS n")
        first, _ = pids(at)
        kill(first)
        embedded.ensure(at)
        assert pids(at)[0] != first
        assert "was not stopped cleanly" in capsys.readouterr().err
        assert sql(at, "SELECT count(*), sum(n) FROM kept") == [(100000, 5000050000)]

    def test_a_killed_valkey_keeps_its_queue(self, at: Places) -> None:
        embedded.ensure(at)
        keys(at).rpush("queue", *range(1000))
        kill(pids(at)[1])
        embedded.ensure(at)
        assert keys(at).llen("queue") == 1000

    @pytest.mark.parametrize(
        "left",
        ["999999\n{data}\n1\n5432\n{run}\n\n1 1\nready\n", "", "no number\n", "{pid}\n", "{full}"],
        ids=["dead pid", "empty", "garbage", "recycled pid, cut short", "recycled pid"],
    )
    def test_a_stale_pid_file(self, at: Places, left: str) -> None:
        embedded.ensure(at)
        sql(at, "CREATE TABLE kept AS SELECT 42 AS answer")
        file = at.postgres / "postmaster.pid"
        lines = file.read_text().splitlines()
        kill(int(lines[0]))
        with bystander() as pid:
            full = "\n".join([str(pid), *lines[1:]]) + "\n"
            file.write_text(left.format(data=at.postgres, run=at.run, pid=pid, full=full))
            socket_lock = Path(f"{at.postgres_socket}.lock")
            socket_lock.write_text(full)
            assert postgres.running(at) is None
            embedded.ensure(at)
            assert processes.alive(pid) is not None
        assert sql(at, "SELECT answer FROM kept") == [(42,)]

    def test_a_data_folder_removed_under_its_servers(self, at: Places) -> None:
        embedded.ensure(at)
        before = pids(at)
        shutil.rmtree(at.data)
        embedded.ensure(at)
        assert sql(at, "SELECT 1") == [(1,)]
        assert set(pids(at)).isdisjoint(before)
        assert [processes.alive(pid) for pid in before] == [None, None]

    def test_a_pid_file_of_ours_with_a_recycled_pid(self, folder: Path) -> None:
        with bystander() as pid:
            processes.write_pid(folder / "web.pid", pid)
            known = processes.read_pid(folder / "web.pid")
            assert known is not None
            assert known.pid == pid
            note = (folder / "web.pid").read_text()
            (folder / "web.pid").write_text(note.replace('"started": ', '"started": 9'))
            assert processes.read_pid(folder / "web.pid") is None
        (folder / "web.pid").write_text(note)
        assert processes.read_pid(folder / "web.pid") is None


class TestRefusals:
    def test_a_file_in_the_place_of_the_data_folder(self, at: Places) -> None:
        at.data.write_text("a file")
        with pytest.raises(embedded.EmbeddedError, match=f"{at.data}: a file stands where") as said:
            embedded.ensure(at)
        assert "MAKEWHOLE_DATA" in str(said.value)
        assert at.data.read_text() == "a file"

    def test_a_file_in_the_place_of_the_database(self, at: Places) -> None:
        at.data.mkdir()
        at.postgres.write_text("a file")
        with pytest.raises(embedded.EmbeddedError, match=f"{at.postgres}: a file stands where"):
            embedded.ensure(at)
        assert at.postgres.read_text() == "a file"

    def test_a_folder_of_another_major(self, at: Places) -> None:
        at.postgres.mkdir(parents=True)
        (at.postgres / "PG_VERSION").write_text("16\n")
        with pytest.raises(embedded.EmbeddedError, match="was made by PostgreSQL 16"):
            embedded.ensure(at)
        assert [file.name for file in at.postgres.iterdir()] == ["PG_VERSION"]

    def test_a_folder_that_is_no_database(self, at: Places) -> None:
        at.postgres.mkdir(parents=True)
        (at.postgres / "holiday.jpg").write_text("sea")
        with pytest.raises(embedded.EmbeddedError, match="holds files but no database"):
            embedded.ensure(at)
        assert (at.postgres / "holiday.jpg").read_text() == "sea"

    def test_a_folder_of_another_user(self, at: Places) -> None:
        at.data.mkdir()
        processes.open_to(processes.server_account(at), at.data / "x")
        at.postgres.symlink_to("/usr")
        said = as_ordinary_user(lambda: embedded.ensure(at))
        assert said.startswith(f"{at.postgres} belongs to root, and you are ")
        assert "MAKEWHOLE_DATA" in said
        at.postgres.unlink()

    def test_a_read_only_folder(self, at: Places) -> None:
        at.data.mkdir()
        at.data.chmod(0o555)
        processes.open_to(processes.server_account(at), at.data / "x")
        said = as_ordinary_user(lambda: embedded.ensure(at))
        at.data.chmod(0o755)
        assert said.startswith(f"cannot write in the data folder {at.data}: this user may not")
        assert "MAKEWHOLE_DATA" in said
        assert list(at.data.iterdir()) == []

    def test_an_initdb_that_fails_half_way_leaves_nothing(self, at: Places) -> None:
        """A limit on the size of files stops it as a full disk would, on any machine."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

        said = in_a_child(limit, lambda: embedded.ensure(at))
        assert "the half-made folder was removed" in said
        assert not at.postgres.exists()
        assert not at.postgres_making.exists()
        embedded.ensure(at)
        assert sql(at, "SELECT 1") == [(1,)]

    def test_a_start_killed_while_it_made_the_database(self, at: Places) -> None:
        at.postgres_making.mkdir(parents=True)
        (at.postgres_making / "PG_VERSION").write_text("18\n")
        embedded.ensure(at)
        assert sql(at, "SELECT 1") == [(1,)]
        assert not at.postgres_making.exists()

    @pytest.mark.usefixtures("filled")
    def test_a_socket_another_server_holds(self, at: Places) -> None:
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

    def test_a_command_says_it_without_a_traceback(self, at: Places) -> None:
        at.data.mkdir()
        at.postgres.write_text("a file")
        for words in (["services", "start"], ["migrate"]):
            command = manage(at, *words)
            _, said = command.communicate(timeout=60)
            assert command.returncode == 1
            assert str(at.postgres) in said
            assert "Traceback" not in said


if ROOT and sys.platform == "linux":

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

    def test_a_read_only_disk(small_disk: Path) -> None:
        subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
        at = embedded.places(small_disk / "data")
        with pytest.raises(embedded.EmbeddedError, match="the file system is read-only"):
            embedded.ensure(at)
