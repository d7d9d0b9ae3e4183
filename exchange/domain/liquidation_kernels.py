"""Compiled search for the first second at which a unit of margin crosses its trigger.

A *unit* is what the venue closes together: a cross account in one settlement asset, or one
fixed-margin position. Its health falls when a long's price falls and when a short's price
rises, so over any stretch of seconds it is at least its health at the worst price of each
contract. Those prices come from tables of extremes over power-of-two stretches, in float64:
a bound clear of zero by more than its rounding error skips the stretch, anything nearer is
halved, and a single second is decided by the integer rule alone.
"""

from typing import Any, NamedTuple

import numpy as np

from exchange.domain.kernel import kernel
from exchange.domain.rules.okex_2018 import okex_fixed_margin, okex_maintenance
from exchange.domain.value_kernels import scaled_half_even, trade_value

Array = Any

FIXED = 1
TAKEOVER = 1
UNDECIDED = 1e-12
"""Relative error allowed to a float64 bound; the true one is below 1e-14."""


class Market(NamedTuple):
    """Contracts and their mark paths. ``low`` and ``high`` are f64[path, contract, level, T]."""

    kind: Array  # i64[C]
    num: Array  # i64[C]
    den: Array  # i64[C]
    factor: Array  # i64[C, leverage slot], millionths
    marks: Array  # i64[path, C, T], ticks
    low: Array
    high: Array
    level: Array  # i8[T + 1], floor(log2(length))


class Units(NamedTuple):
    """Margin units: rows ``start[u] .. start[u + 1]`` are the positions closed together."""

    start: Array  # i64[U + 1]
    contract: Array  # i16[rows]
    state: Array  # i64[rows, 2]: quantity, cost
    mode: Array  # u8[U]: 0 cross, 1 fixed
    leverage: Array  # i64[U]
    slot: Array  # i64[U], column of Market.factor
    cell: Array  # i64[U], place of the unit's cash
    cash: Array  # i64[cells]


class Found(NamedTuple):
    """Where crossings are written; ``count`` holds how many crossings and legs there are."""

    count: Array  # i64[2]
    crossing: Array  # i64[capacity, 6]: path, unit, episode, second, equity, maintenance
    leg: Array  # i64[capacity, 5]: crossing, row, quantity, cost, ticks


class Progress(NamedTuple):
    """How far each unit has been looked at."""

    checked: Array  # i64[U], seconds already decided
    episode: Array  # i64[U], take-overs so far
    closed_at: Array  # i64[U], second of the last take-over
    crossed: Array  # u8[path, U], already found in this episode


class Moves(NamedTuple):
    """Deposits, withdrawals and transfers of cross units, in time order."""

    time: Array
    unit: Array
    amount: Array


@kernel
def extremes(value: Array, low: Array, high: Array) -> None:
    """Fill the tables of extremes over stretches of 1, 2, 4 ... seconds from f64[P, C, T]."""
    paths, contracts, seconds = value.shape
    for p in range(paths):
        for c in range(contracts):
            low[p, c, 0] = value[p, c]
            high[p, c, 0] = value[p, c]
            for k in range(1, low.shape[2]):
                half = 1 << (k - 1)
                for i in range(seconds - 2 * half + 1):
                    low[p, c, k, i] = min(low[p, c, k - 1, i], low[p, c, k - 1, i + half])
                    high[p, c, k, i] = max(high[p, c, k - 1, i], high[p, c, k - 1, i + half])


@kernel
def worst_health(market: Market, units: Units, path: int, unit: int, a: int, b: int) -> float:
    """A lower bound of the unit's health over seconds ``a .. b``; infinite when flat."""
    k = market.level[b - a]
    second = b - (1 << k)
    bound, size, held = 0.0, 0.0, 0
    slot = units.slot[unit]
    leverage = units.leverage[unit]
    for row in range(units.start[unit], units.start[unit + 1]):
        quantity = units.state[row, 0]
        if quantity == 0:
            continue
        c = units.contract[row]
        if quantity > 0:
            value = min(market.low[path, c, k, a], market.low[path, c, k, second])
        else:
            value = max(market.high[path, c, k, a], market.high[path, c, k, second])
        amount = quantity * value
        cost = float(units.state[row, 1])
        rate = market.factor[c, slot] * 1e-6
        if units.mode[unit] == FIXED:
            bound += amount - cost + (1.0 - rate) * (abs(cost) / leverage)
        else:
            bound += amount - cost - abs(amount) * (rate / leverage)
        size += abs(amount) + abs(cost)
        held += 1
    if held == 0:
        return np.inf
    if units.mode[unit] != FIXED:
        cash = float(units.cash[units.cell[unit]])
        bound += cash
        size += abs(cash)
    return bound - 4.0 * (1 + held) - UNDECIDED * size


@kernel
def health_at(
    market: Market, units: Units, path: int, unit: int, second: int
) -> tuple[int, int, int]:
    """Equity, maintenance and number of open positions of a unit at one second, exactly."""
    equity, maintenance, held = 0, 0, 0
    slot = units.slot[unit]
    leverage = units.leverage[unit]
    for row in range(units.start[unit], units.start[unit + 1]):
        quantity, cost = units.state[row, 0], units.state[row, 1]
        if quantity == 0:
            continue
        c = units.contract[row]
        ticks = market.marks[path, c, second]
        value = trade_value(market.kind[c], market.num[c], market.den[c], quantity, ticks)
        equity += value - cost
        if units.mode[unit] == FIXED:
            margin = okex_fixed_margin(cost, leverage)
            equity += margin
            maintenance += okex_maintenance(margin, market.factor[c, slot], 1)
        else:
            maintenance += okex_maintenance(abs(value), market.factor[c, slot], leverage)
        held += 1
    if units.mode[unit] != FIXED:
        equity += units.cash[units.cell[unit]]
    return equity, maintenance, held


