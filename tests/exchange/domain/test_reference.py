import numpy as np
import pytest

from exchange.domain.reference import MINUTE_US, NoReference, fair_path, premium


def grid(minutes: int, mark, index):
    times = np.arange(0, minutes + 1, dtype=np.int64) * MINUTE_US
    return times, np.array([mark], np.int64), np.array([index], np.int64)


def test_the_premium_is_of_the_ten_minutes_up_to_the_cutoff():
    times, mark, index = grid(12, [900] + [105] * 10 + [500, 500], [100] * 13)
    total, samples = premium(times, mark, index, 10 * MINUTE_US)
    assert (total.tolist(), samples) == ([50], 10)


def test_fair_is_the_printed_mark_until_the_cutoff_then_index_and_premium():
    times, mark, index = grid(12, [100, *[105] * 10, 50, 40], [*[100] * 11, 101, 102])
    assert fair_path(times, mark, index, 10 * MINUTE_US)[0].tolist() == [
        100, *[105] * 10, 106, 107,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("marks", "fair"),
    [([101, 100], 100), ([101, 102], 102), ([100, 99], 100), ([99, 98], 98)],
)
def test_ties_go_to_the_even_tick(marks, fair):
    times, mark, index = grid(3, [100, *marks, 7], [100] * 4)
    assert fair_path(times, mark, index, 2 * MINUTE_US, minutes=2)[0, 3] == fair


def test_fair_is_never_below_a_tick():
    times, mark, index = grid(2, [50, 50, 1], [100, 100, 3])
    assert fair_path(times, mark, index, MINUTE_US, minutes=2)[0, 2] == 1


def test_without_marks_there_is_no_reference():
    times, mark, index = grid(3, [100] * 4, [100, 100, 0, 100])
    with pytest.raises(NoReference, match="a mark or index is missing"):
        fair_path(times, mark, index, 3 * MINUTE_US)
    with pytest.raises(NoReference, match="no marks in the 10 minutes"):
        fair_path(times, mark, index, -1)
