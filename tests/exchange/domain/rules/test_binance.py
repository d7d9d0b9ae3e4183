"""Binance's calculators and tier tables, to the published digit."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from exchange.domain.margin.tiers import maintenance
from exchange.domain.margin_quote import QuoteRefused, quote
from exchange.domain.rules import binance_coinm
from exchange.domain.rules.binance_usdm import TIERS
from tests.exchange.domain.rules.published import printed, unrounded

ETH = {"quantity": "3683.979", "entry": "1456.84", "maintenance": "0.10", "deduction": "135365"}
BTC = {"quantity": "109.488", "entry": "32481.98", "maintenance": "0.025", "deduction": "16300"}
WALLET = "1535443.01"

# Binance's "calc example", as it stands in freqtrade's tests/exchange/test_binance.py.
ISOLATED = [(ETH, "1114.78"), (BTC, "18778.73")]
CROSS: list[tuple[dict[str, str], dict[str, str], str]] = [
    (ETH, {**BTC, "mark": "31967.27"}, "1153.26"),
    (BTC, {**ETH, "mark": "1335.18"}, "26316.89"),
]


@pytest.mark.parametrize(("position", "expected"), ISOLATED)
def test_isolated_long(position: dict[str, str], expected: str) -> None:
    answer = printed(
        rules="binance-usdm", side="long", collateral=WALLET, mode="isolated", **position
    )
    assert answer["liquidation_price"] == expected


@pytest.mark.parametrize(("position", "other", "expected"), CROSS)
def test_cross_with_another_position(
    position: dict[str, str], other: dict[str, str], expected: str
) -> None:
    answer = printed(
        rules="binance-usdm",
        side="long",
        collateral=WALLET,
        mode="cross",
        others=[{"side": "long", **other}],
        **position,
    )
    assert answer["liquidation_price"] == expected


@pytest.mark.parametrize(
    ("sums", "position", "expected"),
    [
        (("71200.81144", "-56354.57"), ETH, "1153.26"),
        (("356512.508", "-448192.89"), BTC, "26316.89"),
    ],
)
def test_cross_with_the_sums_of_the_rest(
    sums: tuple[str, str], position: dict[str, str], expected: str
) -> None:
    due, gained = sums
    answer = printed(
        rules="binance-usdm",
        side="long",
        collateral=WALLET,
        mode="cross",
        others=[{"maintenance_margin": due, "unrealised_pnl": gained}],
        **position,
    )
    assert answer["liquidation_price"] == expected


@pytest.mark.parametrize(
    ("symbol", "size", "expected"), [("ETHUSDT", ETH, "1114.78"), ("BTC/USDT", BTC, "18778.73")]
)
def test_the_tables_give_the_worked_example(
    symbol: str, size: dict[str, str], expected: str
) -> None:
    answer = printed(
        rules="binance-usdm",
        side="long",
        mode="isolated",
        collateral=WALLET,
        symbol=symbol,
        quantity=size["quantity"],
        entry=size["entry"],
    )
    assert answer["liquidation_price"] == expected


@pytest.mark.parametrize(
    ("side", "size", "entry", "margin", "profit", "expected"),
    [
        ("long", "20", "6563.665", "15517.54150468", "2316.83423560", "5930.78"),
        ("short", "10", "6563.86", "5413.95799991", "-1156.4671178", "7189.95"),
    ],
)
def test_the_positions_of_the_api_pages(
    side: str, size: str, entry: str, margin: str, profit: str, expected: str
) -> None:
    # binance-docs "Position Information", hedge mode. The margin printed holds the profit at the
    # mark of 6679.50671178; the short's entry, printed as zero, is the one that gives its price.
    request = {"rules": "binance-usdm", "side": side, "quantity": size, "entry": entry}
    answer = printed(
        **request,
        collateral=str(Decimal(margin) - Decimal(profit)),
        mark="6679.50671178",
        mode="isolated",
        symbol="BTCUSDT",
    )
    assert answer["liquidation_price"] == expected
    assert abs(Decimal(answer["pnl"]) - Decimal(profit)) < Decimal("0.0001")


def test_others_may_name_their_tables_too() -> None:
    answer = printed(
        rules="binance-usdm",
        side="long",
        mode="cross",
        collateral=WALLET,
        symbol="ETHUSDT",
        quantity=ETH["quantity"],
        entry=ETH["entry"],
        others=[
            {
                "side": "long",
                "quantity": BTC["quantity"],
                "entry": BTC["entry"],
                "mark": "31967.27",
                "symbol": "BTCUSDT",
            }
        ],
    )
    assert answer["liquidation_price"] == "1153.26"


CUMS = [
    (
        "BTCUSDT",
        [0, 50, 1300, 16300, 266300, 1266300, 2516300, 5016300, 25016300, 100016300],
    ),
    # The deductions of gist crackcomm/e2958203, from the venue's page of early 2021.
    ("ETHUSDT", [0, 15, 365, 5365, 35365, 135365, 260365, 510365, 2510365]),
    ("LTCUSDT", [0, 35, 535, 8035, 58035, 108035, 233035, 1233035]),
    ("ADABUSD", [0, 2500, 27500, 77500, 277500, 1527500]),
    ("ZECUSDT", [0, 750, 4500, 17000, 29500, 154500, 654500]),
]


@pytest.mark.parametrize(("symbol", "expected"), CUMS)
def test_deductions_are_computed(symbol: str, expected: list[int]) -> None:
    # Level 3 of BTCUSDT is the FAQ's own: 250,000 x (1 % - 0.5 %) + 50 = 1,300.
    assert [tier.deduction for tier in TIERS[symbol]] == expected


def test_maintenance_of_a_table_is_continuous_at_every_floor() -> None:
    for table in TIERS.values():
        for tier in table[1:]:
            above = tier.floor * tier.rate - tier.deduction
            assert maintenance(table, tier.floor) == above


def test_the_tier_at_the_liquidation_price_decides() -> None:
    # FAQ: where the value at the liquidation price lies in another level, that level's rate.
    common = {"rules": "binance-usdm", "side": "long", "mode": "isolated"}
    whole = printed(**common, quantity="20", entry="51000", collateral="60000", symbol="BTC/USDT")
    by_hand = printed(
        **common,
        quantity="20",
        entry="51000",
        collateral="60000",
        maintenance="0.01",
        deduction="1300",
    )
    assert whole["liquidation_price"] == by_hand["liquidation_price"] == "48419.19"


@pytest.mark.parametrize(
    ("short", "owed", "cut"),
    [({}, "0.01", 100), ({"maintenance": "0.005", "deduction": "40"}, "0.005", 40)],
)
def test_long_and_short_legs_share_one_price(short: dict[str, str], owed: str, cut: int) -> None:
    # FAQ's hedge-mode sum: (WB + cumL + cumS - L*EL + S*ES) / (L*m + S*m - L + S).
    request: dict[str, Any] = {
        "rules": "binance-usdm",
        "side": "long",
        "quantity": "3",
        "entry": "30000",
        "collateral": "20000",
        "mode": "cross",
        "maintenance": "0.01",
        "deduction": "100",
        "hedge": {"quantity": "1", "entry": "31000", **short},
    }
    rates = 3 * Fraction("0.01") + Fraction(owed)
    expected = Fraction(20000 + 100 + cut - 90000 + 31000) / (rates - 3 + 1)
    answer = printed(**request)
    assert answer["liquidation_price"] == str(
        round(Decimal(expected.numerator) / Decimal(expected.denominator), 2)
    )


COIN_MARGINED = {"rules": "binance-coinm", "side": "long", "face": "100", "mode": "cross"}


def test_coin_margined_notional_and_maintenance() -> None:
    # es-MX FAQ: 100 contracts x 100 / 25,000 = 0.4 BTC, maintenance 0.0016 BTC.
    answer = printed(
        **COIN_MARGINED,
        quantity="100",
        entry="25000",
        mark="25000",
        collateral="1",
        maintenance="0.004",
        deduction="0",
    )
    assert answer["position_value"] == "0.4"
    assert answer["maintenance_margin"] == "0.0016"


def test_coin_margined_price_of_the_venues_own_calculator() -> None:
    # dev.binance.vision 6292: 100,000 contracts long at 45,000 with 101 BTC show 33,599.40; the
    # FAQ gives 12.5 % and a maintenance amount of 11.605 BTC for a position of 300 BTC.
    answer = printed(
        **COIN_MARGINED,
        quantity="100000",
        entry="45000",
        collateral="101",
        maintenance="0.125",
        deduction="11.605",
    )
    assert answer["liquidation_price"] == "33599.40"


def test_coin_margined_deductions() -> None:
    # es FAQ ceccfcfb: level 5 = 50 BTC x (5 % - 2.5 %) + 0.56 = 1.81; at 300 BTC 12.5 % and 11.81.
    deductions = [tier.deduction for tier in binance_coinm.TIERS["BTCUSD"]]
    assert deductions[3:5] == [Fraction("0.56"), Fraction("1.81")]
    assert deductions[6] == Fraction("11.81")
    assert binance_coinm.TIERS["BTCUSD"][6].rate == Fraction("0.125")


def test_the_coin_margined_table_ends_where_its_page_does() -> None:
    request = {**COIN_MARGINED, "entry": "45000", "collateral": "200", "symbol": "BTCUSD"}
    with pytest.raises(QuoteRefused, match="ends at 400 coins") as refusal:
        quote({**request, "quantity": "400000"})
    assert refusal.value.field == "maintenance"
    assert quote({**request, "quantity": "100000"})["liquidation_price"] is not None


SMALL = [
    # side, leverage, entry, size, price: freqtrade tests/exchange/test_exchange.py, rate 1 %,
    # maintenance amount 0.01.
    ("short", "5", "10", "1", "11.89108910891089"),
    ("short", "3", "10", "1", "13.211221122079207"),
    ("short", "5", "8", "1", "9.514851485148514"),
    ("short", "5", "10", "0.6", "11.897689768976898"),
    ("long", "5", "10", "1", "8.070707070707071"),
    ("long", "5", "8", "1", "6.454545454545454"),
    ("long", "3", "10", "1", "6.723905723905723"),
    ("long", "5", "10", "0.6", "8.063973063973064"),
]


@pytest.mark.parametrize(("side", "leverage", "entry", "size", "expected"), SMALL)
def test_isolated_from_the_leverage_alone(
    side: str, leverage: str, entry: str, size: str, expected: str
) -> None:
    price = unrounded(
        "liquidation_price",
        9,
        rules="binance-usdm",
        side=side,
        quantity=size,
        entry=entry,
        leverage=leverage,
        mode="isolated",
        maintenance="0.01",
        deduction="0.01",
    )
    assert abs(price - Decimal(expected)) < Decimal("1e-7")  # theirs are binary floats


def test_coin_margined_initial_margin() -> None:
    # FAQ be2c7d9d: 10 contracts at 9,800 and 20x need 0.0051 BTC.
    request = {**COIN_MARGINED, "quantity": "10", "entry": "9800", "leverage": "20"}
    margin = unrounded("initial_margin", 4, **request, collateral="1", symbol="BTCUSD")
    assert margin == Decimal("0.0051")


@pytest.mark.parametrize(("side", "out"), [("long", "5500"), ("short", "4500")])
def test_profit_of_the_beginners_guide(side: str, out: str) -> None:
    # binance.com announcement 360039304272: one bitcoin from 5,000 to 5,500, or short to 4,500.
    answer = printed(
        rules="binance-usdm",
        side=side,
        quantity="1",
        entry="5000",
        mark=out,
        leverage="10",
        mode="isolated",
        symbol="BTCUSDT",
    )
    assert answer["pnl"] == "500"


def test_an_isolated_short_the_venue_returned() -> None:
    # GET /fapi/v2/positionRisk, DOGEUSDT at 6x: isolatedMargin 0.86034145 with a profit of
    # -0.02269856 in it, liquidationPrice 0.19059204.
    request = {
        "rules": "binance-usdm",
        "side": "short",
        "quantity": "32",
        "entry": "0.16395",
        "mark": "0.16465933",
        "collateral": "0.88304001",
        "mode": "isolated",
        "maintenance": "0.005",
    }
    assert unrounded("liquidation_price", 8, **request) == Decimal("0.19059204")
    assert printed(**request)["pnl"] == "-0.02269856"
