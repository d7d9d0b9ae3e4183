"""Decimals and instants as text, turned into int64 without ever passing through a float.

The kernels walk the bytes of an Arrow string column once. Each cell gets an integer and a status;
a status other than OK leaves 0 behind and is worded by the caller, who knows the row and the field.
"""

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from exchange.domain.kernel import kernel

INT64_MAX = 2**63 - 1


class Status(IntEnum):
    """Why a cell is not a number or an instant."""

    OK = 0
    EMPTY = 1
    TEXT = 2
    EXPONENT = 3
    NOT_FINITE = 4
    DECIMALS = 5
    RANGE = 6
    COMMA = 7
    SPACE = 8
    NAIVE = 9
    DATE = 10


class Parsed(NamedTuple):
    """One column's integers and, per row, the `Status` of the cell they came from."""

    values: NDArray[np.int64]
    status: NDArray[np.uint8]


@kernel
def _reason(data: Any, start: int, end: int) -> int:
    """Why the cell data[start:end], already known not to be a plain decimal, is not one."""
    for k in range(start, end):
        c = data[k]
        if c == 32 or c == 9:
            return 8
        if c == 44:
            return 7
    k = start
    if data[k] == 45 or data[k] == 43:
        k += 1
    if k < end and (data[k] | 32) in (110, 105):  # nan, inf
        return 4
    if 48 <= data[start] <= 57 or k > start:
        for j in range(k, end):
            if data[j] | 32 == 101:
                return 3
    return 2


@kernel
def _decimals(data: Any, offsets: Any, scale: Any, out: Any, status: Any) -> None:
    """out[i] = the decimal in cell i times 10**scale[i], exact, or a status.

    Digits beyond the scale are accepted only when they are zeros.
    """
    limit = 922337203685477580
    for i in range(len(offsets) - 1):
        start, end = offsets[i], offsets[i + 1]
        if start == end:
            status[i] = 1
            continue
        k = start
        negative = data[k] == 45
        if negative:
            k += 1
        value: Any = np.int64(0)
        digits = 0
        places = -1
        fault = 0
        while k < end:
            c = data[k]
            if c == 46:
                if places >= 0:
                    fault = 2
                    break
                places = 0
            elif 48 <= c <= 57:
                digit = np.int64(c) - 48
                if places >= scale[i]:
                    if digit != 0:
                        fault = 5
                else:
                    if value > limit or (value == limit and digit > 7):
                        fault = 6
                        value = 0
                    value = value * 10 + digit
                    if places >= 0:
                        places += 1
                digits += 1
            else:
                fault = 2
                break
            k += 1
        if k < end or digits == 0:
            status[i] = _reason(data, start, end)
            continue
        for _ in range(scale[i] - max(places, 0)):
            if value > limit:
                fault = 6
                break
            value *= 10
        if fault:
            status[i] = fault
        else:
            out[i] = -value if negative else value


@kernel
def _rescale(value: Any, scale_from: int, scale: Any, out: Any, status: Any) -> None:
    """Integers at one scale to integers at the scale of each row, exact, or a status."""
    for i in range(len(value)):
        v = value[i]
        for _ in range(scale[i] - scale_from):
            if abs(v) > 922337203685477580:
                status[i] = 6
                break
            v *= 10
        for _ in range(scale_from - scale[i]):
            if v % 10 != 0:
                status[i] = 5
                break
            v //= 10
        if status[i] == 0:
            out[i] = v


@kernel
def _two(data: Any, k: int) -> int:
    """The two digits at k as a number, or -1."""
    a: Any = np.int64(data[k]) - 48
    b: Any = np.int64(data[k + 1]) - 48
    if a < 0 or a > 9 or b < 0 or b > 9:
        return -1
    both: int = a * 10 + b
    return both


