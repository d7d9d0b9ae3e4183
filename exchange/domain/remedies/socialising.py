"""Socialise what is left: the insurance fund first, then all who won, or all who hold.

What is left is what customers owe and have not in their futures wallets, which is written off, and
what the fund lost beyond its money. The fund pays first, with what the house puts in; the rest is
clawed back from net profits at one percentage (OKEx, 31 July 2018: 2,500 BTC put in, then about
17 % of profits), or cut from balances at one rate (Bitfinex 2016, Poloniex 2019). What even that
leaves is the house's.

A profit may be gone: withdrawn, or never more than a price. Taking it all the same would make a
debtor of a winner, and what is written off here would be owed anew there. So a clawback takes
no more than is in reach, unless it is told otherwise (`Sharing.beyond`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from exchange.domain.aftermath.apportion import apportion
from exchange.domain.holdings import I64, Holdings
from exchange.domain.remedies.facts import NOBODY, Facts
from exchange.domain.remedies.outcome import Outcome, conclude
from exchange.domain.remedies.rows import (
    CHARGED,
    COVERED,
    CUT,
    FUNDING,
    FUTURES,
    GOODWILL,
    HOUSE,
    NO_CONTRACT,
    RECEIVABLE,
    REPAID,
    UNREACHED,
    WRITTEN_OFF,
    leg_rows,
    pairs,
)
from exchange.domain.valuation import by_account, equity, values

PPM = 1_000_000
CLAWBACK, HAIRCUT = "clawback", "haircut"
TAPE, SINCE_CUTOFF = "tape", "cutoff"
HOUSE_PAYS, ALL_PAY, WINNER_OWES = "house", "balances", "winner"


class Sharing(NamedTuple):
    """How what is left is shared. ``injected`` i64[asset] is what the house puts into the fund at
    most. ``period`` is what net profit is counted over: the whole tape, or since the cut-off.
    ``rate_ppm`` fixes the rate of a haircut, in millionths (0: what is needed): Bitfinex cut every
    asset at it, whichever was lost; where nothing is left to share it cuts nothing. ``beyond`` says
    who bears what a winner is charged and has not in reach: the house, all balances at one rate,
    or the winner, as a debt."""

    method: str = CLAWBACK
    period: str = TAPE
    injected: I64 | None = None
    rate_ppm: int = 0
    beyond: str = HOUSE_PAYS


def socialise(facts: Facts, sharing: Sharing) -> Outcome:
    """Write off what is owed, fill the fund up, and share the loss. Raises `NotConserved`.

    Whoever owes and has money pays first. Per asset, to the unit: ``written off + deficit = fund +
    injected + borne + rest``, where the rest (below zero where a fixed rate takes more than is
    needed) is the house's.
    """
    owed = np.where(facts.customer[:, None], np.maximum(-facts.wallets.receivable, 0), 0)
    repaid = np.minimum(owed, np.maximum(facts.wallets.futures, 0))
    owed -= repaid
    deficit, available = _fund(facts)
    loss = owed.sum(axis=0) + deficit
    covered = np.minimum(loss, available)
    injected = np.zeros_like(loss)
    if sharing.injected is not None:
        injected = np.minimum(loss - covered, sharing.injected)
    left = loss - covered - injected
    borne = _borne(facts, sharing, left, facts.wallets.futures - repaid)
    rest = left.copy()
    np.add.at(rest, borne[:, 2], borne[:, 5])
    account, asset = np.nonzero(owed)
    every = np.arange(loss.size)
    legs = [
        pairs(RECEIVABLE, FUTURES, REPAID, repaid),
        leg_rows(account, RECEIVABLE, asset, NO_CONTRACT, WRITTEN_OFF, owed[account, asset]),
        leg_rows(HOUSE, GOODWILL, every, NO_CONTRACT, COVERED, -injected - rest),
        borne,
    ]
    if facts.fund != NOBODY:
        filled = deficit - covered
        legs.append(leg_rows(facts.fund, FUTURES, every, NO_CONTRACT, COVERED, filled))
    return conclude(facts, facts.end, np.concatenate(legs))


def net_profits(facts: Facts, period: str) -> I64:
    """Realised and unrealised profit of each account over the period, i64[account, asset].

    Positions at the end are valued at the reopening prices, those at the cut-off at the marks of
    then; fees are not profit. OKEx counted "realized + unrealized" over all contracts of a coin.
    """
    profit = _profit(facts, facts.end, facts.reopening)
    if period == SINCE_CUTOFF:
        profit -= _profit(facts, facts.cut, facts.at_cut)
    return profit


def _profit(facts: Facts, holdings: Holdings, marks: I64) -> I64:
    amounts = holdings.realised + values(holdings, facts.specs, marks) - holdings.cost
    return by_account(holdings, amounts, facts.asset_of, facts.wallets.futures.shape)


def _fund(facts: Facts) -> tuple[I64, I64]:
    """(what the fund lacks, what it can pay), i64[asset] each; its positions at reopening."""
    if facts.fund == NOBODY:
        nothing = np.zeros(facts.wallets.futures.shape[1], np.int64)
        return nothing, nothing
    cash = facts.wallets.futures
    worth = equity(facts.end, cash, facts.specs, facts.asset_of, facts.reopening)[facts.fund]
    return np.maximum(-worth, 0), np.maximum(np.minimum(worth, cash[facts.fund]), 0)


def _borne(facts: Facts, sharing: Sharing, left: I64, futures: I64) -> I64:
    """Legs of what customers bear of ``left`` i64[asset], and of what a clawback leaves the house.

    ``futures`` are the futures wallets once debts are repaid.
    """
    held = tuple(
        np.where(facts.customer[:, None], np.maximum(wallet, 0), 0)
        for wallet in (futures, facts.wallets.funding)
    )
    if sharing.method == HAIRCUT:
        return _cut(held, left, CUT, sharing.rate_ppm)
    profit = np.where(facts.customer[:, None], net_profits(facts, sharing.period), 0)
    due = np.stack([
        _apportioned(amount, np.maximum(profit[:, asset], 0))
        for asset, amount in enumerate(left.tolist())
    ], axis=1)  # fmt: skip
    if sharing.beyond == WINNER_OWES:
        return _taken(due, FUTURES, CHARGED)
    # What `outcome.conclude` would fetch from the funding wallet is in reach, and no more.
    out_of_futures = np.minimum(due, held[0])
    fetched = np.minimum(due - out_of_futures, np.minimum(held[1], np.maximum(-facts.moved, 0)))
    charged = _taken(out_of_futures + fetched, FUTURES, CHARGED)
    beyond = (due - out_of_futures - fetched).sum(axis=0)
    if sharing.beyond == ALL_PAY:
        others = _cut((held[0] - out_of_futures, held[1] - fetched), beyond, UNREACHED)
    else:
        every = np.arange(beyond.size)
        others = leg_rows(HOUSE, GOODWILL, every, NO_CONTRACT, UNREACHED, -beyond)
    return np.concatenate((charged, others))


def _cut(held: Sequence[I64], left: I64, reason: int, rate_ppm: int = 0) -> I64:
    """Legs that take ``left`` i64[asset], or a fixed rate, from futures and funding wallets."""
    cut = [np.zeros_like(wallet) for wallet in held]
    for asset, amount in enumerate(left.tolist()):
        balances = np.concatenate([wallet[:, asset] for wallet in held])
        if rate_ppm and left.any():
            whole, part = np.divmod(balances, PPM)
            lost = whole * rate_ppm + part * rate_ppm // PPM
        else:
            lost = _apportioned(amount, balances)
        cut[0][:, asset], cut[1][:, asset] = np.split(lost, 2)
    return np.concatenate((_taken(cut[0], FUTURES, reason), _taken(cut[1], FUNDING, reason)))


def _apportioned(amount: int, weights: I64) -> I64:
    """At most all of the weights, split exactly among those above zero."""
    bearing = np.flatnonzero(weights)
    result = np.zeros_like(weights)
    pool = weights[bearing].tolist()
    result[bearing] = apportion(min(amount, sum(pool)), pool)
    return result


def _taken(amounts: I64, wallet: int, reason: int) -> I64:
    account, asset = np.nonzero(amounts)
    return leg_rows(account, wallet, asset, NO_CONTRACT, reason, -amounts[account, asset])
