"""Text to integers: exact or a stated fault, never through a float."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.tape import exact
from exchange.tape.exact import Status


def parse(text: str | None, scale: int) -> tuple[int, Status]:
    parsed = exact.decimals(pa.array([text], pa.string()), np.array([scale], np.int8))
    return int(parsed.values[0]), Status(int(parsed.status[0]))


@pytest.mark.parametrize(
    ("text", "scale", "value"),
    [
        ("0", 8, 0),
        ("-0", 8, 0),
        ("1", 8, 100_000_000),
        ("-0.00000001", 8, -1),
        ("0.1", 1, 1),
        ("100.50", 1, 1005),
        ("5.", 0, 5),
        (".5", 1, 5),
        ("0007", 0, 7),
        ("92233720368.54775807", 8, 2**63 - 1),
        ("-92233720368.54775807", 8, -(2**63) + 1),
        ("9007199254740993", 0, 9007199254740993),
        ("1.000000000000000000000000", 2, 100),
        ("1.000000000000000001", 18, 10**18 + 1),
    ],
)
def test_reads_a_decimal(text: str, scale: int, value: int) -> None:
    assert parse(text, scale) == (value, Status.OK)


@pytest.mark.parametrize(
    ("text", "scale", "status"),
    [
        ("", 8, Status.EMPTY),
        (None, 8, Status.EMPTY),
        ("abc", 8, Status.TEXT),
        ("+5", 8, Status.TEXT),
        ("-", 8, Status.TEXT),
        (".", 8, Status.TEXT),
        ("1.2.3", 8, Status.TEXT),
        ("0x10", 8, Status.TEXT),
        ("１", 8, Status.TEXT),
        ("1e5", 8, Status.EXPONENT),
        ("-1.5E-3", 8, Status.EXPONENT),
        ("NaN", 8, Status.NOT_FINITE),
        ("Infinity", 8, Status.NOT_FINITE),
        ("-inf", 8, Status.NOT_FINITE),
        ("1,5", 8, Status.COMMA),
        ("1 5", 8, Status.SPACE),
        ("5\t", 8, Status.SPACE),
        ("0.123456789", 8, Status.DECIMALS),
        ("92233720368.54775808", 8, Status.RANGE),
        ("99999999999999999999", 0, Status.RANGE),
    ],
)
def test_refuses_what_is_not_a_plain_decimal(text: str | None, scale: int, status: Status) -> None:
    assert parse(text, scale) == (0, status)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9
    )
)
def test_agrees_with_decimal(number: Decimal) -> None:
    assert parse(f"{number:f}", 8) == (int(number.scaleb(8)), Status.OK)


@given(
    st.lists(
        st.decimals(
            allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9
        ),
        min_size=1,
    ),
    st.integers(0, 9),
)
def test_arrow_decimals_read_like_their_text(numbers: list[Decimal], scale: int) -> None:
    scales = np.full(len(numbers), scale, np.int8)
    text = exact.decimals(pa.array([f"{n:f}" for n in numbers]), scales)
    wide = exact.from_decimal128(pa.array(numbers, pa.decimal128(20, 6)), scales)
    assert wide.values.tolist() == text.values.tolist()
    assert wide.status.tolist() == text.status.tolist()


def test_arrow_decimals_beyond_64_bits_and_nulls() -> None:
    column = pa.array([Decimal("10000000000000000000"), None, Decimal(7)], pa.decimal128(38, 0))
    parsed = exact.from_decimal128(column, np.zeros(3, np.int8))
    assert parsed.status.tolist() == [Status.RANGE, Status.EMPTY, Status.OK]
    assert parsed.values[2] == 7


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2018-03-30T04:47:54+08:00", 1522356474000000),
        ("2018-03-29 20:47:54.5Z", 1522356474500000),
        ("2018-03-29T20:47:54.123456+0000", 1522356474123456),
        ("2018-03-29T20:47:54.123456000Z", 1522356474123456),
        ("2018-03-29T15:17:54-05:30", 1522356474000000),
        ("2018-03-29T20:47+00", 1522356420000000),
        ("2020-02-29T23:59:59.999999Z", 1583020799999999),
        ("1969-12-31T23:59:59Z", -1000000),
    ],
)
def test_reads_an_instant(text: str, micros: int) -> None:
    parsed = exact.instants(pa.array([text]))
    assert (parsed.values[0], parsed.status[0]) == (micros, Status.OK)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", Status.EMPTY),
        ("2018-03-30T04:47:54", Status.NAIVE),
        ("2018-03-30T04:47", Status.NAIVE),
        ("2018-03-30", Status.DATE),
        ("30/03/2018 04:47:54Z", Status.DATE),
        ("2018-13-01T00:00:00Z", Status.DATE),
        ("2018-02-29T00:00:00Z", Status.DATE),
        ("2018-03-30T24:00:00Z", Status.DATE),
        ("2018-03-30T04:60:00Z", Status.DATE),
        ("2018-03-30T04:47:60Z", Status.DATE),
        ("2018-03-30T04:47:54+8", Status.DATE),
        ("2018-03-30T04:47:54.Z", Status.DATE),
        ("2018-03-30T04:47:54.1234567Z", Status.DECIMALS),
        ("2018-03-30T04:47:54 HKT", Status.DATE),
    ],
)
def test_refuses_what_is_not_an_instant(text: str, status: Status) -> None:
    parsed = exact.instants(pa.array([text]))
    assert (parsed.values[0], Status(int(parsed.status[0]))) == (0, status)


def test_timestamps_need_a_zone_and_microseconds() -> None:
    assert exact.from_timestamp(pa.array([1500], pa.timestamp("ms", "UTC"))).values[0] == 1_500_000
    assert exact.from_timestamp(pa.array([2000], pa.timestamp("ns", "UTC"))).values[0] == 2
    for column, status in (
        (pa.array([1], pa.timestamp("us")), Status.NAIVE),
        (pa.array([1], pa.timestamp("ns", "UTC")), Status.DECIMALS),
        (pa.array([2**62], pa.timestamp("s", "UTC")), Status.RANGE),
        (pa.array([None], pa.timestamp("us", "UTC")), Status.EMPTY),
    ):
        assert exact.from_timestamp(column).status.tolist() == [status]


def test_whole_numbers_of_every_width() -> None:
    assert exact.whole(pa.array([1, None], pa.int32())).status.tolist() == [0, Status.EMPTY]
    wide = exact.whole(pa.array([2**63, 5], pa.uint64()))
    assert wide.status.tolist() == [Status.RANGE, Status.OK]
    assert wide.values.tolist() == [0, 5]


def test_sliced_columns_keep_their_rows() -> None:
    text = pa.array(["1", "2", None, "4"]).slice(1, 2)
    parsed = exact.decimals(text, np.zeros(2, np.int8))
    assert parsed.values.tolist() == [2, 0]
    assert parsed.status.tolist() == [Status.OK, Status.EMPTY]
