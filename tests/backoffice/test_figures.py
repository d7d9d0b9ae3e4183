"""Figures and times as text: exact, grouped, labelled."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from backoffice import figures

CUTOFF = datetime(2018, 3, 29, 20, 47, 54, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("units", "decimals", "signed", "text"),
    [
        (0, 8, False, "0.00000000"),
        (1, 8, False, "0.00000001"),
        (-1, 8, False, "−0.00000001"),
        (251_997_000_000, 8, True, "+2,519.97000000"),
        (-9_223_372_036_854_775_808, 8, True, "−92,233,720,368.54775808"),
        (9_223_372_036_854_775_807, 18, False, "9.223372036854775807"),
        (1_234, 0, True, "+1,234"),
        (0, 0, True, "0"),
    ],
)
def test_amount(units: int, decimals: int, signed: bool, text: str) -> None:
    assert str(figures.amount(units, decimals, signed=signed)) == text


def test_amount_sets_the_zeros_apart() -> None:
    parts = figures.amount(-125_050_000_000, 8, signed=True)
    assert parts == ("−", "1,250", "5", "0000000", "loss")


@pytest.mark.parametrize("value", [1.0, "1", Decimal(1), True, None])
def test_amount_refuses_what_is_no_integer(value: object) -> None:
    with pytest.raises(TypeError, match="whole number of minor units"):
        figures.amount(value, 8)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ticks", "tick", "text"),
    [
        (475_500, "0.01", "4,755.00"),
        (475_500, "0.010000000000", "4,755.00"),
        (3, "0.5", "1.5"),
        (7, "5", "35"),
        (7, "10", "70"),
        (-2, "0.001", "−0.002"),
        (123_456_789_012, "0.00000001", "1,234.56789012"),
    ],
)
def test_price(ticks: int, tick: str, text: str) -> None:
    assert figures.price(ticks, Decimal(tick)) == text


@pytest.mark.parametrize(
    ("part", "whole", "decimals", "text"),
    [
        (3_911, 5_289, 1, "73.9\N{NO-BREAK SPACE}%"),
        (1, 3, 2, "33.33\N{NO-BREAK SPACE}%"),
        (1, 2000, 1, "0.1\N{NO-BREAK SPACE}%"),
        (2, 2, 0, "100\N{NO-BREAK SPACE}%"),
        (1, 0, 1, "–"),
    ],
)
def test_share(part: int, whole: int, decimals: int, text: str) -> None:
    assert figures.share(part, whole, decimals=decimals) == text


def test_moment_in_both_zones() -> None:
    assert figures.moment(CUTOFF, precise=True) == (
        "2018-03-29T20:47:54.123456+00:00",
        "2018-03-29", "20:47:54.123456", "2018-03-30", "04:47:54.123456", "HKT",
    )  # fmt: skip


def test_moment_from_microseconds_is_the_same_instant() -> None:
    assert figures.moment(1_522_356_474_123_456) == figures.moment(CUTOFF)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        figures.instant(datetime(2018, 3, 29))  # noqa: DTZ001 - the refusal is the point


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00"), (3_661, "01:01:01"), (-59, "−00:00:59"), (180_000, "2 d 02:00:00")],
)
def test_duration(seconds: int, text: str) -> None:
    assert figures.duration(seconds) == text
