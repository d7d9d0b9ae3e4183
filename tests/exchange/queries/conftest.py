"""One opened market for the reads: the same small tape as everywhere, and Ann wrongly closed."""

from pathlib import Path

import pytest

from exchange.models import Tape
from exchange.services import books, liquidations
from tests.exchange.services import tapes
from tests.exchange.services.conftest import tape_store

__all__ = ["tape_store"]


@pytest.fixture
def record(db: None, tmp_path: Path, tape_store: Path) -> Tape:
    """The tape's row, its books open and its closes judged."""
    tape = tapes.read(tmp_path / "bundle", tapes.crash)
    row = books.open_books(tape=tape, venue="testex", name="Test", progress=None)
    liquidations.recompute(tape_record=row)
    return row
