"""What the tests of the house share."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice import embedded
from backoffice.embedded.places import Places


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
    at.data.mkdir()
    subprocess.run(["cp", "-a", template.postgres, at.postgres], check=True)
