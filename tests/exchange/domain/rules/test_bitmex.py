"""BitMEX: the linear example of its own pages, and the inverse sums."""

from decimal import Decimal

from tests.exchange.domain.rules.published import printed, unrounded


def test_linear_cross_example() -> None:
    # bitmex.com/app/isolatedMarginExamples: 20 contracts of ETHUSDT at 1,000 with 10,000 USDT:
    # initial 400, maintenance 200, liquidation 510, bankruptcy 500.
    answer = printed(
        rules="bitmex",
        contract="linear",
        side="long",
        quantity="20",
        entry="1000",
        collateral="10000",
        leverage="50",
        mode="cross",
        maintenance="0.01",
    )
    assert answer["initial_margin"] == "400"
    assert answer["maintenance_margin"] == "200"
    assert answer["liquidation_price"] == "510.00"
    assert answer["bankruptcy_price"] == "500.00"


def test_inverse_profit() -> None:
    # r.arson.gg bb9znp: 50,000 contracts from 5,000 to 10,000 = 5 BTC.
    answer = printed(
        rules="bitmex",
        side="long",
        quantity="50000",
        entry="5000",
        mark="10000",
        leverage="1",
        mode="isolated",
        maintenance="0.005",
    )
    assert answer["pnl"] == "5"


def test_inverse_fee_is_kept_back_at_the_bankruptcy_value() -> None:
    # 200,000 contracts at 10,000 and 20x (medium.com/@zoomerjd): margin 1, bankruptcy value 21.
    request = {
        "rules": "bitmex",
        "side": "long",
        "quantity": "200000",
        "entry": "10000",
        "leverage": "20",
        "mode": "isolated",
        "maintenance": "0.005",
        "taker_fee": "0.00075",
    }
    kept = Decimal("0.005") * 20 + Decimal("0.00075") * 21
    expected = Decimal(200000) / (20 + 1 - kept)
    assert unrounded("bankruptcy_price", 2, **request) == Decimal("9523.81")
    assert unrounded("liquidation_price", 12, **request) == round(expected, 12)
