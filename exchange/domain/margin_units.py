"""Compiled health of a unit of margin: exact at one second, bounded over a stretch.

A *unit* is what the venue closes together: a cross account in one settlement asset, or one
fixed-margin position. Its health falls when a long's price falls and when a short's price
rises, so over any stretch of seconds it is at least its health at the worst price of each
contract. Those prices come from tables of extremes over power-of-two stretches, in float64,
and the bound is lowered by more than their rounding error.

A unit is one record of eight int64 and a position one of four, so that deciding a unit
touches a cache line or two, and so that few arrays are handed from kernel to kernel.
"""

from typing import Any

import numpy as np

from exchange.domain.kernel import inlined, kernel
from exchange.domain.rules.okex_2018 import okex_fixed_margin, okex_maintenance
from exchange.domain.value_kernels import trade_value

Array = Any

CROSS, FIXED, EXEMPT = 0, 1, 2
# columns of units i64[U, 8]
START, STOP, MODE, LEVERAGE, CASH, CHECKED, EPISODE, CLOSED_AT = range(8)
# columns of rows i64[R, 4]
CONTRACT, QUANTITY, COST, UNIT = range(4)
# columns of terms i64[C, 5]; FACTOR + 0 at 10x, + 1 at 20x, millionths
KIND, NUM, DEN, FACTOR = range(4)
LOW, HIGH = 0, 1
UNDECIDED = 1e-12
"""Relative error allowed to a float64 bound; the true one is below 1e-14."""


@kernel
def fill_extremes(ends: Array) -> None:
    """Extremes over stretches of 2, 4, 8 ... seconds, from level 0 of ``ends``.

    ``ends`` is f64[C, level, T, P, 2]: what a decision at one second needs of all paths, and
    the lows and the highs, lies in one or two cache lines.
    """
    contracts, levels, seconds, paths, _ = ends.shape
    for c in range(contracts):
        for k in range(1, levels):
            half = 1 << (k - 1)
            for i in range(seconds - 2 * half + 1):
                for p in range(paths):
                    ends[c, k, i, p, LOW] = min(
                        ends[c, k - 1, i, p, LOW], ends[c, k - 1, i + half, p, LOW]
                    )
                    ends[c, k, i, p, HIGH] = max(
                        ends[c, k - 1, i, p, HIGH], ends[c, k - 1, i + half, p, HIGH]
                    )


@kernel
def count_units(seen: Array, by_asset: Array, asset_of: Array, mode: Array) -> tuple[int, int]:
    """How many positions and units there are. ``seen`` u8[account, contract]."""
    rows, units = 0, 0
    for a in range(seen.shape[0]):
        last = -1
        for c in by_asset:
            if seen[a, c]:
                rows += 1
                if asset_of[c] != last or mode[a] == FIXED:
                    units += 1
                    last = asset_of[c]
    return rows, units


@kernel
def fill_units(
    seen: Array,
    by_asset: Array,
    asset_of: Array,
    mode: Array,
    leverage: Array,
    cash: Array,
    row_of: Array,
    rows: Array,
    units: Array,
    owner: Array,
    asset: Array,
    contract: Array,
) -> None:
    """Number rows and units by account, asset, contract. ``contract`` is -1 for a whole account."""
    row, u = 0, -1
    for a in range(seen.shape[0]):
        last = -1
        for c in by_asset:
            if not seen[a, c]:
                continue
            if asset_of[c] != last or mode[a] == FIXED:
                last = asset_of[c]
                u += 1
                owner[u], asset[u] = a, last
                contract[u] = c if mode[a] == FIXED else -1
                units[u, START], units[u, MODE], units[u, LEVERAGE] = row, mode[a], leverage[a]
                units[u, CASH], units[u, CLOSED_AT] = cash[a, last], -1
            row_of[a, c] = row
            rows[row, CONTRACT], rows[row, UNIT] = c, u
            row += 1
            units[u, STOP] = row


@kernel
def open_rows(
    account: Array, contract: Array, quantity: Array, cost: Array, row_of: Array, rows: Array
) -> None:
    """Set the positions held at the opening."""
    for i in range(account.shape[0]):
        row = row_of[account[i], contract[i]]
        rows[row, QUANTITY], rows[row, COST] = quantity[i], cost[i]


@inlined
def worst_health(
    terms: Array, ends: Array, units: Array, rows: Array, path: int, u: int, a: int, b: int
) -> float:
    """A lower bound of the unit's health over seconds ``a .. b``; infinite when flat."""
    k = 0
    while (2 << k) <= b - a:
        k += 1
    last = b - (1 << k)
    fixed = units[u, MODE] == FIXED
    leverage = units[u, LEVERAGE]
    factor = FACTOR + (1 if leverage == 20 else 0)
    share = 1e-6 / float(leverage)
    bound, size, held = 0.0, 0.0, 0
    for row in range(units[u, START], units[u, STOP]):
        quantity = rows[row, QUANTITY]
        if quantity == 0:
            continue
        c = rows[row, CONTRACT]
        if quantity > 0:
            value = min(ends[c, k, a, path, LOW], ends[c, k, last, path, LOW])
        else:
            value = max(ends[c, k, a, path, HIGH], ends[c, k, last, path, HIGH])
        amount = float(quantity) * value
        cost = float(rows[row, COST])
        rate = float(terms[c, factor])
        if fixed:
            bound += amount - cost + (1e6 - rate) * share * abs(cost)
        else:
            bound += amount - cost - rate * share * abs(amount)
        size += abs(amount) + abs(cost)
        held += 1
    if held == 0:
        return np.inf
    if not fixed:
        bound += float(units[u, CASH])
        size += abs(float(units[u, CASH]))
    return bound - 4.0 * float(1 + held) - UNDECIDED * size


@kernel
def health_at(
    terms: Array, marks: Array, units: Array, rows: Array, path: int, u: int, second: int
) -> tuple[int, int, int]:
    """Equity, maintenance and number of open positions of a unit at one second, exactly."""
    equity, maintenance, held = 0, 0, 0
    fixed = units[u, MODE] == FIXED
    leverage = units[u, LEVERAGE]
    factor = FACTOR + (1 if leverage == 20 else 0)
    for row in range(units[u, START], units[u, STOP]):
        quantity, cost = rows[row, QUANTITY], rows[row, COST]
        if quantity == 0:
            continue
        c = rows[row, CONTRACT]
        ticks = marks[path, c, second]
        value = trade_value(terms[c, KIND], terms[c, NUM], terms[c, DEN], quantity, ticks)
        equity += value - cost
        if fixed:
            margin = okex_fixed_margin(cost, leverage)
            equity += margin
            maintenance += okex_maintenance(margin, terms[c, factor], 1)
        else:
            maintenance += okex_maintenance(abs(value), terms[c, factor], leverage)
        held += 1
    if not fixed:
        equity += units[u, CASH]
    return equity, maintenance, held
