"""Full-account clawback: a loss nobody covered, shared by the net profits of the period.

OKEx, 2018: losses of all contracts of a coin are merged; the insurance fund pays first; the
rest is taken from every customer whose profit over all those contracts is above zero, at one
percentage of it (support.okexcn.com 115001762991). Amounts are whole minor units.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from exchange.domain.aftermath.apportion import apportion
from exchange.domain.margin.position import Leg


class Clawback(NamedTuple):
    """``rate`` of each net profit is charged; ``uncovered`` is what even all of it leaves."""

    rate: Fraction
    fund_used: int
    charges: dict[str, int]
    uncovered: int


def net_profits(by_contract: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Profit of each customer over all contracts together, losses against gains."""
    totals: dict[str, int] = {}
    for profits in by_contract:
        for customer, profit in profits.items():
            totals[customer] = totals.get(customer, 0) + profit
    return totals


def clawback_rate(loss: Fraction, fund: Fraction, winners: Fraction) -> Fraction:
    """``max(0, loss - fund) / sum of winners' net profits``, at most the whole profit."""
    left = max(Fraction(0), loss - fund)
    if left == 0:
        return Fraction(0)
    return Fraction(1) if winners <= left else left / winners


def clawback(*, loss: int, fund: int, profits: Mapping[str, int]) -> Clawback:
    """Share a loss: the fund first, then the net winners in proportion, to the unit.

    ``loss`` and ``fund`` are not below zero; ``profits`` may be of either sign, and only
    those above zero pay. ``fund_used + sum(charges) + uncovered == loss`` always.
    """
    if loss < 0 or fund < 0:
        raise ValueError("a loss and a fund are not below zero")
    fund_used = min(loss, fund)
    left = loss - fund_used
    winners = {customer: profit for customer, profit in profits.items() if profit > 0}
    pool = sum(winners.values())
    charged = min(left, pool)
    charges = apportion(charged, list(winners.values()))
    return Clawback(
        rate=Fraction(charged, pool) if pool else Fraction(0),
        fund_used=fund_used,
        charges=dict(zip(winners, charges, strict=True)),
        uncovered=left - charged,
    )


def settlement_loss(leg: Leg, settlement: Fraction) -> Fraction:
    """Loss of a position taken over at ``leg.entry`` and never sold, at settlement; >= 0."""
    return max(Fraction(0), -leg.profit(settlement))


def system_loss(filled: Sequence[Fraction], unfilled: Sequence[Fraction]) -> Fraction:
    """Losses of filled liquidations plus those still open, valued at settlement."""
    return sum(filled, Fraction(0)) + sum(unfilled, Fraction(0))
