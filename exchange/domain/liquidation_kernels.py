"""Compiled search for the first second at which a unit of margin crosses its trigger.

A stretch of seconds whose bound (`margin_units.worst_health`) is clear of zero is skipped,
any other is halved, and a single second is decided by the integer rule alone.
"""

from typing import Any

import numpy as np

from exchange.domain.kernel import inlined, kernel
from exchange.domain.margin_units import (
    CASH,
    CHECKED,
    CLOSED_AT,
    CONTRACT,
    COST,
    DEN,
    EPISODE,
    EXEMPT,
    KIND,
    MODE,
    NUM,
    QUANTITY,
    START,
    STOP,
    UNIT,
    health_at,
    worst_health,
)
from exchange.domain.value_kernels import apply_fill

Array = Any

TAKEOVER = 1
LOOK_AHEAD = 12
LOT = 6
"""Workers take units in lots of 64 neighbours, so that they seldom write to one cache line."""


@inlined
def is_mine(u: int, part: int, parts: int) -> bool:
    """Whether a unit is this part's."""
    return (u >> LOT) % parts == part


@kernel
def first_second(
    terms: Array,
    marks: Array,
    ends: Array,
    units: Array,
    rows: Array,
    path: int,
    u: int,
    a: int,
    b: int,
) -> int:
    """First second in ``a .. b`` at which health <= 0 with the state as it is, or -1."""
    size = b - a
    while a < b:
        size = min(size, b - a)
        if worst_health(terms, ends, units, rows, path, u, a, a + size) > 0.0:
            a += size
            size *= 2
        elif size > 1:
            size //= 2
        else:
            equity, maintenance, held = health_at(terms, marks, units, rows, path, u, a)
            if held > 0 and equity - maintenance <= 0:
                return a
            a += 1
            size = 2
    return -1


@inlined
def is_safe(
    terms: Array, ends: Array, units: Array, rows: Array, crossed: Array, u: int, until: int
) -> bool:
    """Whether one bound decides every path up to ``until``; then the unit is marked so."""
    since = units[u, CHECKED]
    if since >= until:
        return True
    for path in range(crossed.shape[1]):
        if (
            crossed[u, path] == 0
            and worst_health(terms, ends, units, rows, path, u, since, until) <= 0.0
        ):
            return False
    units[u, CHECKED] = until
    return True


@kernel
def record(
    terms: Array,
    marks: Array,
    units: Array,
    rows: Array,
    count: Array,
    crossings: Array,
    legs: Array,
    path: int,
    u: int,
    second: int,
) -> None:
    """Write a unit's state at a second: path, unit, episode, second, then health per path.

    ``path`` is the one that crossed, or -1 for the state a take-over found.
    """
    at, paths = count[0], marks.shape[0]
    count[0] = at + 1
    crossings[at, 0] = path
    crossings[at, 1] = u
    crossings[at, 2] = units[u, EPISODE]
    crossings[at, 3] = second
    for p in range(paths):
        equity, maintenance, _ = health_at(terms, marks, units, rows, p, u, second)
        crossings[at, 4 + p] = equity
        crossings[at, 4 + paths + p] = maintenance
    for row in range(units[u, START], units[u, STOP]):
        if rows[row, QUANTITY] != 0:
            leg = count[1]
            count[1] = leg + 1
            legs[leg, 0] = at
            legs[leg, 1] = rows[row, CONTRACT]
            legs[leg, 2] = rows[row, QUANTITY]
            legs[leg, 3] = rows[row, COST]


@kernel
def look(
    terms: Array,
    marks: Array,
    ends: Array,
    units: Array,
    rows: Array,
    crossed: Array,
    count: Array,
    crossings: Array,
    legs: Array,
    u: int,
    until: int,
) -> None:
    """Decide every path of a unit up to second ``until`` with the state as it is."""
    since = units[u, CHECKED]
    if since >= until:
        return
    units[u, CHECKED] = until
    for path in range(marks.shape[0]):
        if crossed[u, path] == 0:
            second = first_second(terms, marks, ends, units, rows, path, u, since, until)
            if second >= 0:
                crossed[u, path] = 1
                record(terms, marks, units, rows, count, crossings, legs, path, u, second)


