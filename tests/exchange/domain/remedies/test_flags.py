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
    ("sold", "share_ppm", "who"),
    [
        ([95, 5], 50_000, [True, True]),  # a twentieth is enough
        ([96, 4], 50_000, [True, False]),
        ([100, 0], 0, [True, False]),  # nothing is never enough
        ([60, 40], 500_000, [True, False]),
        ([50, 50], 500_000, [True, True]),
        ([0, 0], 50_000, [False, False]),
    ],
)
def test_a_share_of_all_pressure_in_a_contract(
    sold: list[int], share_ppm: int, who: list[bool]
) -> None:
    customers = np.ones(2, np.bool_)
    assert flagged(np.array(sold)[:, None], customers, share_ppm).tolist() == who
    beside = np.column_stack((np.array([1000, 0]), sold))
    assert flagged(beside, customers, share_ppm).tolist() == [True, who[1]]


def test_a_share_of_more_than_can_be_multiplied() -> None:
    """A coin worth next to nothing: a trillion and more of it, times a million, is past 64 bits."""
    sold = np.array([[19 * 10**17], [10**17]])
    assert flagged(sold, np.ones(2, np.bool_)).tolist() == [True, True]
    assert flagged(sold - [[0], [1]], np.ones(2, np.bool_)).tolist() == [True, False]


def test_no_account_of_the_house_is_flagged() -> None:
    assert flagged(np.array([[9], [9]]), np.array([True, False])).tolist() == [True, False]
