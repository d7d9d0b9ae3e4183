"""Splitting to the unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.aftermath.apportion import apportion


def test_left_over_units_go_to_the_largest_remainders() -> None:
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(7, [5, 3, 1]) == [4, 2, 1]
    assert apportion(0, [0, 0]) == [0, 0]


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**12), min_size=1).filter(any))
def test_parts_sum_to_the_whole_and_are_within_a_unit(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)


@pytest.mark.parametrize(("total", "weights"), [(1, [0]), (1, []), (-1, [1]), (1, [-1, 2])])
def test_what_cannot_be_split_is_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match=r"bear|below zero"):
        apportion(total, weights)
