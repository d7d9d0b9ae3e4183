"""What the tests of the house share."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice import embedded
from backoffice.embedded.places import Places
from backoffice.models import Plan
from tests.backoffice.services.authenticator import Device, register
from tests.backoffice.services.conftest import PAID, World, make_world, propose
from tests.backoffice.views.market import Market, open_market


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder only we can enter, as `mktemp -d` makes it.

    Not tmp_path: as root its parents are closed again whenever another session of pytest begins,
    and servers that run as another user would then be locked out of their data.
    """
    with tempfile.TemporaryDirectory(prefix="makewhole-test-") as path:
        yield Path(path).resolve()


@pytest.fixture(scope="session")
def template() -> Iterator[Places]:
    """A data folder with a new database in it, stopped: copying one is quicker than making one."""
    with tempfile.TemporaryDirectory(prefix="makewhole-test-") as path:
        at = embedded.places(path)
        with pytest.MonkeyPatch.context() as patch:
            for name in ("DATABASE_URL", "REDIS_URL"):
                patch.delenv(name, raising=False)
            embedded.ensure(at)
        embedded.stop(at)
        yield at


@pytest.fixture
def filled(at: Places, template: Places) -> None:
    """The test's data folder `at`, with a database already made in it."""
    copy_database(template, at)


def copy_database(kept: Places, at: Places) -> None:
    """As it was stopped, into a data folder that has none."""
    at.data.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", kept.postgres, at.postgres], check=True)


@pytest.fixture
def world(db: None, clean_cache: None) -> World:
    """The desk's small world, rolled back after the test; no request was counted before it."""
    return make_world()


@pytest.fixture
def proposed(world: World) -> Plan:
    """A plan that pays 0.1, 0.2 and 0.3 BTC to accounts 0, 1 and 2, before the officers."""
    return propose(world, PAID)


@pytest.fixture
def device(world: World) -> Device:
    """Chen's, with a passkey on it."""
    made = Device()
    register(made, world.person("chen"), world.code("chen"))
    return made


@pytest.fixture
def bundle(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a bundle may be written, and beside it a data folder for the tape made of it."""
    folder = tmp_path_factory.mktemp("market")
    monkeypatch.setenv("MAKEWHOLE_DATA", str(folder / "data"))
    return folder / "bundle"


@pytest.fixture
def market(world: World, bundle: Path) -> Market:
    """A small market with a tape behind it, beside the world whose people act on it."""
    return open_market(bundle)
