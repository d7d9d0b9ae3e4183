"""BitMEX: the linear example of its own pages, and the inverse sums."""

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

import pytest

from exchange.domain.aftermath.deleverage import deleverage, ranks
from exchange.domain.margin_quote import QuoteRefused
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


def test_inverse_profit_of_a_multiplier() -> None:
    # bitmex.com/app/inversePerpetualsGuide: 100 x 0.01 x (1/15.789 - 1/24.292) = 0.0222 XBT.
    answer = printed(
        rules="bitmex",
        side="long",
        quantity="100",
        face="0.01",
        entry="15.789",
        mark="24.292",
        leverage="1",
        mode="isolated",
        maintenance="0.005",
    )
    assert round(Decimal(answer["pnl"]), 4) == Decimal("0.0222")


@pytest.mark.parametrize(
    ("contract", "side", "quantity", "entry", "leverage", "rate", "tick", "price"),
    [
        ("inverse", "short", "500", "6725", "25", "0.005", "0.5", "6968.5"),
        ("linear", "long", "0.02", "1963", "3", "0.0101", "0.05", "1328.5"),
    ],
)
def test_isolated_positions_the_venue_returned(
    contract: str,
    side: str,
    quantity: str,
    entry: str,
    leverage: str,
    rate: str,
    tick: str,
    price: str,
) -> None:
    # GET /position: XBTUSD on 27 August 2018, and ETHUSDT in ccxt's bitmex.js parsePosition, whose
    # 1 % holds the funding rate of 0.01 % too (posMaint). posMargin is posInit + posComm, the fee.
    request = {"rules": "bitmex", "contract": contract, "side": side, "mode": "isolated"}
    request |= {"quantity": quantity, "entry": entry, "leverage": leverage, "maintenance": rate}
    for fee in ("0", "0.00075"):
        answer = printed(**request, tick=tick, taker_fee=fee)
        assert Decimal(answer["liquidation_price"]) == Decimal(price)


def test_a_bankruptcy_price_is_rounded_up_for_a_long() -> None:
    # The same ETHUSDT position: 1,963 x 2/3 = 1,308.67 is returned as 1,308.70.
    request = {"rules": "bitmex", "contract": "linear", "mode": "isolated", "maintenance": "0.01"}
    request |= {"quantity": "2000", "face": "0.00001", "entry": "1963", "leverage": "3"}
    assert printed(**request, side="long", tick="0.05")["bankruptcy_price"] == "1308.70"


def test_cross_keeps_the_fee_back_at_the_bankruptcy_value() -> None:
    # 200,000 contracts at 10,000 with 1 XBT (medium.com/@zoomerjd): bankruptcy value 21.
    request = {
        "rules": "bitmex",
        "side": "long",
        "quantity": "200000",
        "entry": "10000",
        "collateral": "1",
        "mode": "cross",
        "maintenance": "0.005",
        "taker_fee": "0.00075",
    }
    kept = Decimal("0.005") * 20 + Decimal("0.00075") * 21
    expected = Decimal(200000) / (20 + 1 - kept)
    assert unrounded("bankruptcy_price", 2, **request) == Decimal("9523.81")
    assert unrounded("liquidation_price", 12, **request) == round(expected, 12)


@pytest.mark.parametrize(
    ("request_of", "decimals", "expected"),
    [
        (
            {
                "contract": "linear",
                "quantity": "100000",
                "entry": "0.000012",
                "collateral": "1",
                "maintenance": "0.025",
            },
            7,
            "0.0000023",
        ),
        (
            {
                "contract": "quanto",
                "quantity": "60000",
                "face": "0.000001",
                "entry": "200",
                "collateral": "10",
                "maintenance": "0.01",
            },
            2,
            "35.33",
        ),
    ],
)
def test_cross_sums_of_a_walkthrough(
    request_of: dict[str, str], decimals: int, expected: str
) -> None:
    # yzcbk.com/gupiaozhishi/46298, cross margin without fees: ADA future and ETHUSD.
    price = unrounded(
        "liquidation_price", decimals, rules="bitmex", side="long", mode="cross", **request_of
    )
    assert price == Decimal(expected)


def test_a_price_of_a_small_coin_keeps_its_digits() -> None:
    # Same page; the venue quoted ADA in steps of 0.00000001.
    answer = printed(
        rules="bitmex",
        contract="linear",
        side="long",
        mode="cross",
        quantity="100000",
        entry="0.000012",
        collateral="1",
        maintenance="0.025",
    )
    assert answer["liquidation_price"] == "0.00000230"
    assert answer["bankruptcy_price"] == "0.00000200"


