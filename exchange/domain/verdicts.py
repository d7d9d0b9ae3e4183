"""Whether each forced close was due: under the printed marks, under the fair reference.

Path 0 of the crossings is the printed mark, path 1 the fair reference. A recorded close ends
an episode of its unit; it was due under a path if the unit crossed its trigger on that path
since the close before it. Invariants:

* every recorded close gets exactly one verdict; a unit that crossed under the printed marks,
  was not closed within the tolerance and was still open then is `MISSED`, once a position
  (a crossing so late that the tape ends within the tolerance is not);
* the printed and the fair health of a verdict are of the same second: that of the printed
  crossing where there is one, else the last mark before the take-over.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.liquidation import FIXED, WHOLE_UNIT, Crossings, MarginTerms, States
from exchange.domain.replay import I16, I32, I64, Fills

DUE_BOTH, DUE_PRINTED_ONLY, NOT_DUE, MISSED = 0, 1, 2, 3
NAMES = ("due_both", "due_printed_only", "not_due", "missed")
PRINTED, FAIR = 0, 1
NONE = -1

Column = npt.NDArray[Any]


class Recorded(NamedTuple):
    """Forced closes as the venue recorded them, signed contracts and the take-over price."""

    time: I64
    account: I32
    contract: I16
    quantity: I64
    price: I64


class Verdicts(NamedTuple):
    """One row per recorded close, in the order recorded, then the missed ones.

    ``recorded`` is the row of `Recorded`, -1 when missed. ``due_printed`` and ``due_fair`` are
    seconds of the mark grid, -1 when not due. ``second`` is the one judged (-1 when the tape
    has no state for the close); the marks (ticks) and the unit's equity and maintenance (minor
    units) are of that second. ``quantity`` was taken over, or is still open; ``price`` is 0
    when missed.
    """

    verdict: npt.NDArray[np.uint8]
    recorded: I64
    account: I32
    contract: I16
    asset: I16
    quantity: I64
    price: I64
    due_printed: I32
    due_fair: I32
    second: I32
    printed: I64
    fair: I64
    equity_printed: I64
    maintenance_printed: I64
    equity_fair: I64
    maintenance_fair: I64


class _Judged(NamedTuple):
    """Per recorded close: first crossing row on each path and the state found, -1 for none."""

    printed: I64
    fair: I64
    closed: I64


def judge(
    recorded: Recorded,
    crossings: Crossings,
    fills: Fills,
    terms: MarginTerms,
    asset_of: I16,
    times: I64,
    marks: I64,
    *,
    tolerance_us: int = 10_000_000,
) -> Verdicts:
    """Give every recorded close its verdict and find the missed ones.

    ``marks`` i64[path, contract, second] are the paths the crossings were searched on.
    """
    judged = _judge_recorded(recorded, crossings, terms, asset_of, times)
    rows = _recorded_rows(recorded, judged, crossings, asset_of, marks)
    missed = _missed_rows(recorded, crossings, fills, terms, asset_of, times, tolerance_us)
    pairs: Iterable[tuple[Column, Column]] = zip(rows, missed, strict=True)
    return Verdicts(*(np.concatenate(pair) for pair in pairs))


def reached(
    recorded: Recorded, due: States, path: int, terms: MarginTerms, asset_of: I16, times: I64
) -> I64:
    """Row of ``due`` at which the unit of each recorded close crossed on a path, -1 for never.

    The first crossing since the close of that unit before it, and up to its own instant.
    """
    key = _recorded_keys(recorded, terms, asset_of)
    upto = _judged_upto(recorded, times)
    rows = np.flatnonzero(due.path == path)
    return _first_in(due, rows, key, _previous_close(key, upto), upto)


def counts(verdicts: Verdicts) -> dict[str, int]:
    """How many of each verdict, by name, and how many closes were recorded."""
    numbers = np.bincount(verdicts.verdict, minlength=len(NAMES)).tolist()
    return {
        "recorded": int((verdicts.recorded >= 0).sum()),
        **dict(zip(NAMES, numbers, strict=True)),
    }


def _unit_keys(account: npt.ArrayLike, asset: npt.ArrayLike, contract: npt.ArrayLike) -> I64:
    """One number per unit of margin: account, asset, and contract + 1 (0 = a whole account)."""
    a, s, c = (np.asarray(column, np.int64) for column in (account, asset, contract))
    return (a << 32) | (s << 16) | (c + 1)


def _keys_of(states: States) -> I64:
    return _unit_keys(states.account, states.asset, states.contract)


def _recorded_keys(recorded: Recorded, terms: MarginTerms, asset_of: I16) -> I64:
    fixed = terms.mode[recorded.account] == FIXED
    contract = np.where(fixed, recorded.contract, WHOLE_UNIT)
    return _unit_keys(recorded.account, asset_of[recorded.contract], contract)


def _first_in(states: States, rows: I64, key: I64, low: I64, high: I64) -> I64:
    """First of ``rows`` with the key and ``low <= second < high``, or -1; one per query."""
    keys = np.unique(_keys_of(states)[rows])
    place = np.searchsorted(keys, _keys_of(states)[rows]) << 32 | states.second[rows]
    order = np.argsort(place, kind="stable")
    table = np.append(place[order], np.iinfo(np.int64).max)
    unit = np.searchsorted(keys, key)
    known = np.append(keys, NONE)[unit] == key
    at = np.searchsorted(table, unit << 32 | low)
    hit = known & (table[at] < (unit << 32 | high))
    result = np.full(key.size, NONE, np.int64)
    result[hit] = rows[order[at[hit]]]
    return result


def _judge_recorded(
    recorded: Recorded, crossings: Crossings, terms: MarginTerms, asset_of: I16, times: I64
) -> _Judged:
    """Match each close with the crossings since the close of its unit before it."""
    printed, fair = (
        reached(recorded, crossings.due, path, terms, asset_of, times) for path in (PRINTED, FAIR)
    )
    key = _recorded_keys(recorded, terms, asset_of)
    upto = _judged_upto(recorded, times)
    closed = crossings.closed
    return _Judged(
        printed,
        fair,
        _first_in(closed, np.arange(closed.path.size), key, upto - 1, upto),
    )


def _judged_upto(recorded: Recorded, times: I64) -> I64:
    """The seconds that count for each close: those up to and at its own instant."""
    return np.searchsorted(times, recorded.time, side="right").astype(np.int64)


def _previous_close(key: I64, upto: I64) -> I64:
    """Where each close's episode begins: the second up to which the close before judged."""
    order = np.lexsort((upto, key))
    k, u = key[order].tolist(), upto[order].tolist()
    start = [0] * len(k)
    for i in range(1, len(k)):  # closes of one second share an episode
        if k[i] == k[i - 1]:
            start[i] = start[i - 1] if u[i] == u[i - 1] else u[i - 1]
    since = np.zeros(len(k), np.int64)
    since[order] = start
    return since


