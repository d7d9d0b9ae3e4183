"""Bybit's help pages of 2026, to the published digit."""

from decimal import Decimal
from typing import Any

import pytest

from tests.exchange.domain.rules.published import printed, unrounded

LONG: dict[str, Any] = {
    "rules": "bybit-linear-2026",
    "side": "long",
    "quantity": "1",
    "entry": "40000",
    "leverage": "50",
    "mode": "isolated",
    "maintenance": "0.005",
    "taker_fee": "0.00055",
}


def test_margin_added_to_a_long() -> None:
    # UTA-Trading-Rules: 800 of initial margin, an estimated fee to close of 21.56 and 3,000 added
    # give 36,380.25; the maintenance of 40,000 is 200, before that fee.
    assert any("821.56 (the initial margin" in step for step in printed(**LONG)["steps"])
    answer = printed(**LONG, collateral="3821.56")
    assert answer["liquidation_price"] == "36380.25"
    assert (answer["initial_margin"], answer["maintenance_margin"]) == ("800", "200")


def test_bankruptcy_follows_from_the_leverage() -> None:
    # Bankruptcy-Price-Perpetual-and-Expiry-Contracts: 60,000 x (1 - 1/50) = 58,800.
    assert printed(**{**LONG, "entry": "60000"})["bankruptcy_price"] == "58800.00"


@pytest.mark.parametrize(("side", "sign"), [("long", 1), ("short", -1)])
def test_the_inverse_formula(side: str, sign: int) -> None:
    # Liquidation-Price-Calculation-under-Isolated-Mode: 60,000 USD at 50,000 and 10x, with 0.01 BTC
    # added to the margin and the estimated fee to close.
    size, value, fee = Decimal(60000), Decimal("1.2"), Decimal("0.00055")
    initial, added = value / 10, Decimal("0.01")
    bottom = value + sign * (initial + added / (1 + sign * fee))
    expected = size * (1 + sign * Decimal("0.005")) / bottom
    price = unrounded(
        "liquidation_price",
        10,
        rules="bybit-inverse-2026",
        side=side,
        quantity="60000",
        entry="50000",
        collateral=str(initial + fee * (value + sign * initial) + added),
        mode="isolated",
        maintenance="0.005",
        taker_fee=str(fee),
    )
    assert price == round(expected, 10)
