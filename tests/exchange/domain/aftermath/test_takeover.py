"""Take-over at bankruptcy and the insurance fund."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.aftermath.takeover import fund_delta, run_fund, takeover_price
from exchange.domain.margin.health import Account, Holding, equity
from exchange.domain.margin.position import INVERSE, LINEAR, LONG, SHORT, Leg
from exchange.domain.margin.tiers import flat


def test_published_fund_example() -> None:
    # doc.sat.is: long at 100, bankruptcy 99; filled at 99.25, then another at 98.75: fund 0.
    deltas = [
        fund_delta(LINEAR, LONG, Fraction(1), Fraction(99), Fraction(fill))
        for fill in ("99.25", "98.75")
    ]
    assert deltas == [Fraction("0.25"), Fraction("-0.25")]
    assert run_fund(Fraction(0), deltas).balances == (Fraction("0.25"), Fraction(0))


def test_an_inverse_fund_gains_coins_not_price_points() -> None:
    delta = fund_delta(INVERSE, LONG, Fraction(10_000), Fraction(5000), Fraction(8000))
    assert delta == Fraction("0.75")  # 10,000 x (1/5,000 - 1/8,000)
    assert fund_delta(INVERSE, SHORT, Fraction(10_000), Fraction(5000), Fraction(8000)) == -delta


def test_the_fund_stops_at_nothing_and_the_rest_is_uncovered() -> None:
    run = run_fund(Fraction(1), [Fraction(-3), Fraction(1)])
    assert run.balances == (Fraction(0), Fraction(1))
    assert run.balance == 1
    assert run.uncovered == 2
    with pytest.raises(ValueError, match="below zero"):
        run_fund(Fraction(-1), [])


@given(
    side=st.sampled_from([LONG, SHORT]),
    contract=st.sampled_from([INVERSE, LINEAR]),
    size=st.integers(1, 10**6),
    entry=st.integers(1, 10**6),
    share=st.integers(1, 99),
)
def test_taken_over_at_the_tick_nobody_owes(
    side: int, contract: str, size: int, entry: int, share: int
) -> None:
    leg = Leg(contract, side, Fraction(size), Fraction(entry))
    account = Account(
        holdings=(Holding(leg, flat(Fraction(0))),),
        collateral=leg.entry_value * Fraction(share, 100),
    )
    price = takeover_price(account, Decimal("0.01"))
    assert price is not None
    assert price > 0
    assert equity(account, Fraction(price)) >= 0


def test_a_covered_position_has_no_take_over_price() -> None:
    leg = Leg(INVERSE, SHORT, Fraction(100), Fraction(10))
    account = Account(holdings=(Holding(leg, flat(Fraction(0))),), collateral=Fraction(10))
    assert takeover_price(account, Decimal("0.5")) is None
