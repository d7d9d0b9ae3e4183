"""When each account crosses its liquidation trigger on a mark path, by the okex-2018 rule.

`first_crossings` follows the tape's fills and cash movements through a window, samples the
marks of any number of alternative paths in the same pass, and returns the first crossing of
every unit of margin (a cross account in one settlement asset, or one fixed-margin position)
with its state at that second. Invariants:

* the state at a second is the state after every fill with time <= that second; a take-over
  fill is the exception: the mark of its own instant is judged on what it took over;
* after a recorded take-over the unit starts a new episode with what the tape leaves it;
* which path another path is searched beside, or how many workers share the units, does not
  change a result: every decision is the integer rule of `rules.okex_2018`.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.replay import I16, I32, I64, Fills, Holdings, terms_of
from exchange.domain.rules import RuleRefused
from exchange.domain.value import INVERSE, ContractSpec

if TYPE_CHECKING:
    from exchange.domain.liquidation_kernels import Found, Market, Moves, Progress, Units

CROSS, FIXED, EXEMPT = 0, 1, 2
WHOLE_UNIT = -1
"""Contract of a crossing that closes a whole cross account."""


class MarksRefused(ValueError):
    """A mark path is incomplete or out of order; the message names path, contract, second."""


class MarginTerms(NamedTuple):
    """Per account: margin mode u8[A] (cross, fixed, exempt) and leverage i64[A]."""

    mode: npt.NDArray[np.uint8]
    leverage: I64


class CashEvents(NamedTuple):
    """Movements of the futures wallets, in time order: amounts in minor units."""

    time: I64
    account: I32
    asset: I16
    amount: I64


class MarkPaths(NamedTuple):
    """Marks in ticks, i64[path, contract, second], sampled at ``times`` i64[second]."""

    times: I64
    marks: I64


class Crossings(NamedTuple):
    """One row per crossing, sorted by (path, account, asset, contract, episode).

    ``contract`` is -1 for a cross account, which closes whole. ``episode`` counts the
    recorded take-overs before it. ``leg_start[i] .. leg_start[i + 1]`` are its rows in the
    leg columns: the positions held and their marks at that second.
    """

    path: I16
    account: I32
    contract: I16
    asset: I16
    episode: I32
    second: I32
    equity: I64
    maintenance: I64
    leg_start: I64
    leg_contract: I16
    leg_quantity: I64
    leg_cost: I64
    leg_mark: I64


def wallet_cash(
    balances: I64, opening: Holdings, now: Holdings, asset_of: I16, moved: CashEvents
) -> I64:
    """Futures wallets i64[account, asset] at an instant, from those at the tape's beginning.

    ``balances`` are the wallets at the beginning; ``opening`` and ``now`` the holdings then
    and at the instant; ``moved`` the cash movements in between.
    """
    cash = balances.copy()
    for holdings, sign in ((now, 1), (opening, -1)):
        at = (holdings.account, asset_of[holdings.contract])
        np.add.at(cash, at, sign * (holdings.realised - holdings.fees))
    np.add.at(cash, (moved.account, moved.asset), moved.amount)
    return cash


def first_crossings(
    opening: Holdings,
    cash: I64,
    fills: Fills,
    moved: CashEvents,
    specs: Sequence[ContractSpec],
    asset_of: I16,
    terms: MarginTerms,
    paths: MarkPaths,
    *,
    workers: int = 1,
) -> Crossings:
    """Find the first crossing of every unit and episode on every path.

    ``opening`` and ``cash`` i64[account, asset] are the state just before the first event of
    ``fills`` and ``moved`` (both in time order, within the window); ``asset_of`` i16[contract]
    is each contract's settlement asset. Raises `MarksRefused` for an incomplete path and
    `RuleRefused` for a leverage the rules do not know.
    """
    from exchange.domain import liquidation_kernels as kernels

    market = _market(specs, paths)
    book = _book(opening, cash, fills, specs, asset_of, terms)
    moves = _moves(moved, book.units, cash.shape[1])
    takeovers = int(((fills.flags >> np.uint8(1)) & np.uint8(3) == kernels.TAKEOVER).sum())
    progress = _progress(book.units, paths.marks.shape[0])

    def search(part: int) -> "Found":
        found = _found(book, paths.marks.shape[0], takeovers)
        kernels.follow(
            market, book.units, progress, found, paths.times, fills, book.row_of, book.unit_of,
            moves, part, workers,
        )  # fmt: skip
        kernels.look_at_all(market, book.units, progress, found, part, workers)
        return found

    if workers == 1:
        return _collect([search(0)], book)
    with ThreadPoolExecutor(workers) as pool:
        return _collect(list(pool.map(search, range(workers))), book)


class _Book(NamedTuple):
    units: "Units"
    account: I32  # per row
    row_of: I32  # [account, contract]
    unit_of: I32  # per row, -1 where exempt
    unit_account: I32
    unit_asset: I16
    unit_contract: I16


def _market(specs: Sequence[ContractSpec], paths: MarkPaths) -> "Market":
    """Check the paths and prepare the extremes of every contract's value."""
    from exchange.domain import liquidation_kernels as kernels
    from exchange.domain.rules.okex_2018 import factor_table

    _check_paths(specs, paths)
    kind, num, den = terms_of(specs)
    rate = (num / den)[None, :, None]
    inverse = (kind == INVERSE)[None, :, None]
    value = np.where(inverse, -rate / paths.marks, rate * paths.marks)
    seconds = paths.times.size
    level = np.zeros(seconds + 1, np.int8)
    level[1:] = np.floor(np.log2(np.arange(1, seconds + 1)) + 1e-12)
    shape = (*value.shape[:2], int(level[-1]) + 1, seconds)
    low, high = np.empty(shape), np.empty(shape)
    kernels.extremes(value, low, high)
    marks = np.ascontiguousarray(paths.marks)
    return kernels.Market(kind, num, den, factor_table(specs), marks, low, high, level)


