"""Numbers of a receipt are exact text; the last prints are those up to the moment judged."""

from decimal import Decimal

import numpy as np
import pytest

from exchange.domain.receipts import PRINTS, Prints, amount, moment, price, ratio
from exchange.domain.replay import Fills


@pytest.mark.parametrize(
    ("units", "decimals", "text"),
    [
        (0, 8, "0.00000000"), (1, 8, "0.00000001"), (-1, 8, "-0.00000001"),
        (123_456_789, 8, "1.23456789"), (-5_000_000_000, 8, "-50.00000000"), (42, 0, "42"),
        (2**62, 8, "46116860184.27387904"),
    ],
)  # fmt: skip
def test_amounts(units: int, decimals: int, text: str) -> None:
    assert amount(units, decimals) == text


@pytest.mark.parametrize(
    ("ticks", "tick", "text"),
    [(650_001, "0.01", "6500.01"), (650_000, "0.01", "6500.00"), (13, "0.5", "6.5"),
     (3, "1E+1", "30"), (1, "1E-8", "0.00000001")],
)  # fmt: skip
def test_prices(ticks: int, tick: str, text: str) -> None:
    assert price(ticks, Decimal(tick)) == text


@pytest.mark.parametrize(
    ("equity", "maintenance", "text"),
    [
        (365_408, 150_000, "2.4360"), (-510_163, 150_000, "-3.4010"), (1, 30_000, "0.0000"),
        (-1, 30_000, "0.0000"), (150_000, 150_000, "1.0000"), (149_999, 150_000, "0.9999"),
        (5, 0, None),
    ],
)  # fmt: skip
def test_a_ratio_is_cut_so_that_it_never_looks_safer(
    equity: int, maintenance: int, text: str | None
) -> None:
    assert ratio(equity, maintenance) == text


def test_moments_are_utc_to_the_microsecond() -> None:
    assert moment(1_522_357_200_000_001) == "2018-03-29T21:00:00.000001+00:00"


def test_the_last_prints_are_one_a_trade_up_to_the_moment() -> None:
    rows = [
        (time, trade, side) for time, trade in ((t, t) for t in range(1, 9)) for side in (1, -1)
    ]
    size = len(rows)
    fills = Fills(
        seq=np.arange(size), time=np.array([row[0] for row in rows]),
        contract=np.zeros(size, np.int16), account=np.zeros(size, np.int32),
        quantity=np.array([row[2] * row[0] for row in rows]),
        price=np.array([100 + row[0] for row in rows]), fee=np.zeros(size, np.int64),
        trade=np.array([row[1] for row in rows]), order=np.zeros(size, np.int64),
        flags=np.zeros(size, np.uint8),
    )  # fmt: skip
    prints = Prints(fills, 2)
    found = prints.last(0, 7, Decimal("0.1"))
    assert [item["price"] for item in found] == ["10.3", "10.4", "10.5", "10.6", "10.7"]
    assert [item["quantity"] for item in found] == ["3", "4", "5", "6", "7"]
    assert len(found) == PRINTS
    assert prints.last(0, 0, Decimal("0.1")) == []
    assert prints.last(1, 7, Decimal("0.1")) == []
