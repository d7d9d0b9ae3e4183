"""Remedies that leave trades and positions as they are and pay those who were wrongly liquidated.

Paid are customers with a forced close that a fair price would not have caused, unless flagged.
Amounts are never below zero: nobody is charged by these remedies. The house pays, or the insurance
fund as far as it reaches and the house the rest.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I64, Holdings
from exchange.domain.remedies.facts import NOBODY, Closes, Facts, picked, start_of, wrong
from exchange.domain.remedies.held import held_since_cut
from exchange.domain.remedies.outcome import Outcome, conclude
from exchange.domain.remedies.rows import (
    COVERED,
    FUTURES,
    GOODWILL,
    HOUSE,
    NO_CONTRACT,
    PAID,
    leg_rows,
)
from exchange.domain.valuation import each_value, equity

BY_CUTOFF, BY_CLOSE = "cutoff", "close"
FUND_FIRST, HOUSE_ONLY = "fund", "house"


class Reference(NamedTuple):
    """``price`` i64[close] in ticks is what each close is measured against; a close without one
    (0) is not paid. ``opened_before``: only contracts held at the cut-off and ever since count.
    ``fees``: what the close was charged is returned too."""

    price: I64
    opened_before: bool = True
    fees: bool = True


def restore(facts: Facts, measure: str = BY_CUTOFF, payer: str = HOUSE_ONLY) -> Outcome:
    """Bring the equity of the wrongly liquidated back to what it was before the incident.

    By ``cutoff``: equity at the cut-off (positions at the mark of then) with what was moved in or
    out since, less equity now (positions at the reopening price). Deribit did so after 31 October
    2019, from company reserves. By ``close``: the equity at the fair reference that the closes
    took. Raises `NotConserved`.
    """
    closes = facts.closes
    entitled = _entitled(facts, closes)
    amounts = np.zeros(facts.wallets.futures.shape, np.int64)
    at = (closes.account[entitled], facts.asset_of[closes.contract[entitled]])
    if measure == BY_CLOSE:
        np.add.at(amounts, at, closes.loss[entitled])
    else:
        missing = _equity_at_cut(facts) + facts.moved - _equity_now(facts)
        amounts[at] = np.maximum(missing, 0)[at]
    return _paid(facts, entitled, amounts, payer)


def pay_reference(facts: Facts, reference: Reference, payer: str = HOUSE_ONLY) -> Outcome:
    """Pay what each wrong close cost against a reference price, and the fees of the close.

    ``q * (v(reference) - v(price))``, each value rounded half to even: BitMEX paid the loss between
    1,183.00 and the liquidation price in 2017; OKX the mark before the fault less the liquidation
    price plus the fees in 2023, OKB in 2024; Binance the price at 2025-10-11 00:00 UTC.
    Raises `NotConserved`, `TapeTooLarge`.
    """
    closes = facts.closes
    entitled = _entitled(facts, closes) & (reference.price > 0)
    whole = np.abs(closes.quantity)
    size = np.minimum(whole, held_since_cut(facts)) if reference.opened_before else whole
    size = np.where(entitled, size, 0)
    quantity = np.sign(closes.quantity) * size
    lost = each_value(facts.specs, closes.contract, quantity, reference.price)
    lost -= each_value(facts.specs, closes.contract, quantity, closes.price)
    due = np.maximum(lost, 0)
    if reference.fees:
        due += _share(np.maximum(closes.fee, 0), size, np.maximum(whole, 1))
    amounts = np.zeros(facts.wallets.futures.shape, np.int64)
    at = (closes.account[entitled], facts.asset_of[closes.contract[entitled]])
    np.add.at(amounts, at, due[entitled])
    return _paid(facts, entitled, amounts, payer)


def funded(facts: Facts, amounts: I64, payer: str) -> I64:
    """Legs that pay i64[account, asset] from the house, or from the fund as far as it reaches."""
    account, asset = np.nonzero(amounts)
    owed = amounts.sum(axis=0)
    covered = np.zeros_like(owed)
    if payer == FUND_FIRST and facts.fund != NOBODY:
        covered = np.minimum(owed, np.maximum(facts.wallets.futures[facts.fund], 0))
    assets = np.arange(owed.size)
    return np.concatenate((
        leg_rows(account, FUTURES, asset, NO_CONTRACT, PAID, amounts[account, asset]),
        leg_rows(facts.fund, FUTURES, assets, NO_CONTRACT, COVERED, -covered),
        leg_rows(HOUSE, GOODWILL, assets, NO_CONTRACT, PAID, covered - owed),
    ))  # fmt: skip


def _entitled(facts: Facts, closes: Closes) -> npt.NDArray[np.bool_]:
    return wrong(closes) & facts.customer[closes.account] & ~facts.flagged[closes.account]


def _paid(facts: Facts, entitled: npt.NDArray[np.bool_], amounts: I64, payer: str) -> Outcome:
    """The outcome that pays the amounts; the closes paid for are put right."""
    made = conclude(facts, facts.end, funded(facts, amounts, payer))
    return made._replace(closes=picked(facts.closes, ~entitled))


def _share(amount: I64, part: I64, whole: I64) -> I64:
    """``amount * part / whole`` rounded down, each in exact integers."""
    rows = zip(amount.tolist(), part.tolist(), whole.tolist(), strict=True)
    return np.array([a * p // w for a, p, w in rows], np.int64)


def _equity_at_cut(facts: Facts) -> I64:
    """Equity i64[account, asset] at the cut-off, at the marks of then."""
    start = start_of(facts)
    cash = start.wallets.futures - start.moved
    for holdings, sign in ((start.end, -1), (facts.cut, 1)):
        _add(cash, holdings, facts, sign)
    return equity(facts.cut, cash, facts.specs, facts.asset_of, facts.at_cut)


def _add(cash: I64, holdings: Holdings, facts: Facts, sign: int) -> None:
    at = (holdings.account, facts.asset_of[holdings.contract])
    np.add.at(cash, at, sign * (holdings.realised - holdings.fees))


def _equity_now(facts: Facts) -> I64:
    """Equity i64[account, asset] at the end of the tape, at the reopening prices; what remedies
    before this one lent (a receivable) is not the customer's."""
    cash = facts.wallets.futures + facts.wallets.receivable - start_of(facts).wallets.receivable
    return equity(facts.end, cash, facts.specs, facts.asset_of, facts.reopening)
