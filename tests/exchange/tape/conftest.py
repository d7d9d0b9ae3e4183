"""A store of its own for every test of the tape."""

from pathlib import Path

import pytest


@pytest.fixture
def tape_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder that tapes would be stored in."""
    monkeypatch.setenv("MAKEWHOLE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "tape"