def test_quanto_margin() -> None:
    # bitmex.com/app/seriesGuide/ETHUSD: 500 x 0.0001 x 1,000 = 50 XBT, 2 % of it is 1 XBT.
    answer = printed(
        rules="bitmex",
        contract="quanto",
        side="long",
        quantity="1000",
        face="0.0001",
        entry="500",
        leverage="50",
        mode="isolated",
        maintenance="0.01",
    )
    assert (answer["position_value"], answer["initial_margin"]) == ("50", "1")


def test_inverse_future_margin_and_profit() -> None:
    # bitmex.com/app/inverseFuturesGuide: 100,000 XBTU20 at 10,000 and 100x need 0.1 XBT; sold at
    # 10,500 they gain 100,000 x (1/10,000 - 1/10,500).
    answer = printed(
        rules="bitmex",
        side="long",
        quantity="100000",
        entry="10000",
        mark="10500",
        leverage="100",
        mode="isolated",
        maintenance="0.005",
    )
    assert (answer["initial_margin"], answer["pnl"]) == ("0.1", "0.47619048")


@pytest.mark.parametrize(("leverage", "move"), [("25", "-3.38"), ("50", "-1.47"), ("100", "-0.49")])
def test_how_far_a_long_may_fall(leverage: str, move: str) -> None:
    # cryptoboiler.co question 5, in percent of the entry price, cut; without fees.
    price = unrounded(
        "liquidation_price",
        12,
        rules="bitmex",
        side="long",
        quantity="10000",
        entry="100",
        leverage=leverage,
        mode="isolated",
        maintenance="0.005",
    )
    assert (price - 100).quantize(Decimal("0.01"), ROUND_DOWN) == Decimal(move)


@pytest.mark.parametrize(
    ("coins", "maintenance", "initial"),
    [("180", "0.9", "1.8"), ("230", "2.3", "3.45"), ("350", "3.5", "5.25"), ("500", "7.5", "10")],
)
def test_risk_limits(coins: str, maintenance: str, initial: str) -> None:
    # bitmex.com/app/riskLimitsExamples: 180 XBT need 0.90 at 0.5 %; 230 are in the next step, at
    # 1 and 1.5 %; below 500, 1.5 and 2 %. The whole position pays the rate of its step.
    answer = printed(
        rules="bitmex",
        side="long",
        quantity=coins,
        entry="1",
        mode="isolated",
        symbol="XBTUSD",
    )
    assert (answer["maintenance_margin"], answer["initial_margin"]) == (maintenance, initial)


def test_a_contract_without_known_risk_limits_needs_its_rate() -> None:
    with pytest.raises(QuoteRefused, match="such as 0.005, or symbol as one of XBTUSD") as refusal:
        printed(
            rules="bitmex", side="long", quantity="1", entry="1", mode="isolated", symbol="ETHUSD"
        )
    assert refusal.value.field == "maintenance"


def test_margin_assigned_to_a_position_is_all_it_can_lose() -> None:
    # bitmex.com/app/isolatedMarginExamples: 100 XBT at 100 with 4 XBT goes at 97; six dollars
    # down, 6 XBT would be lost in cross margin.
    position = {
        "rules": "bitmex",
        "contract": "quanto",
        "side": "long",
        "quantity": "1000",
        "face": "0.001",
        "entry": "100",
        "mark": "94",
        "maintenance": "0.01",
    }
    assert printed(**position, mode="isolated", collateral="4")["liquidation_price"] == "97.00"
    cross = printed(**position, mode="cross", collateral="100")
    assert (cross["pnl"], cross["liquidation_price"]) == ("-6", "1.00")


def test_those_who_are_deleveraged() -> None:
    # bitmex.com/app/autoDeleveragingExamples: 20 contracts of a bankrupt short go to account 2,
    # which had 10, and to account 5, which is left with 10 of 20.
    held, rank = (10, 10, 20, 30, 20, 10), (3, 6, 1, 4, 5, 2)
    assert ranks([Fraction(r) for r in rank]) == [4, 1, 6, 3, 2, 5]
    assert deleverage(20, held, [Fraction(r) for r in rank]) == ((0, 10, 0, 0, 10, 0), 0)
