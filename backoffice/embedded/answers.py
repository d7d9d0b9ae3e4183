"""Waiting for a server until it answers: that it lives, or what its pid file says, is no proof."""

import signal
import subprocess
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import psutil

from backoffice.embedded.processes import Patience, Say

# An answer takes milliseconds, and seconds on a crowded machine.
ANSWER_SECONDS_MAX = 5
STUCK_SECONDS_MAX = 30.0
# A start that takes longer is most likely a recovery after a crash of a busy server. From outside
# one that makes no progress looks the same. The log tells; so from then on a person is asked.
USUAL_SECONDS_MAX = 60.0


class Answer(Enum):
    """How a server is, by what it says to a connection; the values are for people."""

    READY = "running"
    FULL = "refusing writes"  # its disk is full; once there is space it goes on by itself
    STARTING = "starting"  # it reads its files, which takes as long as it takes
    STUCK = "not answering"  # or only that it is not ready, while nothing in it works on that


def bring_up(
    name: str,
    *,
    ask: Callable[[], Answer],
    running: Callable[[], psutil.Process | None],
    launch: Callable[[], subprocess.Popen[bytes]],
    log: Path,
    say: Say,
) -> bool:
    """Waits for the server that runs, else launches one. False if that does not come to answer.

    One that starts is waited for, however long. One found stuck for STUCK_SECONDS_MAX is started
    again; `launch` ends it first.
    """

    def answers(child: subprocess.Popen[bytes] | None) -> bool:
        patience = Patience(say, "")
        hoped = time.monotonic()
        while (said := ask()) not in (Answer.READY, Answer.FULL):
            gone = child.poll() is not None if child else running() is None
            if gone:
                return ask() is Answer.READY
            if said is Answer.STARTING:
                hoped = time.monotonic()
            elif time.monotonic() - hoped > STUCK_SECONDS_MAX:
                return False
            patience.why = f"{name} is {said.value}; waiting for it"
            if patience.seconds > USUAL_SECONDS_MAX:
                patience.why += (
                    f". {log} says how far it is; if that stands still, end this command and run"
                    " `manage.py services stop`, which kills it and loses nothing"
                )
            patience.wait()
        return True

    if running() is not None:
        if answers(None):
            return True
        if (stuck := running()) is not None:
            say(
                f"{name} (pid {stuck.pid}) has not answered for {STUCK_SECONDS_MAX:.0f} s: "
                "it is killed and started again"
            )
    for _ in range(2):
        child = launch()
        if answers(child):
            return True
        if child.returncode != -signal.SIGKILL:
            break  # it ended by itself; one that was killed while it started is started once more
    return False