def _recorded_rows(
    recorded: Recorded, judged: _Judged, crossings: Crossings, asset_of: I16, marks: I64
) -> Verdicts:
    printed, fair = judged.printed >= 0, judged.fair >= 0
    verdict = np.where(printed & fair, DUE_BOTH, np.where(printed, DUE_PRINTED_ONLY, NOT_DUE))
    second, health = _health(judged, crossings)
    seen = np.maximum(second, 0)
    ticks = np.where(second >= 0, marks[:2, recorded.contract, seen], 0)
    return Verdicts(
        verdict.astype(np.uint8), np.arange(recorded.time.size), recorded.account,
        recorded.contract, asset_of[recorded.contract], recorded.quantity, recorded.price,
        _seconds(crossings.due, judged.printed), _seconds(crossings.due, judged.fair),
        second.astype(np.int32), ticks[PRINTED], ticks[FAIR], *health,
    )  # fmt: skip


def _seconds(states: States, row: I64) -> I32:
    if not states.second.size:
        return np.full(row.size, NONE, np.int32)
    return np.where(row >= 0, states.second[np.maximum(row, 0)], NONE).astype(np.int32)


def _health(judged: _Judged, crossings: Crossings) -> tuple[I64, tuple[I64, I64, I64, I64]]:
    """The second judged, and equity and maintenance there: printed, then fair."""
    size = judged.printed.size
    second = np.full(size, NONE, np.int64)
    columns = np.zeros((4, size), np.int64)
    crossed = judged.printed >= 0
    for chosen, rows, states in (
        (~crossed & (judged.closed >= 0), judged.closed, crossings.closed),
        (crossed, judged.printed, crossings.due),
    ):
        at = rows[chosen]
        second[chosen] = states.second[at]
        for path in (PRINTED, FAIR):
            columns[2 * path, chosen] = states.equity[at, path]
            columns[2 * path + 1, chosen] = states.maintenance[at, path]
    return second, (columns[0], columns[1], columns[2], columns[3])


