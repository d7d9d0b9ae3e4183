"""A comparison as rows: which cell is the most and the least, what a refused scenario leaves."""

import pytest

from backoffice.comparison_rows import Cell, assets, groups, marked


def marks(*units: int | None, better: str = "", below: bool = False) -> list[tuple[str, str]]:
    return [(c.mark, c.tone) for c in marked([Cell(u) for u in units], better, below=below)]


@pytest.mark.parametrize(
    ("units", "named"),
    [
        ((1, 3, 2), ["min", "max", ""]),
        ((3, 3, 1), ["max", "max", "min"]),
        ((2, 2, 2), ["", "", ""]),
        ((5,), [""]),
        ((None, 1, None), ["", "", ""]),
        ((None, 1, 0), ["", "max", "min"]),
        ((-4, 0, 7), ["min", "", "max"]),
        ((), []),
    ],
)
def test_the_most_and_the_least(units: tuple[int | None, ...], named: list[str]) -> None:
    assert [mark for mark, _tone in marks(*units)] == named


def test_the_most_lost_is_furthest_from_nothing() -> None:
    assert marks(-9, -1, 0, below=True) == [("max", ""), ("", ""), ("min", "")]


def test_a_tone_only_where_more_or_less_is_plainly_wanted() -> None:
    assert marks(1, 2, better="less") == [("min", "good"), ("max", "bad")]
    assert marks(1, 2, better="more") == [("min", "bad"), ("max", "good")]
    assert marks(1, 2) == [("min", ""), ("max", "")]


def test_an_empty_summary_has_no_figures() -> None:
    summary = {
        "accounts": 2, "cash_legs": 3, "position_legs": 0, "contracts_moved": "0",
        "negative_customers": 0, "reliquidated": 1, "sum_by_asset": {"BTC": "0"},
        "positions_sum_by_contract": {},
        "by_asset": {"BTC": {"gained": "5", "gainers": 1, "median_gain": "5"}},
    }  # fmt: skip
    found = {group.name: group for group in groups([summary, {}], "BTC")}
    gain = found["sides"].rows[0].cells
    assert gain == [Cell(5, 1, 5), Cell(None)]
    assert [cell.units for cell in found["conservation"].rows[0].cells] == [0, None]
    assert all(len(row.cells) == 2 for group in found.values() for row in group.rows)


def test_the_settlement_asset_comes_first() -> None:
    summaries = [{"by_asset": {"ETH": {}, "BTC": {}}}, {"by_asset": {"ADA": {}}}, {}]
    assert assets(summaries, "ETH") == ["ETH", "ADA", "BTC"]
