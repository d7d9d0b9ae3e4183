"""Decimated prices: few points, every extreme kept."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exchange.queries import tapes


@given(
    st.lists(st.integers(1, 10**12), min_size=1, max_size=3_000), st.integers(10, tapes.POINTS_MAX)
)
def test_every_extreme_survives(values: list[int], points: int) -> None:
    path = np.array(values, np.int64)
    kept = tapes.extremes(path, points)
    assert len(kept) <= max(points, 2)
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, len(path) - 1)
    assert (path[kept].min(), path[kept].max()) == (path.min(), path.max())


def test_a_single_print_is_not_smoothed_away() -> None:
    path = np.full(86_400, 700_000, np.int64)
    path[51_234] = 475_500
    assert 51_234 in tapes.extremes(path, tapes.POINTS_MAX)


def test_a_short_path_is_kept_whole() -> None:
    assert tapes.extremes(np.arange(10), 10).tolist() == list(range(10))
    assert tapes.extremes(np.arange(0), 10).tolist() == []
