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
    settle_books,
)
from exchange.domain.value import apply_fill_exact, contract_spec

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


@given(
    quantity=st.integers(-(10**6), 10**6),
    entry=st.integers(100_000, 2_000_000),
    week=st.integers(100_000, 2_000_000),
)
def test_books_conserve_cost_less_realised(quantity: int, entry: int, week: int) -> None:
    spec = contract_spec("BTC0928", "inverse", Decimal(100), Decimal("0.01"), "BTC", 8)
    terms = (spec.kind, spec.num, spec.den)
    buyer = apply_fill_exact(*terms, 0, 0, 0, quantity, entry)
    seller = apply_fill_exact(*terms, 0, 0, 0, -quantity, entry)
    for holder in (buyer, seller):
        _, cost, realised = settle_books(*terms, *holder, week)
        assert cost - realised == holder[1] - holder[2]
    settled = [settle_books(*terms, *holder, week) for holder in (buyer, seller)]
    assert sum(realised for _, _, realised in settled) == 0
    assert sum(cost for _, cost, _ in settled) == 0


def test_delivery_price_is_the_mean_of_the_hour() -> None:
    assert delivery_price([Decimal("7480.00"), Decimal("7483.00"), Decimal("7486.00")]) == 7483
    with pytest.raises(ValueError, match="at least one"):
        delivery_price([])


def test_delivery_fee() -> None:
    leg = Leg(INVERSE, LONG, Fraction(10_000), Fraction(8_000))
    assert delivery_fee(leg, Fraction(5_000), "BTC") == Fraction("0.0003")
    assert delivery_fee(leg, Fraction(5_000), "LTC") == Fraction("0.001")
