"""Weekly settlement and delivery."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.margin.position import CONTRACTS, INVERSE, LONG, SHORT, Leg
from exchange.domain.margin.settlement import (
    delivery_fee,
    delivery_price,
    settle,
)

PRICES = st.integers(1, 10**6).map(lambda cents: Fraction(cents, 100))


@given(
    contract=st.sampled_from(CONTRACTS),
    side=st.sampled_from([LONG, SHORT]),
    entry=PRICES,
    week=PRICES,
    later=PRICES,
)
def test_settling_moves_profit_but_makes_none(
    contract: str, side: int, entry: Fraction, week: Fraction, later: Fraction
) -> None:
    leg = Leg(contract, side, Fraction(1000), entry)
    settled = settle(leg, week)
    assert settled.realised + settled.leg.profit(later) == leg.profit(later)


def test_delivery_price_is_the_mean_of_the_hour() -> None:
    assert delivery_price([Decimal("7480.00"), Decimal("7483.00"), Decimal("7486.00")]) == 7483
    with pytest.raises(ValueError, match="at least one"):
        delivery_price([])


def test_delivery_fee() -> None:
    leg = Leg(INVERSE, LONG, Fraction(10_000), Fraction(8_000))
    assert delivery_fee(leg, Fraction(5_000), "BTC") == Fraction("0.0003")
    assert delivery_fee(leg, Fraction(5_000), "LTC") == Fraction("0.001")
