"""PostgreSQL and Valkey under the data folder, for a machine that has neither.

In force for each of DATABASE_URL and REDIS_URL that is unset. The servers listen on Unix sockets in
a folder only their owner can enter, are found again by every command with the same data folder,
outlive the command that started them and stop at `manage.py services stop`. `ensure()` takes a few
milliseconds when they run; one file lock serialises everything else.
"""

import contextlib
import os
import sys
from urllib.parse import quote

from backoffice.embedded import postgres, processes, valkey
from backoffice.embedded.answers import Answer
from backoffice.embedded.locks import alone
from backoffice.embedded.places import DATABASE, PORT, EmbeddedError, Places, places, refusal

__all__ = [
    "EmbeddedError",
    "Places",
    "addresses",
    "database_url",
    "ensure",
    "places",
    "redis_url",
    "status",
    "stop",
]


def database_url(at: Places) -> str:
    """The address of the embedded PostgreSQL, whether or not it runs."""
    return f"postgresql://{DATABASE}@/{DATABASE}?host={quote(str(at.run))}&port={PORT}"


def redis_url(at: Places) -> str:
    """The address of the embedded Valkey, whether or not it runs."""
    return f"unix://{quote(str(at.valkey_socket))}"


def addresses(at: Places | None = None) -> dict[str, str]:
    """What other tools need to reach the servers in force: variables and their values."""
    at = at or places()
    return {
        "DATABASE_URL": os.environ.get("DATABASE_URL") or database_url(at),
        "REDIS_URL": os.environ.get("REDIS_URL") or redis_url(at),
        "PGBIN": str(postgres.binaries()),
    }


def say_to_terminal(message: str) -> None:
    """Progress goes to the error stream: a command's own output stays clean."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def wanted() -> tuple[bool, bool]:
    """Which of (PostgreSQL, Valkey) the environment leaves to us."""
    return not os.environ.get("DATABASE_URL"), not os.environ.get("REDIS_URL")


def ensure(at: Places | None = None) -> None:
    """Starts what is wanted and does not run; returns when it answers.

    Raises EmbeddedError. Two commands at once are fine: the second waits for the first.
    """
    at = at or places()
    ours = [server for server, want in zip((postgres, valkey), wanted(), strict=True) if want]
    if all(server.answer(at) is Answer.READY for server in ours):
        return
    processes.server_account(at)  # whose data it is, told before anything is written
    with _locked(at):
        for server in ours:
            if server.answer(at) is not Answer.READY:
                _prepare(at)
                server.start(at, say_to_terminal)


def stop(at: Places | None = None) -> list[str]:
    """Stops both cleanly; returns the names of those that ran."""
    at = at or places()
    if not at.data.exists():
        return []
    with _locked(at):
        ran = [("Valkey", valkey.stop(at, say_to_terminal))]
        ran.append(("PostgreSQL", postgres.stop(at, say_to_terminal)))
    return [name for name, stopped in ran if stopped]


def status(at: Places | None = None) -> list[tuple[str, str, str]]:
    """(server, state, where) for each of the two."""
    at = at or places()
    want_postgres, want_valkey = wanted()
    rows = []
    for name, want, server, where in (
        ("PostgreSQL", want_postgres, postgres, at.postgres),
        ("Valkey", want_valkey, valkey, at.valkey),
    ):
        process = server.running(at)
        state = f"{server.answer(at).value} (pid {process.pid})" if process else "stopped"
        rows.append((name, state if want else f"not ours (its URL is set); {state}", str(where)))
    return rows


def _prepare(at: Places) -> None:
    """The folders both servers share."""
    account = processes.server_account(at)
    processes.open_to(account, at.postgres, at.run)
    processes.make_folder(at.run, account)
    try:
        at.postgres_log.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal("make the folder", at.postgres_log.parent, error) from error


def _locked(at: Places) -> contextlib.AbstractContextManager[int]:
    """One command at a time starts or stops the servers of a data folder."""
    waiting = "another command is starting or stopping the servers; waiting for it"
    return alone(at.lock, lambda: say_to_terminal(waiting))