@kernel
def look_at_all(
    terms: Array,
    marks: Array,
    ends: Array,
    units: Array,
    rows: Array,
    crossed: Array,
    count: Array,
    crossings: Array,
    legs: Array,
    part: int,
    parts: int,
) -> None:
    """Decide this part's units up to the last second."""
    for u in range(units.shape[0]):
        if is_mine(u, part, parts) and units[u, MODE] != EXEMPT:
            look(
                terms, marks, ends, units, rows, crossed, count, crossings, legs, u,
                marks.shape[2],
            )  # fmt: skip


@inlined
def trade(terms: Array, units: Array, rows: Array, row: int, dq: int, ticks: int, fee: int) -> None:
    """Apply a fill to a position; its unit's cash takes the profit and the fee."""
    c = rows[row, CONTRACT]
    rows[row, QUANTITY], rows[row, COST], gain = apply_fill(
        terms[c, KIND], terms[c, NUM], terms[c, DEN], rows[row, QUANTITY], rows[row, COST], 0, dq,
        ticks,
    )  # fmt: skip
    units[rows[row, UNIT], CASH] += gain - fee


@kernel
def follow(
    terms: Array,
    marks: Array,
    ends: Array,
    units: Array,
    rows: Array,
    crossed: Array,
    count: Array,
    crossings: Array,
    legs: Array,
    times: Array,
    row_of: Array,
    time: Array,
    contract: Array,
    account: Array,
    quantity: Array,
    price: Array,
    fee: Array,
    flags: Array,
    moves: Array,
    part: int,
    parts: int,
) -> int:
    """Run through fills and cash movements in time order, for this part's units.

    ``moves`` i64[M, 3] holds time, unit and amount. A unit is decided up to an event before
    the event changes it: the marks of earlier seconds, and for a take-over also the mark of
    its own instant, which is what caused it. The first take-over of a second ends an episode,
    and the state it found at that mark is recorded. Records some way ahead are read early, because
    waiting for memory is most of the cost; the returned number only keeps those reads.
    """
    before, upto, m, seconds, ahead = 0, 0, 0, times.shape[0], 0
    for i in range(time.shape[0]):
        if i + 2 * LOOK_AHEAD < time.shape[0]:
            j = i + 2 * LOOK_AHEAD
            ahead ^= rows[row_of[account[j], contract[j]], UNIT]
            j = i + LOOK_AHEAD
            ahead ^= units[rows[row_of[account[j], contract[j]], UNIT], START]
        row = row_of[account[i], contract[i]]
        u = rows[row, UNIT]
        if not is_mine(u, part, parts) or units[u, MODE] == EXEMPT:
            continue
        while m < moves.shape[0] and moves[m, 0] <= time[i]:
            if is_mine(moves[m, 1], part, parts):
                second = np.searchsorted(times, moves[m, 0])
                look(
                    terms, marks, ends, units, rows, crossed, count, crossings, legs,
                    moves[m, 1], second,
                )  # fmt: skip
                units[moves[m, 1], CASH] += moves[m, 2]
            m += 1
        while before < seconds and times[before] < time[i]:
            before += 1
        while upto < seconds and times[upto] <= time[i]:
            upto += 1
        forced = (flags[i] >> 1) & 3 == TAKEOVER
        until = upto if forced else before
        if not is_safe(terms, ends, units, rows, crossed, u, until):
            look(terms, marks, ends, units, rows, crossed, count, crossings, legs, u, until)
        if forced and units[u, CLOSED_AT] != upto:
            if upto > 0:
                record(terms, marks, units, rows, count, crossings, legs, -1, u, upto - 1)
            units[u, CLOSED_AT] = upto
            units[u, EPISODE] += 1
            crossed[u, :] = 0
        trade(terms, units, rows, row, quantity[i], price[i], fee[i])
    for left in range(m, moves.shape[0]):
        if is_mine(moves[left, 1], part, parts):
            second = np.searchsorted(times, moves[left, 0])
            look(
                terms, marks, ends, units, rows, crossed, count, crossings, legs,
                moves[left, 1], second,
            )  # fmt: skip
            units[moves[left, 1], CASH] += moves[left, 2]
    return ahead
