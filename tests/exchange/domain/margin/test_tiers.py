"""Tier tables: computed deductions, boundaries, and tables that cannot be."""

from fractions import Fraction

import pytest

from exchange.domain.margin.ruleset import percent
from exchange.domain.margin.tiers import capped_table, maintenance, tier_number, tier_table

TABLE = tier_table([(0, "0.004"), (50_000, "0.005"), (250_000, "0.01")])


def test_maintenance_charges_each_part_at_its_own_rate() -> None:
    by_parts = 50_000 * Fraction("0.004") + 200_000 * Fraction("0.005") + 50_000 * Fraction("0.01")
    assert maintenance(TABLE, Fraction(300_000)) == by_parts


@pytest.mark.parametrize(
    ("rows", "value", "due"),
    [
        # Bybit help, Maintenance Margin (USDT Contract): 100 contracts at 35 = 3,500.
        (
            [(0, "0.02"), (1000, "0.025"), (2000, "0.03"), (3000, "0.035"), (4000, "0.04")],
            "3500",
            "92.5",
        ),
        # The inverse page: 10,000 contracts at 400 = 25.
        ([(0, "0.01"), (10, "0.02"), (20, "0.03"), (30, "0.04"), (40, "0.05")], "25", "0.45"),
        # Phemex: 3,000,000 with 2,000,000 in the first tier.
        ([(0, "0.005"), (2_000_000, "0.0075")], "3000000", "17500"),
    ],
)
def test_illustrations_of_the_help_pages(rows: list[tuple[int, str]], value: str, due: str) -> None:
    assert maintenance(tier_table(rows), Fraction(value)) == Fraction(due)


def test_an_amount_on_a_boundary_is_in_the_lower_tier() -> None:
    assert tier_number(TABLE, Fraction(50_000)) == 0
    assert tier_number(TABLE, Fraction(50_001)) == 1
    assert tier_number(TABLE, Fraction(10**12)) == 2


def test_upper_bounds_give_the_same_table() -> None:
    rows = [(50_000, "0.004"), (250_000, "0.005"), (1_000_000, "0.01")]
    assert capped_table(rows) == TABLE


@pytest.mark.parametrize(
    "rows",
    [[], [(1, "0.01")], [(0, "0.01"), (0, "0.02")], [(0, "0.02"), (10, "0.01")]],
)
def test_a_table_must_start_at_nothing_and_rise(rows: list[tuple[int, str]]) -> None:
    with pytest.raises(ValueError, match="tier"):
        tier_table(rows)


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        ("0.1", "10 %"),
        ("0.005", "0.5 %"),
        ("1", "100 %"),
        ("1/3", "about 33.333333 %"),
        ("0", "0 %"),
    ],
)
def test_percentages(rate: str, text: str) -> None:
    assert percent(Fraction(rate)) == text