def _check_paths(specs: Sequence[ContractSpec], paths: MarkPaths) -> None:
    expected = (len(specs), paths.times.size)
    if paths.marks.ndim != 3 or paths.marks.shape[1:] != expected:
        raise MarksRefused(f"marks are {paths.marks.shape}, not (paths, {expected})")
    if paths.times.size == 0 or (np.diff(paths.times) <= 0).any():
        raise MarksRefused("times of the marks must increase and there must be one at least")
    missing = np.argwhere(paths.marks <= 0)
    if missing.size:
        path, contract, second = missing[0].tolist()
        raise MarksRefused(f"path {path}, {specs[contract].symbol}, second {second}: no mark")


def _book(
    opening: Holdings,
    cash: I64,
    fills: Fills,
    specs: Sequence[ContractSpec],
    asset_of: I16,
    terms: MarginTerms,
) -> _Book:
    """Number the positions so that each unit's lie together, and set their opening state."""
    from exchange.domain import liquidation_kernels as kernels

    seen = np.zeros((terms.mode.size, len(specs)), np.bool_)
    seen[opening.account, opening.contract] = True
    seen[fills.account, fills.contract] = True
    by_asset = np.argsort(asset_of, kind="stable")
    account, place = np.nonzero(seen[:, by_asset])
    contract = by_asset[place].astype(np.int16)
    row_of = np.full(seen.shape, -1, np.int32)
    row_of[account, contract] = np.arange(account.size, dtype=np.int32)

    mode = terms.mode[account]
    asset = asset_of[contract]
    new = np.ones(account.size, np.bool_)
    same = (account[1:] == account[:-1]) & (asset[1:] == asset[:-1])
    new[1:] = ~same | (mode[1:] == FIXED)
    unit_of = (np.cumsum(new) - 1).astype(np.int32)
    first = np.flatnonzero(new)
    state = np.zeros((account.size, 2), np.int64)
    rows = row_of[opening.account, opening.contract]
    state[rows, 0], state[rows, 1] = opening.quantity, opening.cost

    unit_account, unit_asset = account[first].astype(np.int32), asset[first]
    unit_mode, leverage = terms.mode[unit_account], terms.leverage[unit_account]
    _check_leverage(unit_account, unit_mode, leverage)
    units = kernels.Units(
        np.append(first, account.size).astype(np.int64), contract, state, unit_mode,
        leverage, (leverage == 20).astype(np.int64),
        unit_account.astype(np.int64) * cash.shape[1] + unit_asset, cash.ravel().copy(),
    )  # fmt: skip
    unit_of[mode == EXEMPT] = -1
    unit_contract = np.where(unit_mode == FIXED, contract[first], WHOLE_UNIT).astype(np.int16)
    return _Book(
        units, account.astype(np.int32), row_of, unit_of, unit_account, unit_asset, unit_contract
    )


