"""Advisory locks: held by one connection, seen by all, gone with it."""

import psycopg
import pytest
from django.db import connection

from backoffice.services import locks
from tests.desk import wait_until

pytestmark = pytest.mark.django_db


def other() -> psycopg.Connection[tuple[object, ...]]:
    """A second connection to the same database."""
    given = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    return psycopg.connect(
        **{name: given[name] for name in names if given.get(name)}, autocommit=True
    )


def test_a_lock_is_held_for_the_block() -> None:
    assert not locks.taken(locks.EXECUTION, 7)
    with locks.held(locks.EXECUTION, 7) as mine:
        assert mine
        assert locks.taken(locks.EXECUTION, 7)
        assert not locks.taken(locks.EXECUTION, 8)
        assert not locks.taken(locks.CAMPAIGN, 7)
    assert not locks.taken(locks.EXECUTION, 7)


def test_somebody_elses_lock_is_not_ours() -> None:
    with other() as colleague:
        colleague.execute("SELECT pg_advisory_lock(%s, %s)", [locks.EXECUTION, 7])
        with locks.held(locks.EXECUTION, 7) as mine:
            assert not mine
        assert locks.taken(locks.EXECUTION, 7)  # not released by the one who did not get it
    # Gone with its connection, which the server notices a moment later.
    wait_until(lambda: not locks.taken(locks.EXECUTION, 7), "the colleague's lock is gone")
