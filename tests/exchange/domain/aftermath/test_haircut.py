"""Haircuts of Bitfinex and Poloniex, and rates that must bear a loss."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.aftermath.haircut import give_back, haircut, haircut_rate

SATOSHI = 10**8


def test_bitfinex_2016() -> None:
    # 36.067 % off every asset: 10 BTC become 6.3933, 1,000 USD become 639.33.
    bitcoin = haircut({"ada": 10 * SATOSHI}, Decimal("0.36067"))
    dollars = haircut({"ada": 1000_00}, Decimal("0.36067"))
    assert bitcoin.left == {"ada": 639_330_000}
    assert dollars.left == {"ada": 639_33}


def test_poloniex_2019_and_the_tenth_that_came_back() -> None:
    cut = haircut({"ada": SATOSHI}, Decimal("0.16202"))
    assert cut.left == {"ada": 83_798_000}
    returned = give_back(cut.lost, Decimal("0.1"))
    assert cut.left["ada"] + returned["ada"] == 85_418_200  # 0.854182


def test_the_bitcoin_only_rate_a_customer_checked() -> None:
    rate = haircut_rate(119_756, {"all": 243_352})
    assert round(Decimal(rate.numerator) / rate.denominator * 100, 2) == Decimal("49.21")


@given(st.dictionaries(st.text(max_size=3), st.integers(-100, 10**15)), st.fractions(0, 1))
def test_balances_and_losses_add_up(balances: dict[str, int], rate: Fraction) -> None:
    cut = haircut(balances, rate)
    for owner, balance in balances.items():
        assert cut.left[owner] + cut.lost[owner] == balance
        assert 0 <= cut.lost[owner] <= max(0, balance)
    assert cut.total_lost == sum(cut.lost.values())


def test_rates_are_bounded() -> None:
    assert haircut_rate(10, {"a": 5, "b": -3}) == 1
    assert haircut_rate(0, {}) == 0
    with pytest.raises(ValueError, match="no balance"):
        haircut_rate(1, {"a": 0})
    with pytest.raises(ValueError, match="below zero"):
        haircut_rate(-1, {"a": 1})
    with pytest.raises(ValueError, match="between 0 and 1"):
        haircut({"a": 1}, Decimal("1.1"))
