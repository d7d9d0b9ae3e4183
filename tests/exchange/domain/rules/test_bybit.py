"""Bybit's own worked examples, to the published digit."""

from decimal import Decimal

import pytest

from exchange.domain.rules.bybit_linear import TIERS
from tests.exchange.domain.rules.published import printed, unrounded

CROSS = {
    "rules": "bybit-inverse",
    "side": "long",
    "quantity": "10000",
    "entry": "8000",
    "collateral": "0.5",
    "mode": "cross",
    "maintenance": "0.005",
    "taker_fee": "0.00075",
}


def test_inverse_cross_gives_the_published_pair() -> None:
    # help.bybit.com 360039261334: bankruptcy 5718.57, liquidation 5739.50.
    answer = printed(**CROSS)
    assert unrounded("bankruptcy_price", 2, **CROSS) == Decimal("5718.57")
    assert answer["unrounded"]["bankruptcy_price"].startswith("5718.571428")
    assert answer["liquidation_price"] == "5739.50"
    assert answer["bankruptcy_price"] == "5719.00"


def test_inverse_cross_short_leaves_room_for_the_fee_too() -> None:
    # help.mcs.io 360040683032 prints the same page's short formula: 0.99925 q / (q/E - balance).
    answer = printed(**{**CROSS, "side": "short"})
    expected = Decimal("0.99925") * 10000 / (Decimal(10000) / 8000 - Decimal("0.5"))
    assert round(Decimal(answer["unrounded"]["bankruptcy_price"]), 20) == round(expected, 20)
    assert answer["bankruptcy_price"] == "13323.00"


def test_inverse_isolated_bankruptcy_of_the_adl_page() -> None:
    # help.bybit.com 900000031623: 7735.372549, printed 7735.50; liquidation 7773.50 there.
    request = {
        "rules": "bybit-inverse",
        "side": "long",
        "quantity": "5000",
        "entry": "7890.08",
        "leverage": "50",
        "mode": "isolated",
        "maintenance": "0.005",
    }
    assert unrounded("bankruptcy_price", 6, **request) == Decimal("7735.372549")
    assert printed(**request)["bankruptcy_price"] == "7735.50"
    assert printed(**request)["liquidation_price"] == "7773.50"


@pytest.mark.parametrize(
    ("size", "entry", "leverage", "liquidation", "bankruptcy"),
    [
        ("5", "7197.35137469", "1", "3608", "3599"),
        ("11", "7041.53223741", "1", "3530", "3521"),
        ("12", "0.26271512", "1", "0.1317", "0.1314"),
        ("200000", "55106.32466392", "10", "50325.5", "50097"),
    ],
)
def test_inverse_positions_of_the_api_pages(
    size: str, entry: str, leverage: str, liquidation: str, bankruptcy: str
) -> None:
    # bybit-exchange.github.io docs/inverse "My Position" of two versions, isolated; its trading
    # stop of XRPUSD; docs/inverse_futures, BTCUSDM21.
    answer = printed(
        rules="bybit-inverse",
        side="long",
        quantity=size,
        entry=entry,
        leverage=leverage,
        mode="isolated",
        maintenance="0.005",
    )
    assert Decimal(answer["liquidation_price"]) == Decimal(liquidation)
    assert Decimal(answer["bankruptcy_price"]) == Decimal(bankruptcy)


def test_inverse_initial_margin() -> None:
    # bybitx.global help search: 12,000 contracts at 8,000, 50x = 0.03 BTC.
    answer = printed(
        rules="bybit-inverse",
        side="long",
        quantity="12000",
        entry="8000",
        leverage="50",
        mode="isolated",
        symbol="BTCUSD",
    )
    assert answer["initial_margin"] == "0.03"
    assert answer["maintenance_margin"] == "0.0075"


