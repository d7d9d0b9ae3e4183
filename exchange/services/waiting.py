"""Waiting for what other sessions hold, but not without end."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

from exchange.services.refusals import Busy


@contextmanager
def patience(seconds: float, what: str) -> Iterator[None]:
    """No lock is waited for longer, from here to the end of the transaction; raises `Busy`.

    Where the session itself allows less, less it is.
    """
    longest = int(seconds * 1000)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('lock_timeout', %s, true) FROM pg_settings"
            " WHERE name = 'lock_timeout' AND (setting = '0' OR setting::bigint > %s)",
            [f"{longest}ms", longest],
        )
    try:
        yield
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        raise Busy(
            f"another session has held {what} for too long to be waited for; nothing was posted:"
            " try again when it has ended"
        ) from error
