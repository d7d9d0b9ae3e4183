"""Looking at the servers of a data folder, and doing to them what happens to servers."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import redis

from backoffice import embedded
from backoffice.embedded import postgres, processes, valkey
from backoffice.embedded.places import PROJECT, Places

ROOT = os.geteuid() == 0
NOBODY = 65534


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
def bystander(name: str = "sleep") -> Iterator[int]:
    """A program that is no server and runs as the servers' user, as a recycled pid would."""
    account = processes.server_account(embedded.places("/nowhere"))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        link = Path(folder, name)  # not a copy: a temporary folder may allow no programs in it
        link.symlink_to(shutil.which("sleep") or "sleep")
        with subprocess.Popen([link, "600"], cwd="/", **processes.run_as(account)) as program:
            try:
                yield program.pid
            finally:
                program.kill()


@contextlib.contextmanager
def soon(pid: int) -> Iterator[None]:
    """Kills it half a second after the block began: somebody already waits for it by then."""
    timer = threading.Timer(0.5, os.kill, (pid, signal.SIGKILL))
    timer.start()
    yield
    timer.join()
