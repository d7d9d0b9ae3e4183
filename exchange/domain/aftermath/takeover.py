"""Take-over at the bankruptcy price, and what the insurance fund gains or loses by it.

The customer's position passes to the fund at the price where nothing is left of the margin;
the fund then trades out of it. Its gain is the profit of that position from the bankruptcy
price to the fill, in the settlement asset: for inverse contracts in coins, not in price points.
"""

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from exchange.domain.margin.health import Account, bankruptcy_price
from exchange.domain.margin.position import LONG, Leg
from exchange.domain.rounding import ceiling, floor


def takeover_price(account: Account, tick: Decimal) -> Decimal | None:
    """The bankruptcy price at the tick, in the customer's favour: long up, short down.

    So rounded, the customer never ends below zero; the fund bears at most one tick. None when
    no price takes all the collateral.
    """
    price = bankruptcy_price(account)
    if price is None:
        return None
    side = account.holdings[0].leg.side
    return ceiling(price, tick) if side == LONG else floor(price, tick)


def fund_delta(
    contract: str, side: int, size: Fraction, bankruptcy: Fraction, fill: Fraction
) -> Fraction:
    """What the fund gains (or, below zero, pays) when a taken-over position fills at a price.

    ``side`` is the liquidated customer's. Inverse long: ``size * (1/B - 1/fill)``.
    """
    return Leg(contract, side, size, bankruptcy).profit(fill)


class FundRun(NamedTuple):
    """The fund after each liquidation, what it came to, and what it could not cover."""

    balances: tuple[Fraction, ...]
    balance: Fraction
    uncovered: Fraction


def run_fund(balance: Fraction, deltas: Iterable[Fraction]) -> FundRun:
    """Apply gains and losses in order; the fund never falls below zero, the rest is uncovered."""
    if balance < 0:
        raise ValueError("a fund cannot start below zero")
    balances: list[Fraction] = []
    uncovered = Fraction(0)
    for delta in deltas:
        balance += delta
        if balance < 0:
            uncovered, balance = uncovered - balance, Fraction(0)
        balances.append(balance)
    return FundRun(tuple(balances), balance, uncovered)