def _check_leverage(account: I32, mode: npt.NDArray[np.uint8], leverage: I64) -> None:
    from exchange.domain.rules.okex_2018 import LEVERAGES

    wrong = np.flatnonzero((mode != EXEMPT) & ~np.isin(leverage, LEVERAGES))
    if wrong.size:
        at = int(wrong[0])
        raise RuleRefused(f"account {account[at]} has leverage {leverage[at]}, not 10 or 20")


def _moves(moved: CashEvents, units: "Units", assets: int) -> "Moves":
    """Cash movements that reach a cross unit; the others change no one's health."""
    from exchange.domain import liquidation_kernels as kernels

    cross = units.mode == CROSS
    unit_at = np.full(units.cash.size, -1, np.int64)
    unit_at[units.cell[cross]] = np.flatnonzero(cross)
    unit = unit_at[moved.account.astype(np.int64) * assets + moved.asset]
    keep = unit >= 0
    return kernels.Moves(moved.time[keep], unit[keep], moved.amount[keep])


def _progress(units: "Units", paths: int) -> "Progress":
    from exchange.domain import liquidation_kernels as kernels

    count = units.mode.size
    checked = np.where(units.mode == EXEMPT, np.iinfo(np.int64).max, 0).astype(np.int64)
    return kernels.Progress(
        checked,
        np.zeros(count, np.int64),
        np.full(count, -1, np.int64),
        np.zeros((paths, count), np.uint8),
    )


def _found(book: _Book, paths: int, takeovers: int) -> "Found":
    """Room for every crossing there can be; memory is only taken as it is written."""
    from exchange.domain import liquidation_kernels as kernels

    units = book.units
    widest = int(np.diff(units.start).max(initial=0))
    crossings = paths * (units.mode.size + takeovers)
    legs = paths * (book.account.size + takeovers * widest)
    return kernels.Found(
        np.zeros(2, np.int64),
        np.empty((crossings, 6), np.int64),
        np.empty((legs, 5), np.int64),
    )


def _collect(parts: "Sequence[Found]", book: _Book) -> Crossings:
    """Join the workers' findings in one fixed order."""
    crossings, legs, offset = [], [], 0
    for found in parts:
        count, leg_count = found.count.tolist()
        crossings.append(found.crossing[:count])
        leg = found.leg[:leg_count].copy()
        leg[:, 0] += offset
        legs.append(leg)
        offset += count
    rows, leg = np.concatenate(crossings), np.concatenate(legs)
    path, unit, episode, second, equity, maintenance = rows.T
    order = np.lexsort((episode, unit, path))
    rank = np.empty(order.size, np.int64)
    rank[order] = np.arange(order.size)
    leg = leg[np.argsort(rank[leg[:, 0]], kind="stable")]
    lengths = np.bincount(rank[leg[:, 0]], minlength=order.size)
    unit = unit[order]
    return Crossings(
        path[order].astype(np.int16), book.unit_account[unit], book.unit_contract[unit],
        book.unit_asset[unit], episode[order].astype(np.int32), second[order].astype(np.int32),
        equity[order], maintenance[order],
        np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        book.units.contract[leg[:, 1]], leg[:, 2].copy(), leg[:, 3].copy(), leg[:, 4].copy(),
    )  # fmt: skip
