"""Determinism, refusals, and what the manifest says."""

import hashlib
from pathlib import Path

import pytest

from exchange import drill
from exchange.drill.refusals import DrillRefused
from exchange.drill.scenarios import ScenarioUnknown
from tests.exchange.drill.conftest import Played, quiet


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a bundle."""
    files = sorted(folder.iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_same_seed_gives_the_same_bytes(played: Played, tmp_path: Path) -> None:
    again = drill.generate("okex-2018", 200, 5_000, 1, tmp_path / "again", quiet)
    assert digests(again) == digests(played(200, 5_000, 1))


def test_another_seed_gives_another_tape(played: Played) -> None:
    one, two = digests(played(200, 5_000, 1)), digests(played(200, 5_000, 2))
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] == two[name]} == {
        "assets.parquet",
        "contracts.parquet",
    }


@pytest.mark.parametrize(
    ("accounts", "fills", "words"),
    [(199, 5_000, "accounts must be"), (200, 4_998, "even number"), (200, 5_001, "even number")],
)
def test_a_size_that_cannot_be_played_is_refused(
    tmp_path: Path, accounts: int, fills: int, words: str
) -> None:
    with pytest.raises(DrillRefused, match=words):
        drill.generate("okex-2018", accounts, fills, 1, tmp_path / "out", quiet)
    assert not (tmp_path / "out").exists()


def test_an_unknown_scenario_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScenarioUnknown, match="okex-2018"):
        drill.generate("mt-gox", 200, 5_000, 1, tmp_path / "out", quiet)
    assert not (tmp_path / "out").exists()


def test_progress_reaches_the_end_of_every_stage(tmp_path: Path) -> None:
    last: dict[str, tuple[int, int]] = {}

    def told(label: str, done: int, total: int) -> None:
        assert done >= last.get(label, (0, 0))[0]
        last[label] = (done, total)

    drill.generate("okex-2018", 200, 5_000, 1, tmp_path / "out", told)
    assert last == {
        "Drawing the market": (3, 3),
        "Playing the market": (12_600, 12_600),
        "Writing the bundle": (8, 8),
    }