@pytest.mark.parametrize(
    ("side", "expected"),
    [("short", "55248.62"), ("long", "45662.10")],
)
def test_inverse_isolated_follows_the_unified_account_page(side: str, expected: str) -> None:
    # testnet.bybit.com "Liquidation Price Calculation under Isolated Mode": 60,000 USD at
    # 50,000, 10x, 0.5 %: value 1.2, initial 0.12, maintenance 0.006; the sum from its formula.
    request = {
        "rules": "bybit-inverse",
        "side": side,
        "quantity": "60000",
        "entry": "50000",
        "leverage": "10",
        "mode": "isolated",
        "maintenance": "0.005",
    }
    answer = printed(**request)
    assert (answer["position_value"], answer["initial_margin"], answer["maintenance_margin"]) == (
        "1.2",
        "0.12",
        "0.006",
    )
    assert unrounded("liquidation_price", 2, **request) == Decimal(expected)


def test_linear_isolated_long() -> None:
    # testnet.bybit.com "Liquidation Price (USDT Contract)", example 1: 400, 100, 19,700.
    answer = printed(
        rules="bybit-linear",
        side="long",
        quantity="1",
        entry="20000",
        leverage="50",
        mode="isolated",
        maintenance="0.005",
    )
    assert answer["initial_margin"] == "400"
    assert answer["maintenance_margin"] == "100"
    assert answer["liquidation_price"] == "19700.00"
    assert answer["bankruptcy_price"] == "19600.00"


def test_linear_margin_added_counts_in_full() -> None:
    # Same page: short price = E + (IM - MM)/size + extra/size.
    answer = printed(
        rules="bybit-linear",
        side="short",
        quantity="1",
        entry="20000",
        leverage="50",
        collateral="3400",
        mode="isolated",
        maintenance="0.005",
    )
    assert answer["liquidation_price"] == "23300.00"


def test_linear_bankruptcy() -> None:
    # bybitx.global, mobie.io: 10,000 at 50x = 9,800.
    answer = printed(
        rules="bybit-linear",
        side="long",
        quantity="1",
        entry="10000",
        leverage="50",
        mode="isolated",
        maintenance="0.005",
    )
    assert answer["bankruptcy_price"] == "9800.00"


def test_prices_are_rounded_up_for_a_long_and_down_for_a_short() -> None:
    # help.bybit.com 360011431853.
    common = {
        "rules": "bybit-inverse",
        "quantity": "5000",
        "entry": "7890.08",
        "leverage": "50",
        "mode": "isolated",
        "maintenance": "0.005",
    }
    assert printed(**common, side="long")["bankruptcy_price"] == "7735.50"
    # 7890.08 * 50 / 49 = 8051.102...
    assert printed(**common, side="short")["bankruptcy_price"] == "8051.00"


@pytest.mark.parametrize(
    ("side", "leverage", "expected"),
    [
        ("long", "1", "0.1"),
        ("long", "3", "6.7666667"),
        ("long", "5", "8.1"),
        ("long", "10", "9.1"),
        ("short", "1", "19.9"),
        ("short", "3", "13.2333333"),
        ("short", "5", "11.9"),
        ("short", "10", "10.9"),
    ],
)
def test_linear_isolated_of_a_public_suite(side: str, leverage: str, expected: str) -> None:
    # freqtrade tests/exchange/test_exchange.py: one coin at 10, rate 1 %.
    price = unrounded(
        "liquidation_price",
        7,
        rules="bybit-linear",
        side=side,
        quantity="1",
        entry="10",
        leverage=leverage,
        mode="isolated",
        maintenance="0.01",
    )
    assert price == Decimal(expected)


def test_linear_deductions_of_the_margin_parameters() -> None:
    # bybit.com announcement-info/margin-parameters, BTCUSDT, tiers 1 to 20; then the mmDeduction of
    # GET /v5/market/risk-limit, August 2026.
    assert [tier.deduction for tier in TIERS["BTCUSDT"]] == [
        *(0, 1_200, 3_020, 4_300, 5_820, 8_460, 15_460, 20_500, 46_000, 66_000, 80_000),
        *(160_000, 300_000, 452_000, 502_000, 777_000, 837_000, 967_000),
        *(1_107_000, 1_482_000, 1_882_000, 2_307_000, 2_757_000, 3_232_000, 3_732_000, 5_307_000),
        *(6_407_000, 6_982_000, 9_382_000, 12_382_000, 20_382_000, 50_382_000, 98_382_000),
        *(146_382_000, 226_382_000),
    ]


