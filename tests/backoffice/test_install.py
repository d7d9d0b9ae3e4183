"""The statements of docs/runbooks/operations.md make a database the desk can be installed in."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest

from backoffice import embedded
from backoffice.embedded.places import DATABASE, PORT, PROJECT

ROLE, BOOKS = f"desk_{os.getpid()}", f"books_{os.getpid()}"


@pytest.fixture
def server(servers: embedded.Places) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A superuser's session, after which role and database are gone."""
    where = {"host": str(servers.run), "port": PORT, "user": DATABASE, "dbname": "postgres"}
    with psycopg.connect(autocommit=True, **where) as session:
        yield session
        session.execute(f"DROP DATABASE IF EXISTS {BOOKS} WITH (FORCE)")
        session.execute(f"REVOKE SET ON PARAMETER makewhole.posting FROM {ROLE}")
        session.execute(f"DROP ROLE IF EXISTS {ROLE}")


def test_an_owner_without_other_rights_can_migrate(
    servers: embedded.Places, server: psycopg.Connection[tuple[object, ...]]
) -> None:
    text = (PROJECT / "docs" / "runbooks" / "operations.md").read_text()
    statements = re.findall(r"^ +((?:CREATE|GRANT) [^;]+);$", text, re.MULTILINE)
    assert len(statements) == 3
    for statement in statements:
        named = re.sub(r"\bdesk\b", ROLE, re.sub(r"\bbooks\b", BOOKS, statement))
        server.execute(named)
    address = f"postgresql://{ROLE}@/{BOOKS}?host={quote(str(servers.run))}&port={PORT}"
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=PROJECT,
        env={**os.environ, "DATABASE_URL": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
