"""KuCoin Futures' worked examples."""

from decimal import Decimal
from typing import Any

import pytest

from tests.exchange.domain.rules.published import printed, unrounded


def test_linear_short() -> None:
    # www.kucoin.com/support/4408061803033: IM 1.4, MM 0.56, liquidation 28,168; the bankruptcy
    # page (19130776858521) adds 28,280.
    answer = printed(
        rules="kucoin",
        side="short",
        quantity="5",
        face="0.001",
        entry="28000",
        leverage="100",
        mode="isolated",
        maintenance="0.004",
    )
    assert answer["initial_margin"] == "1.4"
    assert answer["maintenance_margin"] == "0.56"
    assert answer["liquidation_price"] == "28168"
    assert answer["bankruptcy_price"] == "28280"


def test_maintenance_of_a_position() -> None:
    # www.kucoin.com/support/26694703491737: 10,000 x 0.001 x 30,000 = 300,000; 1,200.
    answer = printed(
        rules="kucoin",
        side="long",
        quantity="10000",
        face="0.001",
        entry="30000",
        mark="30000",
        leverage="10",
        mode="isolated",
        maintenance="0.004",
    )
    assert answer["position_value"] == "300000"
    assert answer["maintenance_margin"] == "1200"


def test_inverse_bankruptcy_is_cut_off() -> None:
    # kucoin.zendesk.com 27619032569113: 28,000 / 1.02 is printed 27,450.
    answer = printed(
        rules="kucoin",
        contract="inverse",
        side="long",
        quantity="1000",
        entry="28000",
        leverage="50",
        mode="isolated",
        maintenance="0.004",
    )
    assert answer["bankruptcy_price"] == "27450"


def test_the_page_of_2025_measures_on_the_mark_with_a_fee() -> None:
    # (value - margin) / (size x (1 - rate - fee)), the formula of the page.
    request = {
        "rules": "kucoin-2025",
        "side": "long",
        "quantity": "1000",
        "face": "0.001",
        "entry": "30000",
        "collateral": "3000",
        "mode": "isolated",
        "maintenance": "0.004",
        "taker_fee": "0.0006",
    }
    expected = Decimal(27000) / (1 - Decimal("0.004") - Decimal("0.0006"))
    assert unrounded("liquidation_price", 10, **request) == round(expected, 10)


@pytest.mark.parametrize(
    ("leverage", "expected"), [("2", "32760"), ("10", "58760"), ("100", "64610")]
)
def test_linear_long_at_three_leverages(leverage: str, expected: str) -> None:
    # kucoin.com/id/support/32569939893657: BTC at 65,000, users B, C and D.
    answer = printed(
        rules="kucoin",
        contract="linear",
        side="long",
        quantity="1",
        entry="65000",
        leverage=leverage,
        mode="isolated",
        maintenance="0.004",
    )
    assert answer["liquidation_price"] == expected


BTC = {"quantity": "10", "face": "0.001", "entry": "62000", "mark": "62000", "maintenance": "0.005"}
ETH = {"quantity": "100", "face": "0.01", "entry": "3800", "mark": "3800", "maintenance": "0.01"}
SHARED: dict[str, Any] = {
    "rules": "kucoin-2025",
    "mode": "cross",
    "collateral": "1000",
    "taker_fee": "0.0006",
    "contract": "linear",
}


def test_cross_margin_is_shared_out_by_value() -> None:
    # kucoin.com/fil/support/35084431335065: 1000 / 4,420 = 22.62 %, ETH short goes at 4,610.7.
    answer = printed(**SHARED, **ETH, side="short", others=[{"side": "long", **BTC}])
    assert answer["liquidation_price"] == "4610.7"
    assert any("22.62 % of the value at the mark" in step for step in answer["steps"])


def test_the_pages_other_price_is_not_what_its_own_sum_gives() -> None:
    # Same page: it prints 47,956 for (620 - 620 x 22.62 %) / (1 - 0.5 % - 0.06 %) / 0.01.
    answer = printed(**SHARED, **BTC, side="long", others=[{"side": "short", **ETH}])
    assert answer["liquidation_price"] == "48245.8"


def test_shared_margin_moves_with_the_profit_of_all() -> None:
    # What ETH gains counts for BTC by BTC's share, and entry prices alone change nothing.
    moved = {**ETH, "entry": "3900"}
    answer = printed(
        **{**SHARED, "collateral": "900"}, **BTC, side="long", others=[{"side": "short", **moved}]
    )
    assert answer["liquidation_price"] == "48245.8"


def test_sums_cannot_be_shared_out() -> None:
    # Then the whole balance counts: the account's risk rate, which is what liquidates.
    sums = {"maintenance_margin": "38", "unrealised_pnl": "0"}
    answer = printed(**SHARED, **BTC, side="long", others=[sums])
    assert answer["liquidation_price"] is None
    assert any("the whole cross balance, as given" in step for step in answer["steps"])


def test_all_is_lost_a_tenth_away_at_ten_times() -> None:
    # support.kucoin.plus 4408061803033, of 2021: 500 at 10x on bitcoin at 10,000 are lost at 9,000.
    answer = printed(
        rules="kucoin",
        side="long",
        quantity="0.5",
        entry="10000",
        leverage="10",
        mode="isolated",
        maintenance="0.005",
    )
    assert (answer["initial_margin"], answer["bankruptcy_price"]) == ("500", "9000")


@pytest.mark.parametrize(
    ("side", "entry", "margin", "liquidation", "bankruptcy"),
    [
        ("long", "120016.4", "20.0027333373", "100475.86", "100013.67"),
        ("short", "68094.2", "2.35897317", "70130.5725363", "70453.17317"),
    ],
)
def test_positions_of_the_api_pages(
    side: str, entry: str, margin: str, liquidation: str, bankruptcy: str
) -> None:
    # kucoin.com/docs-new "Get Position List" and the push of an isolated position: one contract of
    # XBTUSDTM, maintMarginReq 0.004; the fee of the close is 0.06 %.
    request = {
        "rules": "kucoin-2025",
        "side": side,
        "quantity": "1",
        "face": "0.001",
        "entry": entry,
        "collateral": margin,
        "mode": "isolated",
        "maintenance": "0.004",
        "taker_fee": "0.0006",
    }
    for figure, price in (("liquidation_price", liquidation), ("bankruptcy_price", bankruptcy)):
        digits = len(price.split(".")[1])
        assert unrounded(figure, digits, **request) == Decimal(price)
