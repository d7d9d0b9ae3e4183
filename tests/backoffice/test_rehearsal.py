"""What a rehearsal says where it cannot go on."""

from pathlib import Path

import pytest
from pytest_django import Settings

from backoffice.rehearsal import Rehearsal, RehearsalFailed


def test_a_bundle_that_cannot_be_written(tmp_path: Path, settings: Settings) -> None:
    settings.DATA = tmp_path
    (tmp_path / "bundles").write_text("a file where the folder of bundles would be")
    run = Rehearsal(
        scenario="okex-2018",
        accounts=200,
        fills=5000,
        seed=1,
        progress=lambda *_: None,
        tell=lambda _: None,
    )
    with pytest.raises(RehearsalFailed, match=f"could not be kept in {tmp_path}.*Not a directory"):
        run.make_market()