@kernel
def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the proleptic Gregorian calendar (Hinnant's days_from_civil)."""
    y = year - (1 if month <= 2 else 0)
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    doe = yoe * 365 + yoe // 4 - yoe // 100 + doy
    return era * 146097 + doe - 719468


@kernel
def _month_length(year: int, month: int) -> int:
    if month == 2:
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        return 29 if leap else 28
    return 30 if month in (4, 6, 9, 11) else 31


@kernel
def _offset(data: Any, k: int, end: int) -> int:
    """The UTC offset at k in seconds; -1000000 when it is missing, -1000001 when it is wrong."""
    left = end - k
    if left == 0:
        return -1000000
    if left == 1 and (data[k] == 90 or data[k] == 122):
        return 0
    if data[k] != 43 and data[k] != 45:
        return -1000001
    if left == 6 and data[k + 3] == 58:
        hours, minutes = _two(data, k + 1), _two(data, k + 4)
    elif left == 5:
        hours, minutes = _two(data, k + 1), _two(data, k + 3)
    elif left == 3:
        hours, minutes = _two(data, k + 1), 0
    else:
        return -1000001
    if hours < 0 or hours > 15 or minutes < 0 or minutes > 59:
        return -1000001
    seconds = hours * 3600 + minutes * 60
    return -seconds if data[k] == 45 else seconds


@kernel
def _instant(data: Any, start: int, end: int) -> tuple[int, int]:
    """(microseconds from 1970 UTC, status) of one ISO-8601 cell."""
    if end - start < 16:
        return 0, 10
    century, year = _two(data, start), _two(data, start + 2)
    month, day = _two(data, start + 5), _two(data, start + 8)
    hour, minute = _two(data, start + 11), _two(data, start + 14)
    separator = data[start + 10]
    shaped = data[start + 4] == 45 and data[start + 7] == 45 and data[start + 13] == 58
    if not shaped or (separator != 84 and separator != 32 and separator != 116):
        return 0, 10
    if min(century, year, day, hour, minute) < 0 or month < 1 or month > 12:
        return 0, 10
    year += century * 100
    if day < 1 or day > _month_length(year, month) or hour > 23 or minute > 59:
        return 0, 10
    k = start + 16
    second: Any = np.int64(0)
    micros: Any = np.int64(0)
    if k + 2 < end and data[k] == 58:
        second = _two(data, k + 1)
        if second < 0 or second > 59:
            return 0, 10
        k += 3
        if k < end and data[k] == 46:
            k += 1
            places = 0
            while k < end and 48 <= data[k] <= 57:
                if places < 6:
                    micros = micros * 10 + (np.int64(data[k]) - 48)
                elif data[k] != 48:
                    return 0, 5
                places += 1
                k += 1
            if places == 0:
                return 0, 10
            for _ in range(6 - places):
                micros *= 10
    offset = _offset(data, k, end)
    if offset == -1000000:
        return 0, 9
    if offset == -1000001:
        return 0, 10
    seconds = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
    return seconds * 1_000_000 + micros, 0


@kernel
def _instants(data: Any, offsets: Any, out: Any, status: Any) -> None:
    for i in range(len(offsets) - 1):
        if offsets[i] == offsets[i + 1]:
            status[i] = 1
        else:
            out[i], status[i] = _instant(data, offsets[i], offsets[i + 1])


def _buffers(column: pa.Array) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The bytes and offsets of a text column; a null reads as an empty cell."""
    column = column.cast(pa.binary())
    if column.null_count:
        column = pc.fill_null(column, b"")
    _, offsets, data = column.buffers()
    span = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    if data is None or len(data) == 0:
        return np.zeros(1, dtype=np.uint8), span
    return np.frombuffer(data, dtype=np.uint8), span


def decimals(column: pa.Array, scale: NDArray[np.int8]) -> Parsed:
    """Text to integers at `scale[i]` decimals per row (0 to 18)."""
    out, status = np.zeros(len(column), np.int64), np.zeros(len(column), np.uint8)
    if len(column):
        data, offsets = _buffers(column)
        _decimals(data, offsets, scale, out, status)
    return Parsed(out, status)


def from_decimal128(column: pa.Array, scale: NDArray[np.int8]) -> Parsed:
    """An Arrow decimal column to integers at `scale[i]` decimals per row."""
    wide = column.cast(pa.decimal128(38, column.type.scale))
    halves = np.frombuffer(wide.buffers()[1], dtype=np.int64).reshape(-1, 2)
    halves = halves[wide.offset : wide.offset + len(wide)]
    low, high = np.ascontiguousarray(halves[:, 0]), halves[:, 1]
    out, status = np.zeros(len(column), np.int64), np.zeros(len(column), np.uint8)
    status[high != low >> 63] = Status.RANGE
    _rescale(low, column.type.scale, scale, out, status)
    status[column.is_null().to_numpy(zero_copy_only=False)] = Status.EMPTY
    return Parsed(out, status)


def instants(column: pa.Array) -> Parsed:
    """ISO-8601 text with an offset to microseconds UTC."""
    out, status = np.zeros(len(column), np.int64), np.zeros(len(column), np.uint8)
    if len(column):
        data, offsets = _buffers(column)
        _instants(data, offsets, out, status)
    return Parsed(out, status)


def from_timestamp(column: pa.Array) -> Parsed:
    """An Arrow timestamp column to microseconds UTC; one without a zone is naive."""
    status = np.zeros(len(column), np.uint8)
    if column.type.tz is None:
        status[:] = Status.NAIVE
        return Parsed(np.zeros(len(column), np.int64), status)
    raw = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    factor = {"s": 1_000_000, "ms": 1_000, "us": 1}.get(column.type.unit)
    if factor is None:
        status[raw % 1000 != 0] = Status.DECIMALS
        raw = raw // 1000
        factor = 1
    status[np.abs(raw) > INT64_MAX // factor] = Status.RANGE
    status[column.is_null().to_numpy(zero_copy_only=False)] = Status.EMPTY
    return Parsed(np.where(status == 0, raw * factor, 0), status)


def whole(column: pa.Array) -> Parsed:
    """An Arrow integer column to int64; nulls are empty cells, a uint64 beyond int64 is a range
    fault."""
    status = np.zeros(len(column), np.uint8)
    nulls = column.is_null().to_numpy(zero_copy_only=False)
    status[nulls] = Status.EMPTY
    filled = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    if filled.dtype == np.uint64:
        beyond = filled > np.uint64(INT64_MAX)
        status[beyond] = Status.RANGE
        filled = np.where(beyond, np.uint64(0), filled)
    return Parsed(filled.astype(np.int64, copy=False), status)
