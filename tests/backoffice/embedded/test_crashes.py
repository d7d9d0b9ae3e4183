"""The embedded servers, killed for real at every bad moment."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from backoffice import embedded
from backoffice.embedded import postgres, processes
from backoffice.embedded.places import PROJECT, Places
from tests.backoffice.embedded.at_work import bystander, keys, kill, pids, soon, sql
from tests.desk import wait_until

pytestmark = pytest.mark.usefixtures("filled")


def test_a_killed_postgres_recovers(at: Places, capsys: pytest.CaptureFixture[str]) -> None:
    embedded.ensure(at)
    sql(at, "CREATE TABLE kept AS SELECT generate_series(1, 100000) AS n")
    first, _ = pids(at)
    kill(first)
    embedded.ensure(at)
    assert pids(at)[0] != first
    assert "was not stopped cleanly" in capsys.readouterr().err
    assert sql(at, "SELECT count(*), sum(n) FROM kept") == [(100000, 5000050000)]


def test_a_killed_valkey_keeps_its_queue(at: Places) -> None:
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
def test_a_stale_pid_file(at: Places, left: str) -> None:
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


def test_a_data_folder_removed_under_its_servers(at: Places) -> None:
    embedded.ensure(at)
    before = pids(at)

    def removed() -> bool:
        """A living server puts new files where others were just removed."""
        shutil.rmtree(at.data, ignore_errors=True)
        return not at.data.exists()

    wait_until(removed, "the folder is removed")
    embedded.ensure(at)
    assert sql(at, "SELECT 1") == [(1,)]
    assert set(pids(at)).isdisjoint(before)
    assert [processes.alive(pid) for pid in before] == [None, None]


def test_a_pid_file_of_ours_with_a_recycled_pid(folder: Path) -> None:
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


def test_a_session_of_strangers_that_has_the_number_of_a_killed_program(folder: Path) -> None:
    """Its leader is gone as ours is; it works elsewhere."""
    two = "import subprocess; print(subprocess.Popen(['sleep', '600']).pid, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", two],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as leader:
        assert leader.stdout is not None
        left = int(leader.stdout.readline())
        processes.write_pid(folder / "web.pid", leader.pid)
        assert processes.orphans(folder / "web.pid", folder) == []
        leader.kill()
    assert processes.orphans(folder / "web.pid", PROJECT) == []
    assert processes.orphans(folder / "web.pid", folder) == [psutil.Process(left)]
    os.kill(left, signal.SIGKILL)


def test_a_start_that_dies_while_it_is_waited_for(at: Places) -> None:
    embedded.ensure(at)
    file = at.postgres / "postmaster.pid"
    first, _ = pids(at)
    file.write_text(file.read_text().replace("ready", "starting"))
    with soon(first):
        embedded.ensure(at)
    assert pids(at)[0] != first
    assert sql(at, "SELECT 1") == [(1,)]


def test_a_server_killed_while_it_starts_is_started_once_more(
    at: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.ensure(at)
    kill(pids(at)[0])
    launch, killed = processes.launch, []

    def launched(*given: Any, **named: Any) -> "subprocess.Popen[bytes]":
        child = launch(*given, **named)
        if not killed:
            wait_until(lambda: postgres.running(at) is not None, "it starts")
            os.kill(child.pid, signal.SIGKILL)
            killed.append(child.pid)
        return child

    monkeypatch.setattr(processes, "launch", launched)
    embedded.ensure(at)
    assert pids(at)[0] not in killed
    assert len(killed) == 1
    assert sql(at, "SELECT 1") == [(1,)]


def test_a_killed_postgres_that_is_still_going_when_it_is_looked_for(at: Places) -> None:
    """Its pid lives a moment longer than its hold on the folder; here the moment is long."""
    embedded.ensure(at)
    file = at.postgres / "postmaster.pid"
    kill(pids(at)[0])
    with bystander("postgres") as pid, soon(pid):
        file.unlink()
        Path(f"{at.postgres_socket}.lock").write_text(f"{pid}\n")
        embedded.ensure(at)
        assert processes.alive(pid) is None
    assert sql(at, "SELECT 1") == [(1,)]


def test_a_killed_valkey_that_is_still_going_when_it_is_looked_for(at: Places) -> None:
    embedded.ensure(at)
    keys(at).rpush("queue", 1)
    _, first = pids(at)
    keys(at).config_set("requirepass", "nobody knows")  # it answers, and not as it should
    with soon(first):
        embedded.ensure(at)
    assert pids(at)[1] != first
    assert keys(at).llen("queue") == 1


def test_a_clock_that_is_set_makes_no_program_a_stranger(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bystander() as pid:
        processes.write_pid(folder / "web.pid", pid)
        booted = psutil.boot_time()
        # What the system tells when its clock is put forward an hour: boot and starts move along.
        monkeypatch.setattr("psutil._psplatform.boot_time", lambda: booted + 3600)
        assert psutil.Process(pid).create_time() > time.time()
        known = processes.read_pid(folder / "web.pid")
        assert known is not None
        assert known.pid == pid