@kernel
def first_second(market: Market, units: Units, path: int, unit: int, a: int, b: int) -> int:
    """First second in ``a .. b`` at which health <= 0 with the state as it is, or -1."""
    size = b - a
    while a < b:
        size = min(size, b - a)
        if worst_health(market, units, path, unit, a, a + size) > 0.0:
            a += size
            size *= 2
        elif size > 1:
            size //= 2
        else:
            equity, maintenance, held = health_at(market, units, path, unit, a)
            if held > 0 and equity - maintenance <= 0:
                return a
            a += 1
            size = 2
    return -1


@kernel
def _record(
    market: Market,
    units: Units,
    found: Found,
    path: int,
    unit: int,
    episode: int,
    second: int,
) -> None:
    equity, maintenance, _held = health_at(market, units, path, unit, second)
    at = found.count[0]
    found.count[0] = at + 1
    found.crossing[at, 0] = path
    found.crossing[at, 1] = unit
    found.crossing[at, 2] = episode
    found.crossing[at, 3] = second
    found.crossing[at, 4] = equity
    found.crossing[at, 5] = maintenance
    for row in range(units.start[unit], units.start[unit + 1]):
        if units.state[row, 0] != 0:
            leg = found.count[1]
            found.count[1] = leg + 1
            found.leg[leg, 0] = at
            found.leg[leg, 1] = row
            found.leg[leg, 2] = units.state[row, 0]
            found.leg[leg, 3] = units.state[row, 1]
            found.leg[leg, 4] = market.marks[path, units.contract[row], second]


@kernel
def look(
    market: Market, units: Units, progress: Progress, found: Found, unit: int, until: int
) -> None:
    """Decide every path of a unit up to second ``until`` with the state as it is."""
    since = progress.checked[unit]
    if since >= until:
        return
    progress.checked[unit] = until
    for path in range(market.marks.shape[0]):
        if progress.crossed[path, unit] == 0:
            second = first_second(market, units, path, unit, since, until)
            if second >= 0:
                progress.crossed[path, unit] = 1
                _record(market, units, found, path, unit, progress.episode[unit], second)


@kernel
def look_at_all(
    market: Market, units: Units, progress: Progress, found: Found, part: int, parts: int
) -> None:
    """Decide this part's units up to the last second."""
    for unit in range(part, units.mode.shape[0], parts):
        look(market, units, progress, found, unit, market.marks.shape[2])


@kernel
def trade(market: Market, units: Units, unit: int, row: int, dq: int, ticks: int, fee: int) -> None:
    """`value.apply_fill` on a position; a cross unit's cash takes the profit and the fee."""
    c = units.contract[row]
    held, cost = units.state[row, 0], units.state[row, 1]
    value = trade_value(market.kind[c], market.num[c], market.den[c], dq, ticks)
    units.state[row, 0] = held + dq
    gain = 0
    if held == 0 or (held > 0) == (dq > 0):
        units.state[row, 1] = cost + value
    elif abs(dq) <= abs(held):
        released = scaled_half_even(abs(cost), abs(dq), abs(held))
        if cost < 0:
            released = -released
        units.state[row, 1] = cost - released
        gain = -value - released
    else:
        closed = trade_value(market.kind[c], market.num[c], market.den[c], -held, ticks)
        units.state[row, 1] = value - closed
        gain = -closed - cost
    if units.mode[unit] != FIXED:
        units.cash[units.cell[unit]] += gain - fee


@kernel
def take_over(progress: Progress, unit: int, second: int) -> None:
    """Begin a new episode, once for all take-overs that fall in one second."""
    if progress.closed_at[unit] != second:
        progress.closed_at[unit] = second
        progress.episode[unit] += 1
        progress.crossed[:, unit] = 0


@kernel
def follow(
    market: Market,
    units: Units,
    progress: Progress,
    found: Found,
    times: Array,
    fills: Array,
    row_of: Array,
    unit_of: Array,
    moved: Moves,
    part: int,
    parts: int,
) -> None:
    """Run through fills and cash movements in time order, for this part's units.

    A unit is decided up to an event before the event changes it: the marks of earlier
    seconds, and for a take-over also the mark of its own instant, which is what caused it.
    """
    before, upto, m = 0, 0, 0
    seconds, moves = times.shape[0], moved.time.shape[0]
    for i in range(fills.time.shape[0]):
        row = row_of[fills.account[i], fills.contract[i]]
        unit = unit_of[row]
        if unit < 0 or unit % parts != part:
            continue
        time = fills.time[i]
        while m < moves and moved.time[m] <= time:
            _move(market, units, progress, found, times, moved, m, part, parts)
            m += 1
        while before < seconds and times[before] < time:
            before += 1
        while upto < seconds and times[upto] <= time:
            upto += 1
        if (fills.flags[i] >> 1) & 3 == TAKEOVER:
            look(market, units, progress, found, unit, upto)
            take_over(progress, unit, upto)
        else:
            look(market, units, progress, found, unit, before)
        trade(market, units, unit, row, fills.quantity[i], fills.price[i], fills.fee[i])
    while m < moves:
        _move(market, units, progress, found, times, moved, m, part, parts)
        m += 1


@kernel
def _move(
    market: Market,
    units: Units,
    progress: Progress,
    found: Found,
    times: Array,
    moved: Moves,
    m: int,
    part: int,
    parts: int,
) -> None:
    unit = moved.unit[m]
    if unit % parts == part:
        second = np.searchsorted(times, moved.time[m])
        look(market, units, progress, found, unit, second)
        units.cash[units.cell[unit]] += moved.amount[m]
