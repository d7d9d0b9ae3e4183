"""Compiled closed form: the tick at which a fixed-margin position is due, and when it is reached.

Estimated in float64 and, wherever the estimate lies within a millionth of a tick of a whole
one, decided by the integer value itself, so the tick is exact.
"""

import math
from typing import Any

import numpy as np

from exchange.domain.kernel import kernel
from exchange.domain.rules.okex_2018 import okex_fixed_margin, okex_maintenance
from exchange.domain.value_kernels import trade_value

Array = Any

NEVER = -1
NEAR = 1e-6
WHOLE_MAX = 4.0e15
BLOCK = 1024
TICKS_MAX = 4_000_000_000_000_000


@kernel
def _settle(kind: int, num: int, den: int, quantity: int, limit: int, tick: int) -> int:
    """Move an estimate to the outermost tick with ``trade_value <= limit``."""
    step = 1 if quantity > 0 else -1
    while tick < 1 or trade_value(kind, num, den, quantity, tick) > limit:
        tick -= step
        if tick < 1 and step > 0:
            return 0
    while tick + step >= 1 and trade_value(kind, num, den, quantity, tick + step) <= limit:
        tick += step
    return tick


@kernel
def due_tick(kind: int, num: int, den: int, quantity: int, limit: int) -> int:
    """Highest tick (long) or lowest (short) with ``trade_value(quantity, tick) <= limit``.

    0 where no tick has that. The value is monotone in the price, so this is the edge.
    """
    if quantity == 0:
        return 0
    short = 1 if quantity < 0 else 0
    size = float(abs(quantity)) * (float(num) / float(den))
    edge = float(limit) + 0.5
    # the value is above zero for an inverse short and for a linear long, below for the others
    above = (kind == 0) == (short == 1)
    if above and edge < 0.0:
        return 0
    if not above and edge > 0.0:
        return 1 if short else TICKS_MAX
    estimate = size / abs(edge) if kind == 0 else abs(edge) / size
    if estimate >= TICKS_MAX:
        return 0 if short else TICKS_MAX
    below = int(estimate)
    part = estimate - float(below)
    tick = below + short
    if part < NEAR or part > 1.0 - NEAR:
        return _settle(kind, num, den, quantity, limit, max(tick, 1))
    return tick


@kernel
def due_limit(cost: int, leverage: int, factor: int) -> int:
    """The position is due when its value is at most this.

    From ``margin + value - cost <= maintenance`` (`rules.okex_2018`, fixed margin).
    """
    margin = okex_fixed_margin(cost, leverage)
    return cost - margin + okex_maintenance(margin, factor, 1)


@kernel
def fill_reached(marks: Array, low: int, first: Array) -> None:
    """First second at which the mark has fallen to (row 0) or risen to (row 1) a tick.

    ``first`` i32[2, highest - lowest + 3] is filled with -1 where never; column 1 is ``low``.
    The outermost columns stand for everything beyond: a long due above the highest mark is
    due at once, one due below the lowest never, and the other way round for a short.
    """
    span = first.shape[1] - 2
    bottom, top = span + 2, 0
    for second in range(marks.shape[0]):
        mark = marks[second] - low + 1
        while bottom > mark:
            bottom -= 1
            first[0, bottom] = second
        while top <= mark:
            first[1, top] = second
            top += 1


@kernel
def later(marks: Array, start: int, tick: int, falls: bool) -> int:
    """First second from ``start`` at which the mark is at or beyond ``tick``, or -1."""
    for second in range(start, marks.shape[0]):
        if (marks[second] <= tick) if falls else (marks[second] >= tick):
            return second
    return NEVER


@kernel
def estimate_columns(
    inverse: bool,
    rate: float,
    factors: Array,
    quantity: Array,
    cost: Array,
    leverage: Array,
    low: int,
    width: int,
    column: Array,
    unsure: Array,
) -> int:
    """Columns of the table of first seconds, in float64 alone; how many of them are unsure.

    Free of branches, so that the compiler makes vector instructions of it. Every step is a
    whole number below 2**53, hence exact, but for the last quotient; where that, or a whole
    number, might be rounded, or the closed form has no edge, the position is marked unsure.
    """
    count = 0
    last = float(width - 1)
    ten, twenty = float(factors[0]), float(factors[1])
    for j in range(quantity.shape[0]):
        signed = float(cost[j])
        high = leverage[j] == 20
        margin = math.floor(abs(signed) / (20.0 if high else 10.0))
        kept = margin * (twenty if high else ten)
        edge = signed - margin + math.floor(kept / 1e6) + 0.5
        size = abs(float(quantity[j])) * rate
        tick = size / abs(edge) if inverse else abs(edge) / size
        below = math.floor(tick)
        part = tick - below
        short = 1.0 if quantity[j] < 0 else 0.0
        above = (short == 1.0) == inverse
        wrong = (
            (part < NEAR)
            | (part > 1.0 - NEAR)
            | (kept > WHOLE_MAX)
            | (tick > WHOLE_MAX)
            | (above == (edge < 0.0))
            | ((leverage[j] != 10) & (leverage[j] != 20))
        )
        place = min(max(below + short - float(low) + 1.0, 0.0), last)
        column[j] = int(place + short * float(width)) if not wrong else 0
        unsure[j] = wrong
        count += wrong
    return count


@kernel
def reach_all(
    kind: int,
    num: int,
    den: int,
    factors: Array,
    quantity: Array,
    cost: Array,
    leverage: Array,
    start: Array,
    marks: Array,
    low: int,
    reached: Array,
    since: int,
    until: int,
    second: Array,
) -> int:
    """Fill ``second`` i32 for positions ``since .. until``. ``start`` may be empty (all 0).

    Returns the first position whose leverage is neither 10 nor 20, or -1.
    """
    width = reached.shape[1]
    table = reached.ravel()
    rate = float(num) / float(den)
    column, unsure = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.bool_)
    for at in range(since, until, BLOCK):
        end = min(at + BLOCK, until)
        size = end - at
        count = estimate_columns(
            kind == 0, rate, factors, quantity[at:end], cost[at:end], leverage[at:end], low,
            width, column[:size], unsure[:size],
        )  # fmt: skip
        for j in range(size):
            second[at + j] = table[column[j]]
        if count > 0:
            for j in range(size):
                if unsure[j]:
                    i = at + j
                    if leverage[i] != 10 and leverage[i] != 20:
                        return i
                    factor = factors[1] if leverage[i] == 20 else factors[0]
                    limit = due_limit(cost[i], leverage[i], factor)
                    tick = due_tick(kind, num, den, quantity[i], limit)
                    place = min(max(tick - low + 1, 0), width - 1)
                    side = 1 if quantity[i] < 0 else 0
                    second[i] = reached[side, place] if tick != 0 else NEVER
    for i in range(since, min(until, start.shape[0])):
        if 0 <= second[i] < start[i]:
            factor = factors[1] if leverage[i] == 20 else factors[0]
            limit = due_limit(cost[i], leverage[i], factor)
            tick = due_tick(kind, num, den, quantity[i], limit)
            second[i] = later(marks, start[i], tick, quantity[i] > 0)
    return NEVER
