"""Haircuts: one rate off every balance, what each customer lost, and giving some of it back.

Bitfinex, August 2016: every asset of every account times (1 - 0.36067). Poloniex, June 2019:
the principal of active loans times (1 - 0.16202), then a tenth of each loss returned. Amounts
are whole minor units; balances are rounded in the customer's favour, to at most one unit.
"""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple


class Haircut(NamedTuple):
    """Balances after the cut and what each customer lost; the two add up to the balance."""

    left: dict[str, int]
    lost: dict[str, int]

    @property
    def total_lost(self) -> int:
        return sum(self.lost.values())


def haircut_rate(loss: int, balances: Mapping[str, int]) -> Fraction:
    """The rate at which all balances together bear a loss; at most 1."""
    pool = sum(balance for balance in balances.values() if balance > 0)
    if loss < 0:
        raise ValueError("a loss is not below zero")
    if pool == 0:
        if loss:
            raise ValueError("no balance can bear the loss")
        return Fraction(0)
    return min(Fraction(1), Fraction(loss, pool))


def haircut(balances: Mapping[str, int], rate: Decimal | Fraction) -> Haircut:
    """Take ``rate`` (0 to 1) off every balance above zero; the loss is rounded down."""
    exact = Fraction(rate)
    if not 0 <= exact <= 1:
        raise ValueError("a haircut rate lies between 0 and 1")
    lost = {owner: int(max(0, balance) * exact) for owner, balance in balances.items()}
    return Haircut({owner: balances[owner] - lost[owner] for owner in balances}, lost)


def give_back(lost: Mapping[str, int], share: Decimal | Fraction) -> dict[str, int]:
    """Return a share of each loss, rounded down."""
    return {owner: int(amount * Fraction(share)) for owner, amount in lost.items()}