def test_tiered_maintenance_of_a_linear_position() -> None:
    # bybit.global "Maintenance Margin (USDT Contract)": 100 contracts at 35 and 10x, tiers of
    # 1,000 USDT from 2 % in steps of 0.5 %: 20 + 25 + 30 + 500 x 3.5 %.
    answer = printed(
        rules="bybit-linear",
        side="long",
        quantity="100",
        entry="35",
        leverage="10",
        mode="isolated",
        maintenance="0.035",
        deduction="30",
    )
    assert (answer["position_value"], answer["initial_margin"]) == ("3500", "350")
    assert answer["maintenance_margin"] == "92.5"


def test_tiered_maintenance_of_an_inverse_position() -> None:
    # bybit.global "Maintenance Margin (Inverse Contract)": 10,000 at 400 and 10x are 25 coins,
    # 2.5 of margin; tiers of 10 coins from 1 %: 0.1 + 0.2 + 5 x 3 %.
    answer = printed(
        rules="bybit-inverse",
        side="long",
        quantity="10000",
        entry="400",
        leverage="10",
        mode="isolated",
        maintenance="0.03",
        deduction="0.3",
    )
    assert (answer["position_value"], answer["initial_margin"]) == ("25", "2.5")
    assert answer["maintenance_margin"] == "0.45"


@pytest.mark.parametrize(
    ("size", "collateral", "expected"),
    [("1", "550", "9500.00"), ("1", "1550", "8500.00"), ("2", "2100", "9000.00")],
)
def test_margin_added_then_shared_with_a_larger_position(
    size: str, collateral: str, expected: str
) -> None:
    # cryptoarmy.io "How to increase/decrease position margin on Bybit", situation 2: a long at
    # 10,000 that goes at 9,500 is given 1,000 more, then a second coin at the same price.
    answer = printed(
        rules="bybit-linear",
        side="long",
        quantity=size,
        entry="10000",
        collateral=collateral,
        mode="isolated",
        maintenance="0.005",
    )
    assert answer["liquidation_price"] == expected


def test_inverse_isolated_short_of_a_sister_venue() -> None:
    # help.btcmex.com 360039592991, the same formula and rounding: 50 at 8,125 and 50x = 8,248.5.
    answer = printed(
        rules="bybit-inverse",
        side="short",
        quantity="50",
        entry="8125",
        leverage="50",
        mode="isolated",
        symbol="BTCUSD",
    )
    assert answer["liquidation_price"] == "8248.50"


@pytest.mark.parametrize(
    ("side", "quantity", "entry", "last", "profit", "bankrupt"),
    [
        ("long", "0.2", "7000", "7500", "100", "6300.00"),
        ("short", "0.4", "6000", "5000", "400", "6600.00"),
    ],
)
def test_linear_profit(
    side: str, quantity: str, entry: str, last: str, profit: str, bankrupt: str
) -> None:
    # help.bybit.com 900000630066; its copy at wuyelx.com/2191 closes the long at 10x at 6,300.
    answer = printed(
        rules="bybit-linear",
        side=side,
        quantity=quantity,
        entry=entry,
        mark=last,
        leverage="10",
        mode="isolated",
        maintenance="0.005",
    )
    assert (answer["pnl"], answer["bankruptcy_price"]) == (profit, bankrupt)


@pytest.mark.parametrize(
    ("size", "entry", "initial", "expected"),
    [("2", "10000", "200", "8950.00"), ("1", "20000", "200", "17900.00")],
)
def test_linear_cross_sustains_what_is_left(
    size: str, entry: str, initial: str, expected: str
) -> None:
    # help.bybit.com 900000181046 example 1, and its copy at support.moonxbt.com 5532119155343:
    # 2,000 available + the initial margin - the maintenance = 2,100 of loss.
    answer = printed(
        rules="bybit-linear",
        side="long",
        quantity=size,
        entry=entry,
        collateral=str(2000 + int(initial)),
        mode="cross",
        maintenance="0.005",
    )
    assert answer["liquidation_price"] == expected
