"""Partial liquidation: shrinking a position to a lower tier before it is closed outright.

A lower tier asks for less maintenance, so closing a part at the mark (which moves equity only
by the fee) can leave the rest healthy. Venues differ in how many tiers they step at once and
from which tier on they bother (`POLICIES`); Hyperliquid closes a fifth of a large position
instead (`share_to_close`).
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from exchange.domain.margin.tiers import Tier, maintenance, tier_number

STEPS_MAX = 100


class StepPolicy(NamedTuple):
    """How a venue steps down. ``from_tier`` counts from 1: below it the whole position goes."""

    tiers_per_step: int
    from_tier: int
    source: str


POLICIES: dict[str, StepPolicy] = {
    "okx": StepPolicy(2, 3, "https://e-com-net.com/article/1717510151482716160.htm"),
    "bitmex": StepPolicy(1, 2, "https://testnet.bitmex.com/app/liquidationExamples"),
    "huobi-2018": StepPolicy(1, 2, "https://www.huobi.com/support/ru-ru/detail/360000143042"),
    "binance-usdm": StepPolicy(
        1, 2, "https://binance.zendesk.com/hc/en-us/articles/360033525271-Liquidation"
    ),
}


class Reduction(NamedTuple):
    """One forced close: contracts closed and left, and the tier (from 1) they leave it in."""

    closed: int
    left: int
    tier: int


class StepDown(NamedTuple):
    """All reductions of a liquidation; ``left`` is 0 when the position had to go whole."""

    reductions: tuple[Reduction, ...]
    left: int
    equity: Fraction

    @property
    def full(self) -> bool:
        return self.left == 0


def step_down(
    *,
    contracts: int,
    unit_value: Fraction,
    equity: Fraction,
    tiers: Sequence[Tier],
    policy: StepPolicy,
    fee: Fraction = Fraction(0),
    lot: int = 1,
) -> StepDown:
    """Reduce a position until equity exceeds its maintenance, or close it whole.

    ``unit_value`` is one contract's value at the mark; parts are closed there and cost ``fee``
    of their value. A position that is healthy already is left alone. Every step reaches the
    upper bound of a lower tier, so there are at most as many steps as tiers.
    """
    if contracts <= 0 or unit_value <= 0 or lot <= 0:
        raise ValueError("a step-down needs a position, its value and a lot above zero")
    reductions: list[Reduction] = []
    left = contracts
    for _ in range(STEPS_MAX):
        value = left * unit_value
        if equity > maintenance(tiers, value):
            break
        here = tier_number(tiers, value)
        target = max(0, here - policy.tiers_per_step)
        keep = 0
        if here + 1 >= policy.from_tier and target < here:
            keep = int(tiers[target + 1].floor / unit_value) // lot * lot
        closed = left - keep
        equity -= fee * closed * unit_value
        left = keep
        reductions.append(Reduction(closed, left, tier_number(tiers, left * unit_value) + 1))
        if left == 0:
            break
    return StepDown(tuple(reductions), left, equity)


class SelfTrade(NamedTuple):
    """Contracts of both legs closed against each other, and what is left of each."""

    closed: int
    long: int
    short: int


def self_trade(long: int, short: int) -> SelfTrade:
    """Close the legs of one contract against each other, before anything goes to the book.

    Huobi's order on a trigger: cancel orders, trade long against short, reduce to the tier's
    upper limit, else close all (huobi.com ru-ru 360000143042).
    """
    if long < 0 or short < 0:
        raise ValueError("legs are counted in contracts, not below zero")
    closed = min(long, short)
    return SelfTrade(closed, long - closed, short - closed)


def share_to_close(
    contracts: int, value: Fraction, *, above: Fraction, share: Fraction, lot: int = 1
) -> int:
    """Contracts sent to the book first: a share of a large position, all of a small one.

    Hyperliquid: 20 % of a position above 100,000 USDC, then everything after 30 seconds. The
    share is rounded up to the lot.
    """
    if value <= above:
        return contracts
    lots = -(-contracts * share // lot)
    return min(contracts, int(lots) * lot)
