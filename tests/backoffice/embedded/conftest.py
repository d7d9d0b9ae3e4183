"""A data folder of its own for each test of the servers."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from backoffice import embedded
from backoffice.embedded.places import Places


@pytest.fixture
def at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Places]:
    """An empty data folder; whatever runs in it is stopped at the end."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    at = embedded.places(folder / "data")
    yield at
    with contextlib.suppress(embedded.EmbeddedError):
        embedded.stop(at)
    if at.run != at.data / "run":
        shutil.rmtree(at.run, ignore_errors=True)
