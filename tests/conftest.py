"""What every test may rely on: the embedded servers of the test data folder, while it runs.

They start when the first test asks for a database and stop with the session. One session at a time
uses a data folder; MAKEWHOLE_DATA gives a second one its own.
"""

import fcntl
import os
import signal
from collections.abc import Iterator

import pytest

from backoffice import embedded

# A manage.py started by a test reads the real settings, on the same data folder.
os.environ["DJANGO_SETTINGS_MODULE"] = "backoffice.settings"


def pytest_configure(config: pytest.Config) -> None:
    """Takes the data folder, or says who has it. Workers of xdist share their controller's."""
    if hasattr(config, "workerinput"):
        return
    at = embedded.places()
    at.data.mkdir(parents=True, exist_ok=True)
    lock = (at.data / "session.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        pytest.exit(
            f"another test session uses {at.data}: wait for it, or set MAKEWHOLE_DATA.",
            returncode=4,
        )
    # A session that is told to end stops what it started, as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    config.add_cleanup(lock.close)
    config.add_cleanup(embedded.stop)


@pytest.fixture(scope="session")
def servers() -> embedded.Places:
    """PostgreSQL and Valkey, answering."""
    embedded.ensure()
    return embedded.places()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    servers: embedded.Places, django_db_modify_db_settings_parallel_suffix: None
) -> None:
    """pytest-django's hook before it makes the test database: by then there must be a server."""


@pytest.fixture
def clean_cache(servers: embedded.Places) -> Iterator[None]:
    """An empty cache before and after: counters of attempts do not leak between tests."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()
