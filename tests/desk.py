"""A desk of its own for tests that need committed rows: a database, workers, a mail server.

Tests that roll back cannot be seen by a worker. These get a database of their own, and programs
that are started as an operator would start them.
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection

from backoffice import embedded, mailcatcher, supervisor
from backoffice.embedded.places import DATABASE, PROJECT

WAIT_SECONDS_MAX = 900  # a loaded machine is slow, and not wrong


@dataclass
class Desk:
    """One database and what runs on it. `environment` is for programs that shall share it."""

    database: str
    environment: dict[str, str]
    folder: Path
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    began_ns: int = field(default_factory=time.time_ns)

    def start(
        self, *command: str, log: str, descriptors: tuple[int, ...] = (), **environment: str
    ) -> subprocess.Popen[bytes]:
        """Start a program; it is killed with the desk. Its output goes to `<folder>/<log>.log`."""
        with (self.folder / f"{log}.log").open("ab") as output:
            child = subprocess.Popen(
                command, cwd=PROJECT, env={**self.environment, **environment},
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                pass_fds=descriptors,
            )  # fmt: skip
        self.children.append(child)
        return child

    def worker(self, queue: str, *, die_at: str = "") -> subprocess.Popen[bytes]:
        """A real worker, one process, so that it is the worker itself that dies at a step."""
        return self.start(
            *(sys.executable, "-m", "celery", "--app", "backoffice", "worker", "--pool", "solo"),
            *("--queues", queue, "--without-gossip", "--without-mingle", "--loglevel", "INFO"),
            *("--hostname", f"{queue}@{uuid.uuid4().hex[:8]}"),
            log=f"worker-{queue}",
            MAKEWHOLE_DIE_AT=die_at,
        )

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-4000:]

    def mail(self, address: str = "") -> list[Path]:
        """The mail kept since this desk began, of one recipient or of all; oldest first."""
        root = Path(settings.MAIL_ROOT)
        found = mailcatcher.kept_for(root, address) if address else root.glob("*/*.eml")
        return sorted(
            (file for file in found if int(file.name.split("-")[0]) >= self.began_ns),
            key=lambda file: file.name,
        )

    def mail_server(self) -> int:
        """A mail catcher on a free port; returns the port. Every later program uses it."""
        with mailcatcher.listen("127.0.0.1", 0) as listener:
            port: int = listener.getsockname()[1]
            program = supervisor.mail(listener)
            self.start(*program.command, log=program.name, descriptors=program.descriptors)
        self.environment["MAKEWHOLE_EMAIL_PORT"] = str(port)
        return port


def wait_until(true: Callable[[], bool], what: str, *, seconds: float = WAIT_SECONDS_MAX) -> None:
    """Return when it is true; fail with `what` after a while."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"waited {seconds} s until {what}"
        time.sleep(0.05)


@contextmanager
def migrated() -> Iterator[str]:
    """The name of a database that has its tables and no rows, for the time of the block: every desk
    is a copy of it, since to migrate one takes seconds."""
    usual, name = connection.settings_dict["NAME"], f"template_{uuid.uuid4().hex[:12]}"
    _server(f'CREATE DATABASE "{name}"')
    try:
        _connect(name)
        try:
            call_command("migrate", interactive=False, verbosity=0)
        finally:
            _connect(usual)
        yield name
    finally:
        _server(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def opened(folder: Path, template: str) -> Iterator[Desk]:
    """A desk on a copy of the template, for the time of the block."""
    at = embedded.places()
    usual, name = connection.settings_dict["NAME"], f"desk_{uuid.uuid4().hex[:12]}"
    cache.clear()
    _server(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    _connect(name)
    desk = Desk(
        database=name,
        environment={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "backoffice.settings",
            "MAKEWHOLE_DATA": str(at.data),
            "MAKEWHOLE_HTTPS": "off",
            "DATABASE_URL": embedded.database_url(at).replace(f"/{DATABASE}?", f"/{name}?"),
        },
        folder=folder,
    )
    try:
        yield desk
    finally:
        for child in desk.children:
            child.kill()
        for child in desk.children:
            child.wait(WAIT_SECONDS_MAX)
        _connect(usual)
        _server(f'DROP DATABASE "{name}" WITH (FORCE)')
        cache.clear()


def _connect(name: str) -> None:
    """Django's next connection of this process is to that database."""
    connection.close()
    connection.settings_dict["NAME"] = name


def _server(statement: str) -> None:
    """Run a statement about databases, on none of them."""
    given = settings.DATABASES["default"]
    with psycopg.connect(
        host=given["HOST"] or None, port=given["PORT"] or None, user=given["USER"] or None,
        password=given["PASSWORD"] or None, dbname="postgres", autocommit=True,
    ) as server:  # fmt: skip
        server.execute(statement)
