"""Auto-deleveraging: who is closed against a bankrupt position, and how much of them.

Score = profit % x effective leverage for winners, profit % / effective leverage for losers;
effective leverage = |mark value| / (mark value - bankrupt value); profit % = (mark value -
entry value) / |entry value| (help.deepcoin.pro 360051024371; BitMEX's and Bybit's rule).
Values are signed as a contract's are: below zero for an inverse long and a linear short.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from exchange.domain.margin.position import INVERSE, Leg


def signed_value(leg: Leg, price: Fraction) -> Fraction:
    """Value of a position as the contract's value function gives it, rising in the price."""
    value = leg.side * leg.value(price)
    return -value if leg.contract == INVERSE else value


def effective_leverage(leg: Leg, mark: Fraction, bankruptcy: Fraction) -> Fraction:
    """``|mark value| / (mark value - bankrupt value)``; above zero while the margin lasts.

    Raises `ZeroDivisionError` at the bankruptcy price itself.
    """
    at_mark = signed_value(leg, mark)
    return abs(at_mark) / (at_mark - signed_value(leg, bankruptcy))


def profit_share(leg: Leg, mark: Fraction) -> Fraction:
    """Unrealised profit as a share of the entry value."""
    return leg.profit(mark) / leg.entry_value


def score(profit: Fraction, leverage: Fraction) -> Fraction:
    """Rank of a position: higher goes first. ``leverage`` must be above zero."""
    if leverage <= 0:
        raise ValueError("effective leverage must be above zero")
    return profit * leverage if profit > 0 else profit / leverage


def ranks(scores: Sequence[Fraction]) -> list[int]:
    """Place of each score in the queue, 1 first; equal scores keep their order."""
    queue = sorted(range(len(scores)), key=lambda row: (-scores[row], row))
    places = [0] * len(scores)
    for place, row in enumerate(queue, start=1):
        places[row] = place
    return places


class Deleveraging(NamedTuple):
    """Contracts closed per holder, in the order given, and what nobody was left to close."""

    closed: tuple[int, ...]
    unfilled: int


def deleverage(quantity: int, holders: Sequence[int], scores: Sequence[Fraction]) -> Deleveraging:
    """Close ``quantity`` contracts against the opposite side, highest score first.

    ``holders`` are their contracts (> 0). All are closed at the bankruptcy price of the
    liquidated position. Nobody is closed for more than they hold.
    """
    if quantity < 0 or any(held < 0 for held in holders):
        raise ValueError("quantities must not be below zero")
    closed = [0] * len(holders)
    for row in sorted(range(len(holders)), key=lambda r: (-scores[r], r)):
        if quantity == 0:
            break
        closed[row] = min(quantity, holders[row])
        quantity -= closed[row]
    return Deleveraging(tuple(closed), quantity)
