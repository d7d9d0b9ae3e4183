"""One remedy's outcome as numbers that can be set beside another's.

Who gains and who loses is counted by *worth*: cash in every wallet, what is owed to the house
taken off, and positions at the reopening prices. Every customer is in exactly one cohort, the first
that fits; amounts are exact integers in minor units per asset.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I64, reason_of
from exchange.domain.legs import total
from exchange.domain.remedies.facts import NOBODY, Facts, after_cut
from exchange.domain.remedies.outcome import (
    FEES,
    GOODWILL,
    Outcome,
    by_asset,
    closed_again,
)
from exchange.domain.remedies.replays import references
from exchange.domain.remedies.rows import UNREACHED
from exchange.domain.valuation import equity

COHORTS = ("flagged", "liquidated", "bought_low", "hedgers", "traded", "untouched")
EXTREMES = 10
TRADE = 0
Mask = npt.NDArray[np.bool_]
Groups = npt.NDArray[np.uint8]


class Worth(NamedTuple):
    """Per account and asset, i64: worth before, and what the remedy adds to it."""

    before: I64
    delta: I64


def cohorts(facts: Facts, hedgers: Mask, outside: Mask) -> Groups:
    """Number in `COHORTS` of the first that fits each customer; house accounts have the number
    past the last.

    flagged; liquidated: closed by force, rightly or not; bought_low: took the good side of a trade
    outside the band (``outside`` bool[fill after the cut-off]); hedgers bool[account] as the venue
    tagged them; traded: any other fill after the cut-off; untouched: the rest.
    """
    _, fills = after_cut(facts)
    accounts = len(facts.customer)
    good = np.where(
        fills.price < references(facts, fills, "fair"), fills.quantity > 0, fills.quantity < 0
    )
    winners = outside & good & (reason_of(fills.flags) == TRADE)
    of = np.full(accounts, COHORTS.index("untouched"), np.uint8)
    for name, members in (
        ("traded", _members(fills.account, accounts)),
        ("hedgers", hedgers),
        ("bought_low", _members(fills.account[winners], accounts)),
        ("liquidated", _members(facts.closes.account, accounts)),
        ("flagged", facts.flagged),
    ):
        of[members] = COHORTS.index(name)
    of[~facts.customer] = len(COHORTS)
    return of


def worth(facts: Facts, outcome: Outcome) -> Worth:
    """What each account is worth before, and what the remedy adds."""
    before = facts.wallets.funding + facts.wallets.receivable + equity(
        facts.end, facts.wallets.futures, facts.specs, facts.asset_of, facts.reopening
    )  # fmt: skip
    after = outcome.after.funding + outcome.after.receivable + equity(
        outcome.target, outcome.after.futures, facts.specs, facts.asset_of, facts.reopening
    )  # fmt: skip
    return Worth(before, after - before)


def summarise(
    facts: Facts, outcome: Outcome, groups: Groups, assets: tuple[str, ...], codes: tuple[str, ...]
) -> dict[str, Any]:
    """All a comparison shows of an outcome: counts as integers, amounts as strings of minor units.

    ``assets`` and ``codes`` are the names of assets and accounts. Only assets that anything is
    held or moved in are listed.
    """
    valued, again = worth(facts, outcome), closed_again(facts, outcome)
    legs, positions = outcome.legs, outcome.positions
    touched = np.unique(np.concatenate((outcome.effects.account, positions.account)))
    return {
        "accounts": int(facts.customer[touched].sum()),
        "cash_legs": len(legs.amount),
        "position_legs": len(positions.quantity),
        "contracts_moved": str(total(np.abs(positions.quantity))),
        "reliquidated": int((again.any(axis=1) & facts.customer).sum()),
        "negative_customers": int(_negative(facts, outcome).any(axis=1).sum()),
        "by_asset": {
            code: _of_asset(facts, outcome, groups, valued, again, asset, codes)
            for asset, code in enumerate(assets)
            if (valued.before[:, asset] != 0).any() or (legs.asset == asset).any()
        },
        "sum_by_asset": {
            code: str(by_asset(outcome, asset))
            for asset, code in enumerate(assets)
            if (legs.asset == asset).any()
        },
        "positions_sum_by_contract": {
            spec.symbol: str(total(positions.quantity[positions.contract == number]))
            for number, spec in enumerate(facts.specs)
            if (positions.contract == number).any()
        },
    }


def _members(account: npt.NDArray[np.int32], accounts: int) -> Mask:
    there = np.zeros(accounts, np.bool_)
    there[account] = True
    return there


def _negative(facts: Facts, outcome: Outcome) -> Mask:
    """bool[account, asset]: customers who owe, or whose positions are worth less than nothing."""
    left = outcome.after.receivable + equity(
        outcome.target, outcome.after.futures, facts.specs, facts.asset_of, facts.reopening
    )
    owing = (outcome.after.receivable < 0) | (left < 0)
    return owing & facts.customer[:, None]


def _of_asset(
    facts: Facts,
    outcome: Outcome,
    groups: Groups,
    valued: Worth,
    again: Mask,
    asset: int,
    codes: tuple[str, ...],
) -> dict[str, Any]:
    delta = valued.delta[:, asset]
    customers = np.where(facts.customer, delta, 0)
    negative = _negative(facts, outcome)[:, asset]
    return {
        **_sides(customers),
        "cohorts": {
            name: {
                "accounts": int((groups == number).sum()),
                **_sides(np.where(groups == number, delta, 0)),
                "reliquidated": int(again[groups == number, asset].sum()),
            }
            for number, name in enumerate(COHORTS)
        },
        "distribution": _distribution(customers),
        "extremes": {
            "gain": _extremes(customers, codes, -1),
            "lose": _extremes(customers, codes, 1),
        },
        **_payers(facts, outcome, valued, asset),
        "negative_customers": int(negative.sum()),
        "reliquidated": int((again[:, asset] & facts.customer).sum()),
        "leak": _leak(facts, outcome, asset, codes),
    }


def _sides(delta: I64) -> dict[str, Any]:
    """Gainers and losers of some accounts: how many, how much, and how much the median has."""
    gain, lose = delta[delta > 0], delta[delta < 0]
    return {
        "gainers": len(gain),
        "gained": str(total(gain)),
        "losers": len(lose),
        "lost": str(total(lose)),
        "median_gain": str(int(np.sort(gain)[gain.size // 2]) if gain.size else 0),
        "median_loss": str(int(np.sort(lose)[lose.size // 2]) if lose.size else 0),
    }


def _distribution(delta: I64) -> list[dict[str, Any]]:
    """Accounts by the power of ten their change reaches, losses first: ``from`` is the smallest
    size in minor units of a bar, ``sign`` whether it was gained or lost."""
    bars = []
    for sign in (-1, 1):
        size = np.sort(np.maximum(sign * delta, 0))
        size = size[size > 0]
        edges = 10 ** np.arange(19, dtype=np.int64)
        at = np.append(np.searchsorted(size, edges), size.size)
        for power in range(edges.size):
            members = size[at[power] : at[power + 1]]
            if members.size:
                bars.append(
                    {
                        "sign": sign,
                        "from": str(edges[power]),
                        "accounts": len(members),
                        "total": str(sign * total(members)),
                    }
                )
    return sorted(bars, key=lambda bar: bar["sign"] * int(bar["from"]))


def _extremes(delta: I64, codes: tuple[str, ...], sign: int) -> list[dict[str, str]]:
    """The ten that gain (sign -1) or lose (1) the most; equal ones in order of account."""
    rows = np.argsort(sign * delta, kind="stable")[:EXTREMES]
    return [
        {"account": codes[row], "amount": str(delta[row])}
        for row in rows.tolist()
        if sign * delta[row] < 0
    ]


def _payers(facts: Facts, outcome: Outcome, valued: Worth, asset: int) -> dict[str, str]:
    """What it costs the house (expense, and what its accounts are worth less), the fees it gives
    back, and where the insurance fund stands, in money and with its positions."""
    legs, fund = outcome.legs, facts.fund
    own = ~facts.customer
    if fund != NOBODY:
        own[fund] = False
    fees = (legs.asset == asset) & (legs.account < 0) & (legs.reason == FEES)
    expense = -by_asset(outcome, asset, wallet=GOODWILL)
    worth_of_fund = (
        [0, 0]
        if fund == NOBODY
        else [
            int(valued.before[fund, asset]),
            int(valued.before[fund, asset] + valued.delta[fund, asset]),
        ]
    )
    money = [
        0 if fund == NOBODY else int(wallets.futures[fund, asset])
        for wallets in (facts.wallets, outcome.after)
    ]
    return {
        "house_cost": str(expense - total(valued.delta[own, asset])),
        "fees_returned": str(-total(legs.amount[fees])),
        "fund_before": str(money[0]),
        "fund_after": str(money[1]),
        "fund_worth_before": str(worth_of_fund[0]),
        "fund_worth_after": str(worth_of_fund[1]),
    }


def _leak(facts: Facts, outcome: Outcome, asset: int, codes: tuple[str, ...]) -> dict[str, Any]:
    """Where the money went that the remedy takes back: how much of it has left the futures
    wallets since the cut-off, what of that is still in funding wallets and what left the venue,
    what is recovered, what stays owed, what a clawback did not reach and others bear, and the ten
    accounts that most of it left from."""
    effects = outcome.effects
    rows = (effects.asset == asset) & facts.customer[effects.account]
    account = effects.account[rows]
    change = (effects.reversed_pnl + effects.reversed_fees + effects.paid)[rows]
    taken = np.maximum(-change, 0)
    moved = np.minimum(taken, effects.moved_out[rows])
    reachable = np.minimum(moved, np.maximum(effects.funding_before[rows], 0))
    return {
        "taken_back": str(total(taken)),
        "moved_out": str(total(moved)),
        "recoverable": str(total(reachable)),
        "withdrawn": str(total(np.minimum(moved - reachable, facts.withdrawn[account, asset]))),
        "recovered": str(-total(np.minimum(effects.funding_delta[rows], 0))),
        "owed": str(-total(np.minimum(effects.receivable_delta[rows], 0))),
        "unreached": str(-by_asset(outcome, asset, reason=UNREACHED)),
        "largest": [
            {
                "account": codes[account[row]],
                "moved_out": str(moved[row]),
                "recoverable": str(reachable[row]),
            }
            for row in np.argsort(-moved, kind="stable")[:EXTREMES].tolist()
            if moved[row] > 0
        ],
    }
