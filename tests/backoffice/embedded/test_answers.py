"""Servers that live and do not answer: ended where nothing will come of it, else waited for."""

import os
import signal
from collections.abc import Callable
from types import ModuleType
from typing import Any

import psutil
import pytest

from backoffice import embedded
from backoffice.embedded import answers, postgres, processes, valkey
from backoffice.embedded.answers import Answer
from backoffice.embedded.places import Places
from tests.backoffice.embedded.at_work import keys, kill, pids, sql
from tests.desk import wait_until

pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Takes the patience with servers that run: PostgreSQL ends hung processes after five seconds.
    One that is launched then has all the time that a start takes on a busy machine."""
    usual, launch = answers.STUCK_SECONDS_MAX, processes.launch

    def launched(*given: Any, **named: Any) -> Any:
        monkeypatch.setattr(answers, "STUCK_SECONDS_MAX", usual)
        return launch(*given, **named)

    def lose_it() -> None:
        monkeypatch.setattr(answers, "STUCK_SECONDS_MAX", 0.5)
        monkeypatch.setattr(answers, "ANSWER_SECONDS_MAX", 1)
        monkeypatch.setattr(processes, "launch", launched)

    return lose_it


def child(at: Places, title: str) -> psutil.Process:
    server = postgres.running(at)
    assert server is not None
    titles = {" ".join(processes.words(each)).strip(): each for each in server.children()}
    return titles[f"postgres: {title}"]


@pytest.mark.parametrize("server", [postgres, valkey], ids=["postgres", "valkey"])
def test_one_that_is_silent_is_started_again(
    at: Places,
    server: ModuleType,
    capsys: pytest.CaptureFixture[str],
    impatient: Callable[[], None],
) -> None:
    embedded.ensure(at)
    sql(at, "CREATE TABLE kept AS SELECT 42 AS answer")
    keys(at).set("kept", "42")
    silent = server.running(at)
    silent.suspend()
    impatient()
    assert server.answer(at) is Answer.STUCK
    embedded.ensure(at)
    assert f"(pid {silent.pid}) has not answered for" in capsys.readouterr().err
    assert processes.alive(silent.pid) is None
    assert sql(at, "SELECT answer FROM kept") == [(42,)]
    assert keys(at).get("kept") == "42"


def test_one_that_says_it_recovers_and_does_not_is_started_again(
    at: Places, capsys: pytest.CaptureFixture[str], impatient: Callable[[], None]
) -> None:
    """After a crash of one process PostgreSQL waits for the last of the others to end."""
    embedded.ensure(at)
    sql(at, "CREATE TABLE kept AS SELECT 42 AS answer")
    hung, _ = pids(at)
    impatient()
    child(at, "background writer").suspend()
    child(at, "walwriter").kill()
    wait_until(lambda: postgres.answer(at) is not Answer.READY, "it has seen that")
    assert (at.postgres / "postmaster.pid").read_text().split()[-1] == "ready"
    embedded.ensure(at)
    assert f"(pid {hung}) has not answered for" in capsys.readouterr().err
    assert pids(at)[0] != hung
    assert sql(at, "SELECT answer FROM kept") == [(42,)]


def test_a_long_recovery_is_waited_for(at: Places) -> None:
    """As long as a restore of an archive takes; this one is over once we were told of it."""
    embedded.ensure(at)
    kill(pids(at)[0])
    over = at.data / "over"
    with (at.postgres / "postgresql.conf").open("a") as file:
        file.write(f"restore_command = 'until test -e {over}; do sleep 0.1; done; false'\n")
        file.write("hot_standby = off\n")
    (at.postgres / "recovery.signal").touch()
    said = []

    def hear(line: str) -> None:
        said.append(line)
        if f"PostgreSQL in {at.postgres} is starting; waiting for it" in line:
            over.touch()

    postgres.start(at, hear)
    assert over.exists()
    assert "has not answered" not in " ".join(said)
    assert at.postgres_log.read_text().count("LOG:  starting PostgreSQL") == 2
    assert sql(at, "SELECT pg_is_in_recovery()") == [(False,)]


def test_those_that_do_not_stop_are_killed(
    at: Places, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    embedded.ensure(at)
    for server in (postgres, valkey):
        monkeypatch.setattr(server, "STOP_SECONDS_MAX", 0.2)
    before = pids(at)
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    assert embedded.stop(at) == ["Valkey", "PostgreSQL"]
    assert capsys.readouterr().err.count("does not stop: it is killed") == 2
    assert [processes.alive(pid) for pid in before] == [None, None]
    assert not processes.at_work("postgres", at.postgres)
    embedded.ensure(at)
    assert sql(at, "SELECT 1") == [(1,)]
