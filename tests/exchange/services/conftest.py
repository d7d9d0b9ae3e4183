"""Small books in a test's own transaction, or in a database of their own where it must commit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql

from tests.exchange.services.small_books import Books, open_small


def lift_the_lock() -> None:
    """The desk's lock on batches (no posting without an approved plan) has its own tests."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE batch DISABLE TRIGGER batch_needs_plan")


@pytest.fixture
def books(db: None) -> Books:
    """Small books whose batches can be posted without a plan; undone after the test."""
    lift_the_lock()
    return open_small()


@pytest.fixture
def own_database(desk_template: str, django_db_blocker: Any) -> Iterator[dict[str, Any]]:
    """Django's connection on an empty database with its tables, which is dropped afterwards.

    What must commit (two connections, a killed process) cannot be undone by a rollback, and the
    ledger cannot be emptied: it refuses TRUNCATE.
    """
    settings = connection.settings_dict
    usual, name = settings["NAME"], f"{settings['NAME']}_own"
    with django_db_blocker.unblock():
        connection.close()
        _maintain(settings, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)
        _maintain(settings, "CREATE DATABASE {} TEMPLATE {}", name, desk_template)
        settings["NAME"] = name
        try:
            lift_the_lock()
            yield settings
        finally:
            connection.close()
            settings["NAME"] = usual
            _maintain(settings, "DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def _maintain(settings: dict[str, Any], statement: str, *names: str) -> None:
    with psycopg.connect(
        host=settings["HOST"], port=settings["PORT"] or None, user=settings["USER"] or None,
        password=settings["PASSWORD"] or None, dbname="postgres", autocommit=True,
    ) as maintenance:  # fmt: skip
        maintenance.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def tape_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder that tapes are stored in."""
    monkeypatch.setenv("MAKEWHOLE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "tape"
