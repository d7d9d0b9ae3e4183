"""Accounts as the search for crossings sees them: units of margin, their positions, the marks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16, I32, I64, Fills, Holdings, TapeDisorder, terms_of
from exchange.domain.legs import total
from exchange.domain.rules import RuleRefused
from exchange.domain.survey import check_wallets, survey
from exchange.domain.value import INVERSE, ContractSpec

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


class Market(NamedTuple):
    """What the kernels call terms, marks and ends."""

    terms: I64
    marks: I64
    ends: npt.NDArray[np.float64]


class Book(NamedTuple):
    """Units and positions as the kernels' records, and whose they are."""

    units: I64
    rows: I64
    row_of: I32
    account: I32
    asset: I16
    contract: I16


def market_of(specs: Sequence[ContractSpec], paths: MarkPaths) -> Market:
    """Check the paths and prepare the extremes of every contract's value."""
    from exchange.domain.margin_units import fill_extremes
    from exchange.domain.rules.okex_2018 import factor_table

    _check_paths(specs, paths)
    kind, num, den = terms_of(specs)
    rate = (num / den)[None, :, None]
    inverse = (kind == INVERSE)[None, :, None]
    value = np.where(inverse, -rate / paths.marks, rate * paths.marks)
    seconds = paths.times.size
    ends = np.empty((len(specs), seconds.bit_length(), seconds, value.shape[0], 2))
    ends[:, 0] = value.transpose(1, 2, 0)[..., None]
    fill_extremes(ends)
    terms = np.column_stack((kind, num, den, factor_table(specs)))
    return Market(np.ascontiguousarray(terms), np.ascontiguousarray(paths.marks), ends)


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


def book_of(
    opening: Holdings,
    cash: I64,
    fills: Fills,
    moved: CashEvents,
    specs: Sequence[ContractSpec],
    asset_of: I16,
    terms: MarginTerms,
    marks: I64,
) -> Book:
    """Number the positions so that each unit's lie together, and set their opening state.

    Checks the tape and its bounds on the way (`survey`, `check_wallets`).
    """
    from exchange.domain import margin_units as layout

    for name, account in (("opening", opening.account), ("fills", fills.account)):
        if account.size and int(account.max()) >= terms.mode.size:
            raise TapeDisorder(f"{name}: account {account.max()} has no margin terms")
    _check_leverage(opening, fills, terms)
    seen, reach = survey(opening, fills, specs, 0, terms.mode.size, marks=marks)
    check_wallets(specs, reach, asset_of, _most_held(cash, moved))
    by_asset = np.argsort(asset_of, kind="stable")
    number, count = layout.count_units(seen, by_asset, asset_of, terms.mode)
    row_of = np.full(seen.shape, -1, np.int32)
    rows, units = np.zeros((number, 4), np.int64), np.zeros((count, 8), np.int64)
    owner = np.empty(count, np.int32)
    asset, contract = np.empty(count, np.int16), np.empty(count, np.int16)
    layout.fill_units(
        seen, by_asset, asset_of, terms.mode, terms.leverage, cash, row_of, rows, units, owner,
        asset, contract,
    )  # fmt: skip
    layout.open_rows(*opening[:4], row_of, rows)
    return Book(units, rows, row_of, owner, asset, contract)


def _most_held(cash: I64, moved: CashEvents) -> list[int]:
    """The most each asset's wallets can hold or lack through the movements alone."""
    start = zip(
        cash.max(axis=0, initial=0).tolist(), cash.min(axis=0, initial=0).tolist(), strict=True
    )
    amounts = (moved.amount[moved.asset == asset] for asset in range(cash.shape[1]))
    return [
        max(most, -least) + total(np.maximum(amount, 0)) - total(np.minimum(amount, 0))
        for (most, least), amount in zip(start, amounts, strict=True)
    ]


def _check_leverage(opening: Holdings, fills: Fills, terms: MarginTerms) -> None:
    from exchange.domain.rules.okex_2018 import LEVERAGES

    odd = (terms.mode != EXEMPT) & ~np.isin(terms.leverage, LEVERAGES)
    if odd.any():
        trading = np.zeros(odd.size, np.bool_)
        trading[opening.account] = True
        trading[fills.account] = True
        for at in np.flatnonzero(odd & trading).tolist():
            raise RuleRefused(f"account {at} has leverage {terms.leverage[at]}, not 10 or 20")


def moves_of(moved: CashEvents, book: Book, cells: tuple[int, ...]) -> I64:
    """Time, unit and amount of the movements that reach a cross unit; others change no health."""
    from exchange.domain import margin_units as layout

    cross = book.units[:, layout.MODE] == CROSS
    unit_at = np.full(cells, -1, np.int64)
    unit_at[book.account[cross], book.asset[cross]] = np.flatnonzero(cross)
    unit = unit_at[moved.account, moved.asset]
    moves = np.column_stack((moved.time, unit, moved.amount))
    return np.ascontiguousarray(moves[unit >= 0])
