"""Named roundings. Every division of money says which of these it uses.

All take an exact number (`int`, `Decimal` or `Fraction`) and a positive quantum (a tick, a
minor unit) and return a `Decimal` that is a whole multiple of it.
"""

from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

Exact = int | Decimal | Fraction
Rounding = Callable[[Exact, Decimal], Decimal]


def _multiple(steps: int, quantum: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = max(28, len(str(abs(steps))) + len(quantum.as_tuple().digits) + 2)
        return steps * quantum


def half_even(value: Exact, quantum: Decimal) -> Decimal:
    """To the nearest multiple, ties to the even one (banker's rounding)."""
    return _multiple(round(Fraction(value) / Fraction(quantum)), quantum)


def half_up(value: Exact, quantum: Decimal) -> Decimal:
    """To the nearest multiple, ties away from zero."""
    steps = Fraction(value) / Fraction(quantum)
    size = (2 * abs(steps) + 1) // 2
    return _multiple(int(size if steps >= 0 else -size), quantum)


def floor(value: Exact, quantum: Decimal) -> Decimal:
    """Down, towards minus infinity."""
    return _multiple(Fraction(value) // Fraction(quantum), quantum)


def ceiling(value: Exact, quantum: Decimal) -> Decimal:
    """Up, towards plus infinity."""
    return _multiple(-(-Fraction(value) // Fraction(quantum)), quantum)


def towards_zero(value: Exact, quantum: Decimal) -> Decimal:
    """Truncated: the magnitude never grows."""
    return floor(value, quantum) if value >= 0 else ceiling(value, quantum)


def away_from_zero(value: Exact, quantum: Decimal) -> Decimal:
    """The magnitude never shrinks."""
    return ceiling(value, quantum) if value >= 0 else floor(value, quantum)


BY_NAME: dict[str, Rounding] = {
    "half_even": half_even,
    "half_up": half_up,
    "floor": floor,
    "ceiling": ceiling,
    "towards_zero": towards_zero,
    "away_from_zero": away_from_zero,
}
