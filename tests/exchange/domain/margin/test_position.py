"""Profits and bankruptcy prices of single positions, as venues print them."""

from fractions import Fraction

import pytest

from exchange.domain.margin.loan import loan_call_price
from exchange.domain.margin.position import (
    INVERSE,
    LINEAR,
    LONG,
    QUANTO,
    SHORT,
    Leg,
    bankruptcy_at_margin_rate,
)


@pytest.mark.parametrize(
    ("side", "exit_price", "share"),
    [(LONG, 200, "0.5"), (SHORT, 200, "-0.5"), (LONG, 50, "-1"), (SHORT, 50, "1")],
)
def test_coin_margined_profit(side: int, exit_price: int, share: str) -> None:
    # bingx.io 360045680954: 10 coins at 100 with 10 coins of margin.
    leg = Leg(INVERSE, side, Fraction(1000), Fraction(100))
    assert leg.profit(Fraction(exit_price)) / 10 == Fraction(share)


def test_inverse_profit_in_bitcoin() -> None:
    # r.arson.gg bb9znp: 50,000 contracts from 5,000 to 10,000 are 5 BTC.
    leg = Leg(INVERSE, LONG, Fraction(50_000), Fraction(5_000))
    assert leg.profit(Fraction(10_000)) == 5


def test_a_quanto_is_linear_in_its_own_coin() -> None:
    leg = Leg(QUANTO, SHORT, Fraction(1000) * Fraction("0.000001"), Fraction(200))
    assert leg.profit(Fraction(150)) == Fraction("0.05")


@pytest.mark.parametrize(
    ("contract", "side", "expected"),
    [
        (INVERSE, LONG, Fraction(28_000) / Fraction("1.02")),
        (INVERSE, SHORT, Fraction(28_000) / Fraction("0.98")),
        (LINEAR, LONG, Fraction(27_440)),
        (LINEAR, SHORT, Fraction(28_560)),
    ],
)
def test_bankruptcy_at_fifty_times(contract: str, side: int, expected: Fraction) -> None:
    leg = Leg(contract, side, Fraction(1), Fraction(28_000))
    assert bankruptcy_at_margin_rate(leg, Fraction(1, 50)) == expected


@pytest.mark.parametrize(("contract", "side"), [(INVERSE, SHORT), (LINEAR, LONG)])
def test_nothing_takes_all_the_margin_at_one_times(contract: str, side: int) -> None:
    leg = Leg(contract, side, Fraction(1), Fraction(100))
    assert bankruptcy_at_margin_rate(leg, Fraction(1)) is None


def test_loan_call_price() -> None:
    # binance.com f6b01058: a debt of 20,000 on 1 BTC at a ratio of 1.1 is called at 22,000.
    assert loan_call_price(Fraction(20_000), Fraction(1), Fraction("1.1")) == 22_000
    with pytest.raises(ValueError, match="above zero"):
        loan_call_price(Fraction(0), Fraction(1), Fraction(1))
