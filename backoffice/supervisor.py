"""The programs of the desk on one machine: which they are, how they start, how they stop.

Each runs in a session of its own, so that Ctrl-C reaches whoever watches over them and not them;
writes to `<data>/log/<name>.log`; and is noted in `<data>/pids/<name>.pid` together with the time
it started, so that `manage.py services stop` finds it later and nothing else.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from backoffice.embedded import processes
from backoffice.embedded.places import PROJECT, Places, refusal

# Threads of the web process; each holds a database connection, of which the server gives 200.
WEB_THREADS = 8
# In the order they stop: no new requests, no new nudges, then the work under way, then the mail.
NAMES = ("web", "clock", "worker", "mail")
SECONDS_MAX = {"web": 15.0, "clock": 10.0, "worker": 30.0, "mail": 10.0}


@dataclass(frozen=True)
class Program:
    """A name of NAMES, its command, and what it gets besides: variables, open descriptors."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()


def web(host: str, port: int, *, workers: int = 1) -> Program:
    """The web server. A worker that outgrows 1 GiB is replaced between two requests."""
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host),
        *("--port", str(port), "--workers", str(workers), "--no-ws", "--respawn-failed-workers"),
        *("--blocking-threads", str(WEB_THREADS), "--backpressure", str(WEB_THREADS * 8)),
        *("--workers-max-rss", "1024", "backoffice.wsgi:application"),
    ]
    return Program("web", command)


def worker(*, processes_max: int = 2) -> Program:
    """The workers. A child is replaced after 200 tasks, so that memory it gathered goes back."""
    command = [
        *(sys.executable, "-m", "celery", "--app", "backoffice", "worker"),
        *("--concurrency", str(processes_max), "--max-tasks-per-child", "200"),
        *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
    ]
    return Program("worker", command)


def clock(at: Places) -> Program:
    """Celery's beat: the static schedule of the settings. One of it, wherever the desk runs."""
    command = [
        *(sys.executable, "-m", "celery", "--app", "backoffice", "beat"),
        *("--schedule", str(at.data / "clock"), "--pidfile", "", "--loglevel", "WARNING"),
    ]
    return Program("clock", command)


def mail(listener: socket.socket) -> Program:
    """The mail catcher, handed the socket it serves: no port is free from a look until a start."""
    handed = listener.fileno()
    command = [sys.executable, "manage.py", "mailcatcher", "--descriptor", str(handed)]
    return Program("mail", command, descriptors=(handed,))


def start(at: Places, program: Program, environment: Mapping[str, str]) -> None:
    """Starts it in the background and notes it. Raises EmbeddedError when a folder refuses."""
    log = log_of(at, program.name)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            child = subprocess.Popen(
                program.command,
                cwd=PROJECT,
                env={**os.environ, **environment, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=program.descriptors,
            )
        processes.write_pid(_pid_file(at, program.name), child.pid)
    except OSError as error:
        raise refusal("keep the log or the pid of", log, error) from error


def running(at: Places) -> dict[str, psutil.Process]:
    """The programs of this data folder that live."""
    found = {name: processes.read_pid(_pid_file(at, name)) for name in NAMES}
    return {name: process for name, process in found.items() if process is not None}


def killed(at: Places) -> dict[str, list[psutil.Process]]:
    """The programs that were started here and ended without being stopped, and who they left."""
    living = running(at)
    gone = [name for name in NAMES if name not in living and _pid_file(at, name).exists()]
    return {name: processes.orphans(_pid_file(at, name), PROJECT) for name in gone}


def stop(at: Places, say: Callable[[str], None] = lambda _: None) -> list[str]:
    """Ends what killed programs left, then stops the others in order.

    Whoever does not end in time is killed with all its children.
    """
    stopped = []
    for name, orphans in killed(at).items():
        # Nobody is left to tell them to end. What they have under way the sweeper begins anew.
        processes.kill(orphans, f"what {name} left")
        _pid_file(at, name).unlink(missing_ok=True)
        if orphans:
            stopped.append(name)
    for name, process in running(at).items():
        if processes.end([process], by=signal.SIGTERM, seconds_max=SECONDS_MAX[name]):
            say(f"{name} did not end within {SECONDS_MAX[name]:.0f} s and was killed")
        # Also after a clean end: a worker's child that hangs would outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        _pid_file(at, name).unlink(missing_ok=True)
        stopped.append(name)
    return stopped


def log_of(at: Places, name: str) -> Path:
    return at.data / "log" / f"{name}.log"


def _pid_file(at: Places, name: str) -> Path:
    return at.pids / f"{name}.pid"
