"""Whose trading drove the price away, and who only happened to be there."""

import numpy as np
import pytest

from exchange.domain.remedies.flags import flagged, pressure
from tests.exchange.domain.market import fills_of
from tests.exchange.domain.remedies.facts import LIQUIDATION, TAKEOVER, TRADE

TAKER = 1


def taken(buyer: int, seller: int, ticks: int, *, buying: bool, flags: int = TRADE) -> list:
    """Pressure of accounts 0 and 1 when one trade of 7 contracts is outside a band around 100."""
    fills = fills_of([(1, 0, buyer, seller, 7, ticks, 0)], flags)
    fills.flags[0 if buying else 1] |= TAKER
    outside = np.ones(2, np.bool_)
    return pressure(fills, outside, np.full(2, 100), 2, 1)[:, 0].tolist()


def test_a_taker_who_sells_below_or_buys_above_presses() -> None:
    assert taken(0, 1, 90, buying=False) == [0, 7]
    assert taken(0, 1, 110, buying=True) == [7, 0]


def test_a_taker_who_brings_the_price_back_does_not() -> None:
    assert taken(0, 1, 90, buying=True) == [0, 0]
    assert taken(0, 1, 110, buying=False) == [0, 0]


@pytest.mark.parametrize("reason", [TAKEOVER, LIQUIDATION])
def test_a_forced_close_is_nobody_s_choice(reason: int) -> None:
    assert taken(0, 1, 90, buying=False, flags=reason) == [0, 0]


def test_inside_the_band_nobody_presses() -> None:
    fills = fills_of([(1, 0, 0, 1, 7, 90, 0)], TAKER)
    none = np.zeros(2, np.bool_)
    assert pressure(fills, none, np.full(2, 100), 2, 1).tolist() == [[0], [0]]


def test_pressure_adds_up_by_account_and_contract() -> None:
    trades = [(1, 0, 0, 1, 7, 90, 0), (2, 0, 0, 1, 5, 80, 0), (3, 1, 1, 0, 4, 90, 0)]
    fills = fills_of(trades, TAKER)
    every = np.ones(6, np.bool_)
    found = pressure(fills, every, np.full(6, 100), 3, 2)
    assert found.tolist() == [[0, 4], [12, 0], [0, 0]]


@pytest.mark.parametrize(
    ("sold", "who"),
    [
        ([1], [0]),  # alone
        ([50, 50], [0, 1]),  # half is enough, whoever else there is
        ([51, 49], [0]),
        ([49, 51], [1]),
        ([50, 51], [1]),  # and of an odd whole, half is the larger half
        ([0, 0], []),
        ([100, 1, 1, 1, 400], [0, 4]),  # a hundred times the median of 1
        ([99, 1, 1, 1, 400], [4]),
        ([300, 2, 4, 500, 600], []),  # many large ones are a crowd
        ([100, *[1] * 199, 20_000], [200]),  # a hundred times, and less than half a percent
        ([102, *[1] * 199, 20_000], [0, 200]),
    ],
)
def test_who_stands_out_is_flagged(sold: list[int], who: list[int]) -> None:
    customers = np.ones(len(sold), np.bool_)
    taken = np.array(sold, np.int64)[:, None]
    assert np.flatnonzero(flagged(taken, customers)).tolist() == who
    quiet = np.column_stack((np.zeros_like(taken), taken))
    assert np.flatnonzero(flagged(quiet, customers)).tolist() == who
    mirrored = np.flatnonzero(flagged(taken[::-1], customers))
    assert sorted(len(sold) - 1 - mirrored) == who


def test_the_share_and_the_multiple_are_parameters() -> None:
    sold, customers = np.array([[30], [10], [10], [10], [40]]), np.ones(5, np.bool_)
    assert flagged(sold, customers, times=3).tolist() == [True, False, False, False, True]
    assert flagged(sold, customers, times=3, share_ppm=400_000).tolist() == [
        False, False, False, False, True
    ]  # fmt: skip


def test_sums_of_more_than_64_bits_hold() -> None:
    """A coin worth next to nothing: a trillion and more of it, times a million, is past 64 bits."""
    sold = np.array([[7 * 10**18], [7 * 10**18], [7 * 10**16]])
    assert flagged(sold, np.ones(3, np.bool_)).tolist() == [False, False, False]
    sold[2] = 0
    assert flagged(sold, np.ones(3, np.bool_)).tolist() == [True, True, False]


def test_no_account_of_the_house_is_flagged() -> None:
    assert flagged(np.array([[9], [9]]), np.array([True, False])).tolist() == [True, False]
