"""What the tests of the house share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder only we can enter, as `mktemp -d` makes it.

    Not tmp_path: as root its parents are closed again whenever another session of pytest begins,
    and servers that run as another user would then be locked out of their data.
    """
    with tempfile.TemporaryDirectory(prefix="makewhole-test-") as path:
        yield Path(path).resolve()
