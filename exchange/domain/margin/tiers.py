"""Tiered maintenance: rates that rise with the position, with the deductions computed.

``deduction_n = deduction_(n-1) + floor_n * (rate_n - rate_(n-1))`` ("cum", maintenance
amount), so that maintenance = value * rate - deduction is continuous: a position never pays
a higher rate on the part that lies in a lower tier (Binance FAQ b3c689c1, Hyperliquid
"Margin tiers"). Tables carry floors and rates only; deductions are never typed in.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

Number = int | str | Decimal | Fraction


class Tier(NamedTuple):
    """From ``floor`` (exclusive, except the first) upwards: ``value * rate - deduction``."""

    floor: Fraction
    rate: Fraction
    deduction: Fraction


def tier_table(rows: Iterable[tuple[Number, Number]]) -> tuple[Tier, ...]:
    """Build a table from ``(floor, rate)`` rows: the first floor 0, floors and rates rising.

    Raises `ValueError` when they do not, because the sum would then not be continuous.
    """
    table: list[Tier] = []
    for floor, rate in ((Fraction(a), Fraction(b)) for a, b in rows):
        if not table:
            if floor != 0:
                raise ValueError("the first tier must start at 0")
            table.append(Tier(floor, rate, Fraction(0)))
            continue
        last = table[-1]
        if floor <= last.floor or rate <= last.rate:
            raise ValueError(f"tier {len(table) + 1} must rise above the one before it")
        table.append(Tier(floor, rate, last.deduction + floor * (rate - last.rate)))
    if not table:
        raise ValueError("a tier table needs at least one tier")
    return tuple(table)


def capped_table(rows: Sequence[tuple[Number, Number]]) -> tuple[Tier, ...]:
    """Build a table from ``(upper bound, rate)`` rows, as Binance prints them."""
    floors: list[Number] = [0, *(cap for cap, _ in rows[:-1])]
    return tier_table(zip(floors, (rate for _, rate in rows), strict=True))


def flat(rate: Fraction, deduction: Fraction = Fraction(0)) -> tuple[Tier, ...]:
    """A single tier: the rate and deduction a customer or a tier page gives."""
    return (Tier(Fraction(0), rate, deduction),)


def tier_number(table: Sequence[Tier], amount: Fraction) -> int:
    """Index of the tier of an amount; an amount on a boundary belongs to the lower tier."""
    number = 0
    for index, tier in enumerate(table):
        if amount > tier.floor:
            number = index
    return number


def maintenance(table: Sequence[Tier], amount: Fraction) -> Fraction:
    """``amount * rate - deduction`` in the tier of the amount.

    A table built by `tier_table` never gives a negative amount; a rate and deduction taken
    alone (`flat`) can, below its own tier, and is left so: the venues' formulas do the same.
    """
    tier = table[tier_number(table, amount)]
    return amount * tier.rate - tier.deduction
