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
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import (
    I16,
    I32,
    I64,
    TAKEOVER,
    Fills,
    Holdings,
    empty_fills,
    reason_of,
)
from exchange.domain.margin_book import CROSS as CROSS
from exchange.domain.margin_book import EXEMPT as EXEMPT
from exchange.domain.margin_book import FIXED as FIXED
from exchange.domain.margin_book import WHOLE_UNIT as WHOLE_UNIT
from exchange.domain.margin_book import Book, Market, book_of, market_of, moves_of
from exchange.domain.margin_book import CashEvents as CashEvents
from exchange.domain.margin_book import MarginTerms as MarginTerms
from exchange.domain.margin_book import MarkPaths as MarkPaths
from exchange.domain.margin_book import MarksRefused as MarksRefused
from exchange.domain.value import ContractSpec


class States(NamedTuple):
    """States of units at single seconds, sorted by (path, account, asset, contract, episode).

    ``contract`` is -1 for a cross account, which closes whole. ``episode`` counts the
    take-overs before it. ``equity`` and ``maintenance`` are i64[row, path], at the marks of
    every path. ``leg_start[i] .. leg_start[i + 1]`` are a row's positions in the leg columns;
    ``leg_mark`` is i64[leg, path].
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


def nobody_due(paths: int) -> States:
    """No unit at any second, of so many paths."""
    none, small, pair = np.zeros(0, np.int64), np.zeros(0, np.int16), np.zeros((0, paths), np.int64)
    whole = none.astype(np.int32)
    return States(
        small, whole, small, small, whole, whole, pair, pair, np.zeros(1, np.int64), small, none,
        none, pair,
    )  # fmt: skip


class Crossings(NamedTuple):
    """``due``: the first crossing of each path, unit and episode. ``closed``: what each recorded
    take-over found at the last mark before it (its ``path`` is -1)."""

    due: States
    closed: States


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
    is each contract's settlement asset. Raises `MarksRefused` for an incomplete path,
    `RuleRefused` for a leverage the rules do not know, `TapeDisorder` and `TapeTooLarge`.
    """
    market = market_of(specs, paths)
    book = book_of(opening, cash, fills, moved, specs, asset_of, terms, paths.marks)
    moves = moves_of(moved, book, cash.shape)
    takeovers = int((reason_of(fills.flags) == TAKEOVER).sum())

    def search(part: int) -> _Found:
        return _search(market, book, fills, moves, paths.times, takeovers, part, workers)

    if workers == 1:
        return _collect([search(0)], book, paths.marks)
    with ThreadPoolExecutor(workers) as pool:
        return _collect(list(pool.map(search, range(workers))), book, paths.marks)


def due_now(
    holdings: Holdings,
    cash: I64,
    specs: Sequence[ContractSpec],
    asset_of: I16,
    terms: MarginTerms,
    marks: I64,
) -> States:
    """Units due at single marks i64[contract]: who is closed again when trading reopens."""
    none = empty_fills()
    paths = MarkPaths(np.zeros(1, np.int64), np.asarray(marks, np.int64).reshape(1, -1, 1))
    nothing = CashEvents(none.time, none.account, none.contract, none.quantity)
    return first_crossings(holdings, cash, none, nothing, specs, asset_of, terms, paths).due


class _Found(NamedTuple):
    number: I64
    crossings: I64
    legs: I64


def _search(
    market: Market,
    book: Book,
    fills: Fills,
    moves: I64,
    times: I64,
    takeovers: int,
    part: int,
    parts: int,
) -> _Found:
    """Follow the tape for one part's units, a lot in every ``parts``; the others are left alone."""
    from exchange.domain import liquidation_kernels as kernels

    found = _room(book, market.marks.shape[0], takeovers)
    crossed = np.zeros((book.units.shape[0], market.marks.shape[0]), np.uint8)
    state = (*market, book.units, book.rows, crossed, *found)
    kernels.follow(*state, times, book.row_of, *fills[1:7], fills.flags, moves, part, parts)
    kernels.look_at_all(*state, part, parts)
    return found


def _room(book: Book, paths: int, takeovers: int) -> _Found:
    """Room for every crossing there can be; memory is only taken as it is written."""
    from exchange.domain import margin_units as layout

    widths = book.units[:, layout.STOP] - book.units[:, layout.START]
    states = paths * book.units.shape[0] + (paths + 1) * takeovers
    legs = paths * book.rows.shape[0] + (paths + 1) * takeovers * int(widths.max(initial=0))
    return _Found(
        np.zeros(2, np.int64),
        np.empty((states, 4 + 2 * paths), np.int64),
        np.empty((legs, 4), np.int64),
    )


def _collect(parts: Sequence[_Found], book: Book, marks: I64) -> Crossings:
    """Join the workers' findings in one fixed order."""
    counts = np.array([found.number for found in parts])
    state = np.concatenate([p.crossings[:n] for p, n in zip(parts, counts[:, 0], strict=True)])
    leg = np.concatenate([p.legs[:n] for p, n in zip(parts, counts[:, 1], strict=True)])
    leg[:, 0] += np.repeat(np.cumsum(counts[:, 0]) - counts[:, 0], counts[:, 1])
    due = state[:, 0] >= 0
    return Crossings(_states(state, leg, due, book, marks), _states(state, leg, ~due, book, marks))


def _states(state: I64, leg: I64, chosen: npt.NDArray[np.bool_], book: Book, marks: I64) -> States:
    """The chosen states and their positions, sorted by path, unit and episode."""
    order = np.flatnonzero(chosen)
    order = order[np.lexsort((state[order, 2], state[order, 1], state[order, 0]))]
    rank = np.full(state.shape[0], -1, np.int64)
    rank[order] = np.arange(order.size)
    leg = leg[chosen[leg[:, 0]]]
    leg = leg[np.argsort(rank[leg[:, 0]], kind="stable")]
    lengths = np.bincount(rank[leg[:, 0]], minlength=order.size)
    state, paths = state[order], marks.shape[0]
    unit = state[:, 1]
    seconds = np.repeat(state[:, 3], lengths)
    return States(
        state[:, 0].astype(np.int16), book.account[unit], book.contract[unit], book.asset[unit],
        state[:, 2].astype(np.int32), state[:, 3].astype(np.int32),
        state[:, 4 : 4 + paths].copy(), state[:, 4 + paths :].copy(),
        np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        leg[:, 1].astype(np.int16), leg[:, 2].copy(), leg[:, 3].copy(),
        marks[:, leg[:, 1], seconds].T.copy(),
    )  # fmt: skip
