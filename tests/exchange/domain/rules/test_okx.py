"""OKX: margins of its guides, and the isolated formulas."""

from decimal import Decimal
from fractions import Fraction

import pytest

from tests.exchange.domain.rules.published import printed, unrounded


@pytest.mark.parametrize(("quantity", "initial"), [("10000", "0.1"), ("1", "1000")])
def test_initial_margin(quantity: str, initial: str) -> None:
    # ukcamo.com/8077: one bitcoin at 10,000 and 10x needs 0.1 BTC, or 1,000 USDT.
    answer = printed(
        rules="okx",
        side="long",
        quantity=quantity,
        entry="10000",
        leverage="10",
        mode="isolated",
        maintenance="0.004",
    )
    assert answer["initial_margin"] == initial


@pytest.mark.parametrize(("side", "sign"), [("long", 1), ("short", -1)])
def test_isolated_inverse_formula(side: str, sign: int) -> None:
    # ukcamo.com/5262: (1 +/- m) / (1/E +/- M/(F n)).
    request = {
        "rules": "okx",
        "side": side,
        "quantity": "100",
        "face": "100",
        "entry": "8000",
        "collateral": "0.125",
        "mode": "isolated",
        "maintenance": "0.01",
    }
    expected = (1 + sign * Decimal("0.01")) / (1 / Decimal(8000) + sign * Decimal("0.125") / 10000)
    assert unrounded("liquidation_price", 12, **request) == round(expected, 12)


def test_ratio_reaches_100_percent_at_the_liquidation_price() -> None:
    request = {
        "rules": "okx",
        "contract": "linear",
        "side": "short",
        "quantity": "2",
        "entry": "20000",
        "collateral": "4000",
        "mode": "isolated",
        "maintenance": "0.005",
        "taker_fee": "0.0005",
    }
    price = printed(**request)["unrounded"]["liquidation_price"]
    assert printed(**request, mark=price)["margin_ratio"] == "1.0000"


@pytest.mark.parametrize(
    ("side", "leverage", "entry", "expected"),
    [
        ("short", "5", "10", "11.87413417771621"),
        ("short", "3", "10", "13.193482419684678"),
        ("short", "5", "8", "9.499307342172967"),
        ("long", "5", "10", "8.085708510208207"),
        ("long", "3", "10", "6.738090425173506"),
    ],
)
def test_isolated_linear_of_a_public_suite(
    side: str, leverage: str, entry: str, expected: str
) -> None:
    # freqtrade tests/exchange/test_exchange.py (okx 360053909592): rate 1 %, fee 0.06 %.
    price = unrounded(
        "liquidation_price",
        12,
        rules="okx",
        side=side,
        quantity="1",
        entry=entry,
        leverage=leverage,
        mode="isolated",
        maintenance="0.01",
        taker_fee="0.0006",
    )
    assert price == round(Decimal(expected), 12)


@pytest.mark.parametrize("side", ["long", "short"])
def test_equity_over_value_at_the_liquidation_price(side: str) -> None:
    # ukcamo.com/4957: BTC/USDT at 10x is liquidated at 1.55 %, 1.50 of maintenance and 0.05 of fee.
    request = {
        "rules": "okx",
        "contract": "linear",
        "side": side,
        "quantity": "1",
        "entry": "10000",
        "leverage": "10",
        "mode": "isolated",
        "maintenance": "0.015",
        "taker_fee": "0.0005",
    }
    price = printed(**request)["unrounded"]["liquidation_price"]
    there = printed(**request, mark=price)["unrounded"]
    equity = 1000 + Decimal(there["pnl"])
    assert round(equity / Decimal(there["position_value"]), 12) == Decimal("0.0155")


def test_the_position_of_the_api_pages() -> None:
    # okx.com/docs-v5 "Get positions": one contract of 10 USD of ETH-USD from 2566.31 at 10x, with
    # the rates its figures come to. Its liqPx, 2352.8496681818233, is one tick above its formula.
    request = {
        "rules": "okx",
        "contract": "inverse",
        "side": "long",
        "quantity": "1",
        "face": "10",
        "entry": "2566.31",
        "leverage": "10",
        "mode": "isolated",
        "maintenance": "0.008",
        "taker_fee": "0.0005",
    }
    assert unrounded("initial_margin", 16, **request) == Decimal("0.0003896645377994")
    above = Decimal("2352.8496681818233") - unrounded("liquidation_price", 12, **request)
    assert round(above, 9) == Decimal("0.01")
    profit = Fraction("-0.0000009932766034")  # the mark it was worked out at is not printed
    mark = 10 / (10 / Fraction("2566.31") - profit)
    there = {**request, "mark": f"{float(mark):.12f}"}
    assert unrounded("maintenance_margin", 12, **there) == Decimal("0.000031181109")
    assert unrounded("margin_ratio", 5, **there) == Decimal("11.73173")


def test_the_isolated_price_of_a_swap_is_one_tick_early_too() -> None:
    # A position of ETH-USDT-SWAP returned with liqPx 1466.3929432660957 and its own margin.
    request = {
        "rules": "okx",
        "side": "long",
        "quantity": "49.18",
        "face": "0.1",
        "entry": "1805.5767334669338683",
        "mark": "2419.52",
        "collateral": "1700.6075811251431723",
        "mode": "isolated",
        "maintenance": "0.004",
        "taker_fee": "0.0005",
        "symbol": "ETH-USDT-SWAP",
    }
    above = Decimal("1466.3929432660957") - unrounded("liquidation_price", 13, **request)
    assert round(above, 12) == Decimal("0.01")
    assert unrounded("margin_ratio", 12, **request) == Decimal("88.147491144121")
    assert unrounded("pnl", 12, **request) == Decimal("3019.372984809619")


@pytest.mark.parametrize(
    ("quantity", "entry", "mark", "rate", "ratio", "price"),
    [
        # docs-v5 tradingBot/signal/positions, ETH-USDT-SWAP; ccxt okx.js, BTC-USDT-SWAP.
        ("0.15", "1597.74", "1584.33", "0.008", "11.719278420807477", "1438.7380360728976"),
        (
            "0.01",
            "34131.1",
            "34132.18608358957",
            "0.004",
            "140.49930117599155",
            "12608.959083877446",
        ),
    ],
)
def test_cross_positions_the_venue_returned(
    quantity: str, entry: str, mark: str, rate: str, ratio: str, price: str
) -> None:
    # The balance is not printed: it is what the ratio printed leaves, less the profit.
    kept = Decimal(quantity) * Decimal(mark) * (Decimal(rate) + Decimal("0.0005"))
    profit = Decimal(quantity) * (Decimal(mark) - Decimal(entry))
    found = unrounded(
        "liquidation_price",
        10,
        rules="okx",
        side="long",
        quantity=quantity,
        entry=entry,
        mark=mark,
        collateral=str(Decimal(ratio) * kept - profit),
        mode="cross",
        maintenance=rate,
        taker_fee="0.0005",
    )
    assert found == round(Decimal(price), 10)
