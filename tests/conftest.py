"""What every test may rely on: the embedded servers of the test data folder, while it runs.

They start when the first test asks for a database and stop with the session. One session at a time
uses a data folder; MAKEWHOLE_DATA gives a second one its own. With `-n 2` two workers share the
tests, a file at a time, each with servers of its own: what one kills the other does not miss.
"""

import fcntl
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from backoffice import embedded

# A manage.py started by a test reads the real settings, on the same data folder.
os.environ["DJANGO_SETTINGS_MODULE"] = "backoffice.settings"

# An example may be the first to call a kernel, which is then compiled, on a machine that is busy.
# Everything else is as hypothesis has it: under CI the examples are the same in every run.
settings.register_profile(
    "untimed", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("untimed")

# What starts programs of its own takes minutes. It is handed out first, in this order: files of a
# second each are left for the end, when the worker that is done earlier waits for the other.
LONG = (
    "tests/browser/",
    "tests/chaos/",
    "tests/stories/",
    "tests/backoffice/test_demo.py",
    "tests/backoffice/embedded/",
)


def pytest_configure(config: pytest.Config) -> None:
    """Takes the data folder, or says who has it."""
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
    if not hasattr(config, "workerinput"):
        config.add_cleanup(lambda: stop_servers(at))


def stop_servers(at: embedded.Places) -> None:
    """The session's, and those of its workers: a worker that is killed stops nothing."""
    for data in (at.data, *at.data.glob("gw*")):
        embedded.stop(embedded.places(data))


class Together(LoadFileScheduling):
    """To one worker: the tests of a file, and all that share the one desk in the browser."""

    def _split_scope(self, nodeid: str) -> str:
        browser = "tests/browser/"
        return browser if nodeid.startswith(browser) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """xdist's hook: in what pieces it hands out the tests."""
    return Together(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """pytest's hook, after pytest-django's: its order holds within a room and among the others."""

    def turn(item: pytest.Item) -> int:
        rooms = (n for n, room in enumerate(LONG) if item.nodeid.startswith(room))
        return next(rooms, len(LONG))

    items.sort(key=turn)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """pytest's hook: bytes go by their argument's name, for packed ones hold the time of packing.

    Two workers that name one test differently run none.
    """
    return argname if isinstance(val, bytes) else None


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


@pytest.fixture(scope="session")
def desk_template(servers: embedded.Places, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """A database that desks are copied from."""
    from tests import desk

    with django_db_blocker.unblock(), desk.migrated() as name:
        yield name


@pytest.fixture
def clean_cache(servers: embedded.Places) -> Iterator[None]:
    """An empty cache before and after: counters of attempts do not leak between tests."""
    from django.core.cache import cache

    cache.clear()
    yield
    cache.clear()
