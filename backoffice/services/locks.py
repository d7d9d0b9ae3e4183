"""Who is at work on a row, told by PostgreSQL itself.

A session-level advisory lock belongs to one connection: it cannot outlive the process that took it,
whatever killed it. So "is a worker still at this" is a question with an exact answer, and no lease
or heartbeat has to be guessed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

EXECUTION = 1
CAMPAIGN = 2
COMPUTATION = 3
COMPARISON = 4
CASCADE = 5
WEBHOOKS = 12


@contextmanager
def held(space: int, number: int) -> Iterator[bool]:
    """Yields whether the lock (space, number) was free and is now ours; never waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [space, number])
        mine: bool = cursor.fetchone()[0]
    try:
        yield mine
    finally:
        if mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [space, number])


def taken(space: int, number: int) -> bool:
    """Whether some live connection holds the lock now. Looks only: asking by taking it would turn
    away a worker that comes at that moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND classid = %s AND objid = %s AND objsubid = 2"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [space, number],
        )
        found: bool = cursor.fetchone()[0]
    return found
