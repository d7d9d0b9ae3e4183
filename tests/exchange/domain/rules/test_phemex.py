"""Phemex's worked examples and formulas."""

from decimal import Decimal

from tests.exchange.domain.rules.published import printed, unrounded


def test_usdt_long_includes_the_closing_fee() -> None:
    # phemex.com/help-center/liq-price-for-USDTM: margin 40.096, price 0.3232...
    request = {
        "rules": "phemex-usdt",
        "side": "long",
        "quantity": "500",
        "entry": "0.4",
        "leverage": "5",
        "mode": "isolated",
        "maintenance": "0.01",
        "taker_fee": "0.0006",
    }
    answer = printed(**request)
    assert answer["unrounded"]["liquidation_price"].startswith("0.3232")
    assert unrounded("liquidation_price", 6, **request) == Decimal("0.323234")
    assert any("40.096" in step for step in answer["steps"])
    assert unrounded("bankruptcy_price", 10, **request) == Decimal("0.32")


def test_usdt_tiers() -> None:
    # phemex.com/help-center/legerage-IM-MM-USDTM: 3,000,000 needs 17,500.
    answer = printed(
        rules="phemex-usdt",
        side="long",
        quantity="100",
        entry="30000",
        mark="30000",
        collateral="300000",
        mode="cross",
        symbol="BTCUSDT",
    )
    assert answer["maintenance_margin"] == "17500"


def test_inverse_follows_the_help_page() -> None:
    # phemex.com/help-center/liquidation-price: q / (open value - MM + open value / leverage).
    request = {
        "rules": "phemex",
        "side": "long",
        "quantity": "10000",
        "entry": "10000",
        "leverage": "20",
        "mode": "isolated",
        "maintenance": "0.005",
    }
    expected = Decimal(10000) / (1 - Decimal("0.005") + Decimal("0.05"))
    assert unrounded("liquidation_price", 12, **request) == round(expected, 12)


def test_a_cross_position_of_the_websocket_page() -> None:
    # github.com/phemex/phemex-api-docs, account-order-position snapshot: 9 contracts at 8,687.5941
    # with crossSharedBalanceEv 99998802; bankruptPriceEp and liquidationPriceEp are 90000.
    request = {
        "rules": "phemex",
        "side": "long",
        "quantity": "9",
        "entry": "8687.5941",
        "mark": "8678.6292",
        "collateral": "0.99998802",
        "mode": "cross",
        "maintenance": "0.005",
    }
    answer = printed(**request)
    assert (answer["bankruptcy_price"], answer["liquidation_price"]) == ("9.0", "9.0")
    assert answer["pnl"] == "-0.00000107"
