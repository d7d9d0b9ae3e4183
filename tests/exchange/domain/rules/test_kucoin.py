"""KuCoin Futures' worked examples."""

from decimal import Decimal

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
