"""Malformed bundles: each is refused in words its sender can act on, and nothing is stored."""

from pathlib import Path

import pytest

from exchange.tape import bundle
from exchange.tape.problems import SHOWN_PER_KIND
from tests.exchange.tape.malformed import CASES
from tests.exchange.tape.spoil import Bundle, Case


# pyarrow complains, but reads no further, when a ragged row cannot be shown to its handler.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_refuses(case: Case, tmp_path: Path, tape_store: Path) -> None:
    spoiled = Bundle(tmp_path)
    case.spoil(spoiled)
    path = spoiled.path if spoiled.path.suffix or spoiled.path.name == "nothing" else None

    with pytest.raises(bundle.BundleRefused) as refused:
        bundle.read(path or spoiled.write())

    found = [
        problem
        for problem in refused.value.problems
        if (problem.kind, problem.file, problem.row, problem.field)
        == (case.kind, case.file, case.row, case.field)
    ]
    assert found, str(refused.value)
    assert case.message in found[0].message
    assert found[0].fix
    assert refused.value.counts[case.kind] >= len(found)
    assert not tape_store.exists()


def test_the_table_covers_its_kinds() -> None:
    assert len({case.kind for case in CASES}) >= 70


def test_all_problems_are_counted_fifty_of_a_kind_are_shown(
    tmp_path: Path, tape_store: Path
) -> None:
    spoiled = Bundle(tmp_path)
    for seq in range(10, 310):
        spoiled.add("transfers", f"{seq},2018-03-30T05:00:02+08:00,A-{seq},funding,BTC,x,deposit,d")

    with pytest.raises(bundle.BundleRefused) as refused:
        bundle.read(spoiled.write())

    assert refused.value.counts == {"accounts.unknown": 300, "cell.not_number": 300}
    shown = [p.kind for p in refused.value.problems]
    assert shown.count("accounts.unknown") == shown.count("cell.not_number") == SHOWN_PER_KIND
    assert "600 problems" in str(refused.value)
    assert "and 500 more of the same kinds" in str(refused.value)
    assert not tape_store.exists()
