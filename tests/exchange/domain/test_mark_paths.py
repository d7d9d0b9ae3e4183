from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.mark_paths import (
    MINUTE_US,
    banded,
    limits_2018,
    trailing_median,
    within_limits_2018,
)

prices = st.lists(st.integers(1, 10**7), min_size=1, max_size=30)


def row(*values) -> np.ndarray:
    return np.array([values], np.int64)


def test_a_band_holds_the_mark_and_rounds_inwards():
    assert banded(row(50, 100, 999), row(101, 101, 101), 250_000)[0].tolist() == [76, 100, 126]


@given(prices, st.integers(1, 10**6), st.integers(0, 900_000))
def test_a_banded_mark_is_within_its_band(marks, index, band):
    path = banded(row(*marks), np.full((1, len(marks)), index), band)
    share = Fraction(band, 10**6)
    for mark in path[0].tolist():
        assert mark <= index * (1 + share) or mark == 1
        assert mark >= index * (1 - share)


@given(prices, st.integers(1, 12))
def test_the_median_is_of_the_last_samples(marks, samples):
    path = trailing_median(row(*marks), samples)[0].tolist()
    for second, value in enumerate(path):
        window = sorted(marks[max(0, second - samples + 1) : second + 1])
        assert value == window[(len(window) - 1) // 2]


def test_a_single_print_does_not_move_the_median():
    assert trailing_median(row(100, 100, 1, 100, 100), 3)[0].tolist() == [100] * 5


def test_a_median_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one sample, not 0"):
        trailing_median(row(1), 0)


def test_the_limits_of_2018_follow_the_premium_of_ten_minutes():
    times = np.arange(12, dtype=np.int64) * MINUTE_US
    index, mark = np.full((1, 12), 7000), row(*[7070] * 11, 5200)
    lower, upper = limits_2018(times, mark, index)
    assert (lower[0, 10], upper[0, 10]) == (70 + 6790, 70 + 7210)
    # the crash is one of ten samples: premium (9 * 70 - 1800) / 10 = -117
    assert (lower[0, 11], upper[0, 11]) == (-117 + 6790, -117 + 7210)


def test_limits_too_far_off_the_index_are_a_quarter_of_it():
    times = np.arange(2, dtype=np.int64) * MINUTE_US
    lower, upper = limits_2018(times, row(7000, 1), row(7000, 7000))
    assert (lower[0].tolist(), upper[0].tolist()) == ([6790, 5250], [7210, 8750])


@given(prices, st.integers(5, 10**6))
def test_limits_are_exact_and_rounded_inwards(marks, index):
    times = np.arange(len(marks), dtype=np.int64) * MINUTE_US
    lower, upper = limits_2018(times, row(*marks), np.full((1, len(marks)), index))
    for second in range(len(marks)):
        window = marks[max(0, second - 9) : second + 1]
        premium = Fraction(sum(mark - index for mark in window), len(window))
        low, high = premium + index * Fraction(97, 100), premium + index * Fraction(103, 100)
        if high <= index * Fraction(5, 4) - 1 and low >= index * Fraction(3, 4) + 1:
            assert low <= lower[0, second] < low + 1
            assert high - 1 < upper[0, second] <= high


def test_the_crash_is_held_at_the_limit():
    times = np.arange(12, dtype=np.int64) * MINUTE_US
    path = within_limits_2018(times, row(*[7070] * 11, 5200), np.full((1, 12), 7000))
    assert path[0].tolist() == [7070] * 11 + [6673]
