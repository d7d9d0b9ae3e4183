"""The sidecar of a plan's adjustments: found by place, account and contract; deletable."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain import adjustments as domain
from exchange.domain.adjustments import Adjustments
from exchange.tape import adjustments, store
from tests.exchange.domain.market import random_tape


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAKEWHOLE_DATA", str(tmp_path))
    return store.folder()


def records(trades: int = 200) -> Adjustments:
    fills = random_tape(5, trades, 7)
    return domain.of_fills(
        fills, np.ones(len(fills.seq), np.bool_), np.zeros(len(fills.seq), np.int64)
    )


def opened(name: str) -> adjustments.Sidecar:
    found = adjustments.read(name)
    assert found is not None
    return found


def test_what_is_written_is_read(kept: Path) -> None:
    made = records()
    assert not adjustments.exists("one")
    assert adjustments.read("one") is None
    adjustments.write("one", made)
    assert adjustments.exists("one")
    rows = opened("one").rows(np.arange(3))
    assert [row.seq for row in rows] == made.seq[:3].tolist()
    assert [row.value_before for row in rows] == made.value_before[:3].tolist()
    back = opened("one").rows(len(made.seq) - 1 - np.arange(3), backwards=True)
    assert [row.quantity_after for row in back] == [row.quantity_before for row in rows]
    assert [row.value_before for row in back] == [0, 0, 0]
    assert [row.seq for row in back] == [row.seq for row in rows]


def test_nothing_is_something_that_is_written(kept: Path) -> None:
    adjustments.write("none", records(0))
    assert adjustments.exists("none")
    assert len(opened("none").find(0, 10)) == 0
    assert len(opened("none").find(0, 10, accounts=[1])) == 0


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> adjustments.Sidecar:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAKEWHOLE_DATA", str(tmp_path_factory.mktemp("sidecar")))
        adjustments.write("all", records())
        return opened("all")


@given(
    start=st.integers(0, 500) | st.just(2**60),
    limit=st.integers(1, 450),
    accounts=st.none() | st.lists(st.integers(-1, 9), max_size=4),
    contract=st.none() | st.integers(-1, 5),
    backwards=st.booleans(),
)
def test_finding_is_what_a_scan_would_find(
    sidecar: adjustments.Sidecar,
    start: int,
    limit: int,
    accounts: list[int] | None,
    contract: int | None,
    backwards: bool,
) -> None:
    found = sidecar.find(start, limit, accounts=accounts, contract=contract, backwards=backwards)
    everything = sidecar.rows(np.arange(len(sidecar.records)), backwards=backwards)
    scanned = [
        number
        for number, row in enumerate(everything)
        if number >= start
        and (accounts is None or row.account in accounts)
        and (contract is None or row.contract == contract)
    ]
    assert found.tolist() == scanned[:limit]


def test_a_part_that_is_missing_or_cut_short_is_no_sidecar(kept: Path) -> None:
    made = records()
    for part in (".npy", ".by-account.npy", ".by-contract.npy"):
        adjustments.write("one", made)
        (file,) = kept.glob(f"one.adjustments-1{part}")
        whole = file.read_bytes()
        file.chmod(0o644)
        for cut in (whole[: len(whole) // 2], whole[:20], b""):
            file.write_bytes(cut)
            assert adjustments.read("one") is None, (part, len(cut))
        file.unlink()
        assert adjustments.read("one") is None, part


def test_writing_again_changes_nothing_for_a_reader(kept: Path) -> None:
    adjustments.write("one", records())
    reader = opened("one")
    adjustments.write("one", records())
    assert reader.records.tolist() == opened("one").records.tolist()
    assert not list(kept.glob(".writing-*"))
