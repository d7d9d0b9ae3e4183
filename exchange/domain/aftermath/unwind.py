"""Unwinding: a position nobody took is closed against all opposite holders in proportion.

The last step of Kraken's equity protection (liquidation, assignment, unwind). Assignment
offers the rest to liquidity providers up to what each accepts; the unwind then splits what
remains over the other side by size, in whole contracts that sum exactly.
"""

from collections.abc import Sequence
from typing import NamedTuple

from exchange.domain.aftermath.apportion import apportion


class Unwinding(NamedTuple):
    """Contracts taken by providers, contracts closed per opposite holder, and the rest."""

    assigned: tuple[int, ...]
    closed: tuple[int, ...]
    unfilled: int


def assign(quantity: int, limits: Sequence[int]) -> list[int]:
    """Contracts for each provider in proportion to their limits, none above its own."""
    return apportion(min(quantity, sum(limits)), limits)


def unwind(quantity: int, limits: Sequence[int], opposite: Sequence[int]) -> Unwinding:
    """Assign what providers accept, then close the rest against the opposite side."""
    if quantity < 0:
        raise ValueError("a quantity must not be below zero")
    assigned = assign(quantity, limits)
    rest = quantity - sum(assigned)
    closing = min(rest, sum(opposite))
    closed = apportion(closing, opposite)
    return Unwinding(tuple(assigned), tuple(closed), rest - closing)