def _missed_rows(
    recorded: Recorded,
    crossings: Crossings,
    fills: Fills,
    terms: MarginTerms,
    asset_of: I16,
    times: I64,
    tolerance_us: int,
) -> Verdicts:
    """Printed crossings nobody closed: no later close of the unit, still open after a while."""
    due = crossings.due
    keys = _keys_of(due)
    closes = _recorded_keys(recorded, terms, asset_of)
    upto = np.searchsorted(times, recorded.time, side="right")
    unit, place = np.unique(np.append(keys, closes), return_inverse=True)
    closed = np.zeros(unit.size, np.int64)  # the second up to which the last close judged
    np.maximum.at(closed, place[keys.size :], upto)
    since = closed[place[: keys.size]]
    seen_through = times[due.second] + tolerance_us <= times[-1]  # else the tape ends too early
    rows = np.flatnonzero((due.path == PRINTED) & (due.second >= since) & seen_through)
    end = np.full(rows.size, times.size, np.int64)
    fair = _first_in(due, np.flatnonzero(due.path == FAIR), keys[rows], since[rows], end)
    return _still_open(rows, fair, due, fills, times, tolerance_us)


def _still_open(
    rows: I64, fair: I64, due: States, fills: Fills, times: I64, tolerance_us: int
) -> Verdicts:
    """The positions of those units that the tape leaves open after the tolerance."""
    mine = np.flatnonzero(np.isin(fills.account, due.account[rows]))
    mine = mine[np.lexsort((fills.time[mine], fills.account[mine]))]
    owner = fills.account[mine]
    found: list[tuple[int, ...]] = []
    for row, fair_row in zip(rows.tolist(), fair.tolist(), strict=True):
        account, second = int(due.account[row]), int(due.second[row])
        low, high = np.searchsorted(owner, [account, account + 1]).tolist()
        own = mine[low:high]
        since, until = times[second], times[second] + tolerance_us
        own = own[(fills.time[own] > since) & (fills.time[own] <= until)]
        for leg in range(int(due.leg_start[row]), int(due.leg_start[row + 1])):
            contract = int(due.leg_contract[leg])
            traded = fills.quantity[own][fills.contract[own] == contract].sum()
            open_quantity = int(due.leg_quantity[leg]) + int(traded)
            if open_quantity:
                found.append((
                    MISSED, NONE, account, contract, int(due.asset[row]), open_quantity, 0,
                    second, int(due.second[fair_row]) if fair_row >= 0 else NONE, second,
                    *due.leg_mark[leg, :2].tolist(),
                    *(int(x) for path in (PRINTED, FAIR)
                      for x in (due.equity[row, path], due.maintenance[row, path])),
                ))  # fmt: skip
    columns = np.array(found, np.int64).reshape(len(found), len(Verdicts._fields)).T
    kinds = (np.uint8, np.int64, np.int32, np.int16, np.int16, np.int64, np.int64, *[np.int32] * 3)
    kinds += (np.int64,) * 6
    return Verdicts(*(c.astype(kind) for c, kind in zip(columns, kinds, strict=True)))
