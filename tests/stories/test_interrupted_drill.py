"""A drill that is interrupted says so in one line, and leaves nothing running behind it."""

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
from tests import desk as desks


@pytest.mark.parametrize(
    ("by", "at"),
    [(signal.SIGINT, "no worker answers"), (signal.SIGTERM, "is in the books")],
)
def test_an_interrupted_drill(desk: desks.Desk, by: signal.Signals, at: str) -> None:
    command = subprocess.Popen(
        [sys.executable, "manage.py", "drill", "okex-2018", "--accounts", "200", "--fills", "5000"],
        cwd=PROJECT,
        env=desk.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert command.stdout is not None
    said = ""
    while at not in said:
        line = command.stdout.readline()
        assert line, said
        said += line
    family = psutil.Process(command.pid).children(recursive=True)
    command.send_signal(by)
    rest, _ = command.communicate(timeout=60)
    assert rest.splitlines()[-1].startswith("CommandError: interrupted."), rest
    assert "Traceback" not in rest
    assert command.returncode == 130
    assert [each.pid for each in family if processes.alive(each.pid) == each] == []


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
    with pytest.raises(KeyboardInterrupt), companions._child(program, ready=lambda: False):
        pytest.fail("it was never ready")
    assert started[0].poll() is not None
