"""The frozen facts of an incident: all that any remedy is computed from.

Every remedy is a pure function of one `Facts` and its own parameters, so that remedies can be set
side by side and the one chosen can be computed again anywhere. Accounts, contracts and assets are
numbered as the tape does; amounts are minor units, prices ticks, times microseconds UTC.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16, I32, I64, TAKEOVER, Fills, Holdings, reason_of
from exchange.domain.margin_book import MarginTerms
from exchange.domain.value import ContractSpec
from exchange.domain.verdicts import DUE_PRINTED_ONLY, NOT_DUE

NOBODY = -1


Table = TypeVar("Table", bound=tuple[Any, ...])


class FactsRefused(ValueError):
    """The facts do not allow this remedy; the message says what is missing."""


class Wallets(NamedTuple):
    """Balances i64[account, asset]; a receivable is <= 0 (owed to the house)."""

    futures: I64
    funding: I64
    receivable: I64


class Closes(NamedTuple):
    """Forced closes as recorded, one row each, with their verdict.

    ``quantity`` is the signed position taken over at ``price``; ``fill`` is the row of the
    customer's take-over among the fills (-1 when the tape has none); ``fee`` is what that row was
    charged; ``loss`` is the equity at the fair reference that the close took (`receipts.losses`).
    """

    time: I64
    account: I32
    contract: I16
    quantity: I64
    price: I64
    verdict: npt.NDArray[np.uint8]
    loss: I64
    fill: I64
    fee: I64


class Start(NamedTuple):
    """Where the first remedy of several began; ``moved`` as in `Facts`."""

    end: Holdings
    wallets: Wallets
    moved: I64


class Facts(NamedTuple):
    """What remedies are computed from.

    ``cut`` and ``end`` are the holdings at the cut-off and at the end of the tape, on the same
    rows, which include one of the house and of the fund in every contract. ``wallets`` are the
    balances now; ``moved`` i64[account, asset] the net of all transfers of the futures wallet
    after the cut-off (below zero: money left it); ``withdrawn`` what left the venue since then,
    net of deposits, at least 0. ``times`` i64[T] and ``fair`` i64[contract, T] are the fair
    reference; ``at_cut``, ``at_end`` (marks) and ``reopening`` are i64[contract]. ``customer``
    bool[account] says whose wallets may not fall below zero; ``flagged`` whose trading is under
    suspicion. ``house`` and ``fund`` are accounts (-1 where the tape has none). ``start`` is set
    for a remedy that follows another one (`outcome.following`).
    """

    specs: Sequence[ContractSpec]
    asset_of: I16
    terms: MarginTerms
    fills: Fills
    cutoff_us: int
    cut: Holdings
    end: Holdings
    wallets: Wallets
    moved: I64
    withdrawn: I64
    customer: npt.NDArray[np.bool_]
    flagged: npt.NDArray[np.bool_]
    house: int
    fund: int
    closes: Closes
    times: I64
    fair: I64
    at_cut: I64
    at_end: I64
    reopening: I64
    whole_market: bool = True
    start: Start | None = None


def start_of(facts: Facts) -> Start:
    """Holdings and wallets at the end of the tape as they were before any remedy."""
    if facts.start is not None:
        return facts.start
    return Start(facts.end, facts.wallets, facts.moved)


def after_cut(facts: Facts) -> tuple[int, Fills]:
    """The fills after the cut-off, and how many rows of the tape lie before them."""
    first = int(np.searchsorted(facts.fills.time, facts.cutoff_us, side="right"))
    return first, picked(facts.fills, slice(first, None))


def picked(table: Table, rows: Any) -> Table:
    """The chosen rows (a slice, a mask or numbers) of a table of columns."""
    return type(table)(*(column[rows] for column in table))


def wrong(closes: Closes) -> npt.NDArray[np.bool_]:
    """Which closes a fair price would not have caused: due only at the printed price, or not."""
    return np.isin(closes.verdict, (DUE_PRINTED_ONLY, NOT_DUE))


def counterparty(facts: Facts) -> int:
    """Who takes the other side of what the house takes on: the house, or else the fund."""
    chosen = facts.house if facts.house != NOBODY else facts.fund
    if chosen == NOBODY:
        raise FactsRefused("the tape has neither a house nor an insurance account to trade with")
    return chosen


def takeover_rows(time: I64, account: I32, contract: I16, fills: Fills) -> I64:
    """The fill by which each recorded close was taken over; -1 where the tape has none.

    Closes of one account, contract and instant are matched in the order they are recorded.
    """
    rows = np.flatnonzero(reason_of(fills.flags) == TAKEOVER)
    wanted = _in_order(time, account, contract)
    there = _in_order(fills.time[rows], fills.account[rows], fills.contract[rows])
    keys, numbers = np.unique(np.concatenate((wanted, there)), axis=0, return_inverse=True)
    row_of = np.full(keys.shape[0], NOBODY, np.int64)
    row_of[numbers.reshape(-1)[len(wanted) :]] = rows
    return row_of[numbers.reshape(-1)[: len(wanted)]]


def _in_order(time: I64, account: I32, contract: I16) -> I64:
    """(time, account, contract, how many of the same came before) of each row, i64[n, 4]."""
    key = np.stack((time, account.astype(np.int64), contract.astype(np.int64)), axis=1)
    if not key.size:
        return np.zeros((0, 4), np.int64)
    _, group, counts = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    group = group.reshape(-1)
    order = np.argsort(group, kind="stable")
    place = np.empty(len(group), np.int64)
    place[order] = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.column_stack((key, place))


def with_rows(holdings: Holdings, accounts: Sequence[int], contracts: int) -> Holdings:
    """The same holdings with a row (of nothing, if need be) for each account in every contract."""
    wanted = [account for account in dict.fromkeys(accounts) if account != NOBODY]
    key = holdings.account.astype(np.int64) * contracts + holdings.contract
    extra = np.array(
        [account * contracts + contract for account in wanted for contract in range(contracts)],
        np.int64,
    )
    extra = extra[~np.isin(extra, key)]
    order = np.argsort(np.concatenate((key, extra)), kind="stable")
    nothing = np.zeros(extra.size, np.int64)
    return Holdings(
        np.concatenate((holdings.account, extra // max(1, contracts)))[order].astype(np.int32),
        np.concatenate((holdings.contract, extra % max(1, contracts)))[order].astype(np.int16),
        *(np.concatenate((column, nothing))[order] for column in holdings[2:]),
    )
