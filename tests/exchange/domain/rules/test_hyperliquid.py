"""Hyperliquid: liquidation prices the venue itself returned, and its tiers."""

from decimal import Decimal
from fractions import Fraction

import pytest

from exchange.domain.rules.hyperliquid import TIERS
from tests.exchange.domain.rules.published import printed

RETURNED = [
    # Positions and prices returned by the venue, as kept in freqtrade's test_hyperliquid.py.
    # Highest leverage then: BTC and ETH 50, SOL and DOGE 20. Collateral has six decimals, so
    # the seventh digit of the price is the last it can carry.
    ("long", "0.015", "2458.5", "36.864593", "0.01", "0.86915825"),
    ("long", "0.00077", "62739", "24.137992", "0.01", "31708.03843631"),
    ("long", "437", "0.11586", "25.29769", "0.025", "0.05945697"),
    ("long", "0.6", "173.06", "20.735658", "0.025", "142.05186667"),
    ("long", "0.0015", "66930", "20.043862", "0.01", "54108.51043771"),
    ("short", "0.00099", "65536", "21.604172", "0.01", "86493.46174617"),
    ("short", "0.019", "2642.8", "25.091876", "0.01", "3924.18322043"),
    ("short", "351", "0.14333", "25.136807", "0.025", "0.20970228"),
    ("short", "0.11", "178.29", "19.605036", "0.025", "347.82205322"),
    # The venue's own page, gitbook "Info endpoint", clearinghouseState: ETH at 20x.
    ("long", "0.0335", "2986.3", "4.981226", "0.01", "2866.26936529"),
    # XYZ100 of a builder's market, at 20x: rawUsd -9.538334.
    ("long", "0.0004", "25075", "0.491666", "0.025", "24457.2666"),
]


@pytest.mark.parametrize(
    ("side", "quantity", "entry", "collateral", "maintenance", "returned"), RETURNED
)
def test_prices_the_venue_returned(
    side: str, quantity: str, entry: str, collateral: str, maintenance: str, returned: str
) -> None:
    answer = printed(
        rules="hyperliquid",
        side=side,
        quantity=quantity,
        entry=entry,
        collateral=collateral,
        mode="isolated",
        maintenance=maintenance,
    )
    ours = Decimal(answer["liquidation_price"])
    assert abs(ours / Decimal(returned) - 1) < Decimal("0.0000001")


def test_maintenance_is_half_the_initial_rate_at_the_highest_leverage() -> None:
    # gitbook "Margin tiers": at 20x, 2.5 %; BTC 40x to 150 million, then 20x.
    assert TIERS["SOL"][0].rate == Fraction("0.025")
    assert [(int(tier.floor), tier.rate) for tier in TIERS["BTC"]] == [
        (0, Fraction("0.0125")),
        (150_000_000, Fraction("0.025")),
    ]
    assert TIERS["BTC"][1].deduction == 150_000_000 * Fraction("0.0125")


@pytest.mark.parametrize(
    ("symbol", "value", "rate"),
    [
        ("BTC", 1_000_000, "1.25"),
        ("BTC-PERP", 1_000_000, "1.25"),
        ("ETH", 1_000_000, "2"),
        ("SOL", 1_000_000, "2.5"),
        ("kPEPE", 20_000_000, "5"),
        ("ARB", 3_000_000, "5"),
    ],
)
def test_rates_of_the_page_at_the_highest_leverage(symbol: str, value: int, rate: str) -> None:
    # gitbook "Margin tiers"; docs.byreal.io "Risk and Liquidation": 40x 1.25 %, 25x 2 %, 20x 2.5 %.
    answer = printed(
        rules="hyperliquid",
        side="long",
        quantity=str(value),
        entry="1",
        mark="1",
        collateral=str(value),
        mode="cross",
        symbol=symbol,
    )
    assert Decimal(answer["maintenance_margin"]) == value * Decimal(rate) / 100


@pytest.mark.parametrize(("side", "sign"), [("long", 1), ("short", -1)])
def test_cross_margin_of_the_venues_own_snippet(side: str, sign: int) -> None:
    # ts-examples LiquidationPx.tsx: mark - side * (account value - maintenance of the others -
    # notional / 80) / size / (1 - side / 80), at a highest leverage of 40.
    answer = printed(
        rules="hyperliquid",
        side=side,
        quantity="2",
        entry="60000",
        mark="61000",
        collateral="20000",
        mode="cross",
        symbol="BTC",
        others=[{"maintenance_margin": "700", "unrealised_pnl": "-1500"}],
    )
    worth = 20000 - 1500 + sign * 2 * 1000
    left = worth - 700 - Fraction(2 * 61000, 80)
    expected = 61000 - sign * left / 2 / (1 - Fraction(sign, 80))
    assert abs(Fraction(answer["liquidation_price"]) - expected) <= Fraction(1, 10**8)
