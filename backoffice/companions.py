"""A worker and a mail server for a command that needs them: those that run, or its own meanwhile.

What was started here ends with the command, also when that is killed; what was found running is
left alone. One command of a data folder at a time, or another would rely on a worker that ends.
"""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from django.conf import settings

from backoffice import embedded, guardian, mailcatcher, supervisor
from backoffice.celery import app
from backoffice.embedded.locks import alone
from backoffice.embedded.places import PROJECT

START_SECONDS_MAX = 60
LOCAL = ("127.0.0.1", "localhost", "::1")
Tell = Callable[[str], None]


class CompanionFailed(RuntimeError):
    """A worker or a mail server did not start; the message names its log."""


class OtherFoldersMail(CompanionFailed):
    """The mail catcher of another data folder has our port."""


def worker_answers() -> bool:
    """Whether any worker on our broker answers within a second.

    Over a connection of its own: one of the pool would keep waiting for answers, and a process that
    is forked meanwhile would wait for them too.
    """
    with app.connection_for_write() as asking:
        return bool(app.control.ping(timeout=1.0, connection=asking))


def mail_answers() -> bool:
    """Whether something listens where mail is to go.

    Raises OtherFoldersMail when it is the catcher of another data folder: its mail would be kept
    there, and it ends when its own owner says so.
    """
    where = (settings.EMAIL_HOST, settings.EMAIL_PORT)
    try:
        with socket.create_connection(where, timeout=2) as server:
            greeting = server.recv(512).decode(errors="replace")
    except OSError:
        return False
    ours = mailcatcher.ident(Path(settings.MAIL_ROOT))
    if ours.rpartition(" ")[0] in greeting and ours not in greeting:
        raise OtherFoldersMail(
            f"the mail catcher of another data folder listens at {where[0]}:{where[1]}:"
            " set MAKEWHOLE_EMAIL_PORT to a free port, such as 8026."
        )
    return True


def one_at_a_time(tell: Tell) -> AbstractContextManager[int]:
    """The turn of one command, waited for. It lasts as long as anybody who is given its number.

    Raises EmbeddedError.
    """
    waiting = "another drill runs in this data folder, or what it started is ending; waiting for it"
    return alone(embedded.places().data / "drill.lock", lambda: tell(waiting))


@contextmanager
def worker(tell: Tell, turn: int) -> Iterator[None]:
    """A worker that answers, for the time of the block."""
    if worker_answers():
        yield
        return
    tell("no worker answers: starting one for this run")
    with _child(supervisor.worker(), turn, ready=worker_answers):
        yield


@contextmanager
def mail(tell: Tell, turn: int) -> Iterator[None]:
    """A mail server that listens, for the time of the block; begun before a worker, which takes
    from here where mail goes. Only ever starts one on this machine: mail meant for another server
    is never caught here instead. Where another data folder's catcher has the port and no worker
    uses it yet, ours takes a free one."""
    port = settings.EMAIL_PORT
    try:
        if mail_answers():
            yield
            return
    except OtherFoldersMail:
        if worker_answers():
            raise
        port = 0
    if settings.EMAIL_HOST not in LOCAL:
        raise CompanionFailed(
            f"no mail server answers at {settings.EMAIL_HOST}:{settings.EMAIL_PORT}."
        )
    tell("no mail server listens: starting the catcher for this run")
    with ExitStack() as running:
        with _listening(port) as listener:
            if port == 0:
                settings.EMAIL_PORT = listener.getsockname()[1]
                os.environ["MAKEWHOLE_EMAIL_PORT"] = str(settings.EMAIL_PORT)
            running.enter_context(_child(supervisor.mail(listener), turn, ready=mail_answers))
        yield


def _listening(port: int) -> socket.socket:
    try:
        return mailcatcher.listen(settings.EMAIL_HOST, port)
    except OSError as error:
        raise CompanionFailed(
            f"no mail server answers at {settings.EMAIL_HOST}:{port}, and the catcher cannot listen"
            f" there ({error.strerror}): set MAKEWHOLE_EMAIL_PORT to a free port."
        ) from error


@contextmanager
def _child(program: supervisor.Program, turn: int, *, ready: Callable[[], bool]) -> Iterator[None]:
    at = embedded.places()
    log = supervisor.log_of(at, f"own-{program.name}")
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("ab") as output,
        guardian.running(
            program.command,
            cwd=PROJECT,
            env={**os.environ, **program.environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(*program.descriptors, turn),
        ) as child,
    ):
        _await(child, ready, program.name, str(log))
        yield


def _await(child: subprocess.Popen[bytes], ready: Callable[[], bool], name: str, log: str) -> None:
    began = time.monotonic()
    while not ready():
        if child.poll() is not None or time.monotonic() - began > START_SECONDS_MAX:
            raise CompanionFailed(f"the {name} did not start; {log} says why.")
        time.sleep(0.1)
