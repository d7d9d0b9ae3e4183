from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.rounding import BY_NAME

CASES = [  # value, half_even, half_up, floor, ceiling, towards_zero, away_from_zero (tick 0.5)
    ("1.25", "1.0", "1.5", "1.0", "1.5", "1.0", "1.5"),
    ("1.75", "2.0", "2.0", "1.5", "2.0", "1.5", "2.0"),
    ("-1.25", "-1.0", "-1.5", "-1.5", "-1.0", "-1.0", "-1.5"),
    ("1.5", "1.5", "1.5", "1.5", "1.5", "1.5", "1.5"),
    ("0", "0.0", "0.0", "0.0", "0.0", "0.0", "0.0"),
]
NAMES = ("half_even", "half_up", "floor", "ceiling", "towards_zero", "away_from_zero")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_each_rounding_does_what_its_name_says(case):
    value, *expected = case
    got = [str(BY_NAME[name](Decimal(value), Decimal("0.5"))) for name in NAMES]
    assert got == expected


@given(st.fractions(), st.sampled_from(["0.01", "0.5", "0.00000001", "25"]), st.sampled_from(NAMES))
def test_the_result_is_a_multiple_within_one_quantum(value, quantum, name):
    result = BY_NAME[name](value, Decimal(quantum))
    assert Fraction(result) % Fraction(quantum) == 0
    assert abs(Fraction(result) - value) < Fraction(quantum)


def test_long_numbers_keep_every_digit():
    value = Fraction(10**40 + 1, 3)
    assert BY_NAME["floor"](value, Decimal("0.01")) == Decimal("3" * 40 + ".66")
