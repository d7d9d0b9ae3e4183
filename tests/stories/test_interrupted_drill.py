"""A drill that is interrupted says so in one line, and no drill leaves anything running behind it,
nor a moment in which another one could rely on what ends."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from backoffice import companions, supervisor
from backoffice.embedded import processes
from backoffice.embedded.places import PROJECT
from backoffice.management.commands.drill import INTERRUPTED
from tests import desk as desks


@pytest.mark.parametrize(
    ("by", "at"),
    [(signal.SIGINT, "no worker answers"), (signal.SIGTERM, "is in the books")],
)
def test_an_interrupted_drill(desk: desks.Desk, by: signal.Signals, at: str) -> None:
    command = drill(desk, "--json")
    read_until(at, command)
    family = psutil.Process(command.pid).children(recursive=True)
    command.send_signal(by)
    rest, _ = command.communicate(timeout=desks.WAIT_SECONDS_MAX)
    lines = rest.splitlines()
    assert [json.loads(line) for line in lines if line[0] == "{"] == [{"detail": INTERRUPTED}]
    assert f"CommandError: {INTERRUPTED}" in lines
    assert "Traceback" not in rest
    assert command.returncode == 130
    assert [each.pid for each in family if processes.alive(each.pid) == each] == []


def test_a_drill_that_is_killed(desk: desks.Desk) -> None:
    command = drill(desk)
    read_until("is in the books", command)
    family = psutil.Process(command.pid).children(recursive=True)
    command.kill()
    assert len(family) > 2
    desks.wait_until(
        lambda: all(processes.alive(each.pid) != each for each in family), "they have ended"
    )


def test_a_drill_beside_another_waits_for_its_turn(desk: desks.Desk) -> None:
    with companions.one_at_a_time(print):
        command = drill(desk)
        read_until("another drill runs in this data folder", command)
        assert psutil.Process(command.pid).children() == []
    read_until("no worker answers", command)
    command.kill()


def drill(desk: desks.Desk, *words: str) -> "subprocess.Popen[str]":
    words = ("okex-2018", "--accounts", "200", "--fills", "5000", *words)
    return subprocess.Popen(
        [sys.executable, "manage.py", "drill", *words],
        cwd=PROJECT,
        env=desk.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(sign: str, command: "subprocess.Popen[str]") -> None:
    assert command.stdout is not None
    said = ""
    while sign not in said:
        line = command.stdout.readline()
        assert line, said
        said += line


def test_an_interruption_while_a_companion_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes when the child is there and nobody has its name yet. SIGTERM is an interruption to
    a session of tests."""
    usual, started = subprocess.Popen, []

    def interrupted(*arguments: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(usual(*arguments, **options))
        os.kill(os.getpid(), signal.SIGTERM)
        return started[0]

    monkeypatch.setenv("MAKEWHOLE_DATA", str(tmp_path))
    monkeypatch.setattr(subprocess, "Popen", interrupted)
    program = supervisor.Program("worker", ["sleep", "600"])
    with (
        companions.one_at_a_time(print) as turn,
        pytest.raises(KeyboardInterrupt),
        companions._child(program, turn, ready=lambda: False),
    ):
        pytest.fail("it was never ready")
    desks.wait_until(lambda: started[0].poll() is not None, "it has ended")
