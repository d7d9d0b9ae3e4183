"""Partial liquidation, tier by tier."""

from fractions import Fraction

import pytest

from exchange.domain.aftermath.step_down import (
    POLICIES,
    Reduction,
    SelfTrade,
    StepPolicy,
    self_trade,
    share_to_close,
    step_down,
)
from exchange.domain.margin.tiers import maintenance, tier_table

TIERS = tier_table([(0, "0.01"), (100, "0.02"), (200, "0.05"), (400, "0.1")])
ONE_BY_ONE = StepPolicy(1, 2, "")


def test_a_healthy_position_is_left_alone() -> None:
    done = step_down(
        contracts=300, unit_value=Fraction(1), equity=Fraction(50), tiers=TIERS, policy=ONE_BY_ONE
    )
    assert done.reductions == ()
    assert done.left == 300


def test_it_steps_down_until_equity_suffices() -> None:
    # 500 contracts: maintenance 23; one tier down keeps 400 (13), two keep 200 (3).
    assert maintenance(TIERS, Fraction(500)) == 23
    done = step_down(
        contracts=500, unit_value=Fraction(1), equity=Fraction(5), tiers=TIERS, policy=ONE_BY_ONE
    )
    assert done.reductions == (Reduction(100, 400, 3), Reduction(200, 200, 2))
    assert done.left == 200
    assert not done.full


def test_two_tiers_at_once() -> None:
    done = step_down(
        contracts=500,
        unit_value=Fraction(1),
        equity=Fraction(5),
        tiers=TIERS,
        policy=POLICIES["okx"],
    )
    assert done.reductions == (Reduction(300, 200, 2),)


def test_below_the_first_partial_tier_the_whole_position_goes() -> None:
    done = step_down(
        contracts=150,
        unit_value=Fraction(1),
        equity=Fraction(1),
        tiers=TIERS,
        policy=POLICIES["okx"],
    )
    assert done.reductions == (Reduction(150, 0, 1),)
    assert done.full


def test_fees_of_the_parts_come_off_the_equity() -> None:
    done = step_down(
        contracts=500,
        unit_value=Fraction(1),
        equity=Fraction(5),
        tiers=TIERS,
        policy=ONE_BY_ONE,
        fee=Fraction("0.01"),
    )
    # 5 - 1 - 2 = 2 is not above 3: the next tier keeps 100, which needs 1 of 5 - 1 - 2 - 1 = 1.
    assert [step.left for step in done.reductions] == [400, 200, 100, 0]
    assert done.equity == 0


def test_a_large_position_is_closed_by_a_fifth_first() -> None:
    # Hyperliquid: over 100,000 USDC only 20 % is sent to the book at first.
    limits = {"above": Fraction(100_000), "share": Fraction("0.2")}
    assert share_to_close(1000, Fraction(100_001), **limits) == 200
    assert share_to_close(1000, Fraction(100_000), **limits) == 1000
    assert share_to_close(3, Fraction(300_000), **limits) == 1


def test_legs_are_traded_against_each_other_first() -> None:
    assert self_trade(1200, 3000) == SelfTrade(1200, 0, 1800)
    with pytest.raises(ValueError, match="not below zero"):
        self_trade(-1, 0)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        step_down(
            contracts=0,
            unit_value=Fraction(1),
            equity=Fraction(0),
            tiers=TIERS,
            policy=ONE_BY_ONE,
        )
