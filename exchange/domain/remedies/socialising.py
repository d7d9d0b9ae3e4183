"""Socialise what is left: the insurance fund first, then all who won, or all who hold.

What is left is what customers owe and have not in their futures wallets, which is written off, and
what the fund lost beyond its money. The fund pays first, with what the house puts in; the rest is
clawed back from net profits at one percentage (OKEx, 31 July 2018: 2,500 BTC put in, then about
17 % of profits), or cut from balances at one rate (Bitfinex 2016, Poloniex 2019). What even that
leaves is the house's.
"""

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
    WRITTEN_OFF,
    leg_rows,
    pairs,
)
from exchange.domain.valuation import by_account, equity, values

PPM = 1_000_000
CLAWBACK, HAIRCUT = "clawback", "haircut"
TAPE, SINCE_CUTOFF = "tape", "cutoff"


class Sharing(NamedTuple):
    """How what is left is shared. ``injected`` i64[asset] is what the house puts into the fund at
    most. ``period`` is what net profit is counted over: the whole tape, or since the cut-off.
    ``rate_ppm`` fixes the rate of a haircut, in millionths (0: what is needed): Bitfinex cut every
    asset at it, whichever was lost; where nothing is left to share it cuts nothing."""

    method: str = CLAWBACK
    period: str = TAPE
    injected: I64 | None = None
    rate_ppm: int = 0


def socialise(facts: Facts, sharing: Sharing) -> Outcome:
    """Write off what is owed, fill the fund up, and share the loss. Raises `NotConserved`.

    Whoever owes and has money pays first. Per asset, to the unit: ``written off + deficit = fund +
    injected + shared + rest``, where the rest (below zero where a fixed rate takes more than is
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
    shared, funding, reason = _shares(facts, sharing, left, facts.wallets.futures - repaid)
    rest = left - shared.sum(axis=0) - funding.sum(axis=0)
    account, asset = np.nonzero(owed)
    every = np.arange(loss.size)
    legs = [
        pairs(RECEIVABLE, FUTURES, REPAID, repaid),
        leg_rows(account, RECEIVABLE, asset, NO_CONTRACT, WRITTEN_OFF, owed[account, asset]),
        leg_rows(HOUSE, GOODWILL, every, NO_CONTRACT, COVERED, -injected - rest),
        _taken(shared, FUTURES, reason),
        _taken(funding, FUNDING, reason),
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


def _shares(facts: Facts, sharing: Sharing, left: I64, futures: I64) -> tuple[I64, I64, int]:
    """What futures and funding wallets bear, i64[account, asset] each, and the legs' reason.

    ``futures`` are the futures wallets once debts are repaid.
    """
    shape = facts.wallets.futures.shape
    shared, funding = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    if sharing.method == CLAWBACK:
        profit = np.where(facts.customer[:, None], net_profits(facts, sharing.period), 0)
        for asset, amount in enumerate(left.tolist()):
            shared[:, asset] = _apportioned(amount, np.maximum(profit[:, asset], 0))
        return shared, funding, CHARGED
    held = [
        np.where(facts.customer[:, None], np.maximum(wallet, 0), 0)
        for wallet in (futures, facts.wallets.funding)
    ]
    for asset, amount in enumerate(left.tolist()):
        balances = np.concatenate([wallet[:, asset] for wallet in held])
        if sharing.rate_ppm and left.any():
            whole, part = np.divmod(balances, PPM)
            lost = whole * sharing.rate_ppm + part * sharing.rate_ppm // PPM
        else:
            lost = _apportioned(amount, balances)
        shared[:, asset], funding[:, asset] = np.split(lost, 2)
    return shared, funding, CUT


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
