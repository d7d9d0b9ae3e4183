"""The word diff of notices: whole figures marked, both texts recoverable."""

import pytest

from backoffice import worddiff

TEXTS = [
    "",
    "Trading resumes at 09:00. All transactions after 5:00 are rolled back.",
    "Trading resumes at 00:00. All transactions after 4:47:54 are rolled back.",
    "合约交易预计于零点恢复，提现同时开放。",
    "合约交易预计于 01:12 恢复, at 4,755.00 -- (really)!\n\nSecond paragraph.",
]


@pytest.mark.parametrize("old", TEXTS)
@pytest.mark.parametrize("new", TEXTS)
def test_both_texts_come_back(old: str, new: str) -> None:
    pieces = worddiff.compare(old, new)
    assert "".join(p.text for p in pieces if p.kind != "added") == old
    assert "".join(p.text for p in pieces if p.kind != "removed") == new


def test_a_changed_figure_is_one_piece() -> None:
    changed = [p for p in worddiff.compare(TEXTS[1], TEXTS[2]) if p.kind != "same"]
    assert changed == [
        ("removed", "09:00"), ("added", "00:00"), ("removed", "5:00"), ("added", "4:47:54"),
    ]  # fmt: skip
