"""Compiled twins of `exchange.domain.value`, equal to it bit for bit.

Exact while results stay below 2**62 (`value.check_bounds` proves that for a tape): a
product that would not fit is carried through a division first, and where even that does not
fit, through long division one bit at a time.
"""

import numpy as np

from exchange.domain.kernel import inlined, kernel

DIRECT = 4.0e18
"""A float64 estimate below this proves that the int64 product is below 2**62."""
ESTIMATE = float(1 << 50)
"""A float64 quotient below this is less than one away from the true one."""


@kernel
def _long_division(a: int, b: int, c: int) -> tuple[int, int]:
    """Quotient and remainder of ``a * b / c`` for ``0 <= a < c < 2**62``, ``0 <= b < 2**62``."""
    quotient, remainder = 0, 0
    for bit in range(62, -1, -1):
        quotient <<= 1
        remainder <<= 1
        if remainder >= c:
            remainder -= c
            quotient += 1
        if (b >> bit) & 1:
            remainder += a
            if remainder >= c:
                remainder -= c
                quotient += 1
    return quotient, remainder


@kernel
def divide(a: int, b: int) -> tuple[int, int]:
    """Quotient and remainder of ``0 <= a < 2**62`` by ``b > 0``, exact.

    A float64 quotient below 2**50 is off by less than one, so one correction makes it exact;
    it is several times faster than the processor's 64-bit integer division.
    """
    estimate = float(a) / float(b)
    if estimate >= ESTIMATE:
        quotient = a // b
        return quotient, a - quotient * b
    quotient = int(estimate)
    remainder = a - quotient * b
    if remainder < 0:
        return quotient - 1, remainder + b
    if remainder >= b:
        return quotient + 1, remainder - b
    return quotient, remainder


@inlined
def corrected(product: int, estimate: float, divisor: int) -> int:
    """``product / divisor`` rounded half to even, from a float64 estimate of it; no branches.

    For ``0 <= product < 2**62``, ``0 < divisor < 2**62`` and an estimate below `ESTIMATE` that
    six float64 roundings led to at most: such an estimate is off by less than one, its nearest
    integer is the right one or next to it, and the exact remainder says which.
    """
    quotient = int(np.rint(estimate))
    twice = 2 * (product - quotient * divisor)
    odd = quotient & 1
    return quotient + int(twice + odd > divisor) - int(twice - odd < -divisor)


@kernel
def scaled_half_even(a: int, b: int, c: int) -> int:
    """``a * b / c`` rounded half to even, for ``a, b >= 0`` and ``c > 0``."""
    if float(a) * float(b) < DIRECT:
        quotient, remainder = divide(a * b, c)
    else:
        whole, rest = divide(a, c)
        if float(rest) * float(b) < DIRECT:
            quotient, remainder = divide(rest * b, c)
        else:
            quotient, remainder = _long_division(rest, b, c)
        quotient += whole * b
    other = c - remainder
    if remainder > other or (remainder == other and quotient & 1):
        quotient += 1
    return quotient


@kernel
def trade_value(kind: int, num: int, den: int, quantity: int, ticks: int) -> int:
    """Value of ``quantity`` contracts at ``ticks``; see `value.trade_value_exact`."""
    size = abs(quantity)
    if kind == 0:
        magnitude = scaled_half_even(num, size, ticks * den)
        return -magnitude if quantity > 0 else magnitude
    magnitude = scaled_half_even(size * ticks, num, den)
    return magnitude if quantity > 0 else -magnitude


@kernel
def apply_fill(
    kind: int, num: int, den: int, quantity: int, cost: int, realised: int, dq: int, ticks: int
) -> tuple[int, int, int]:
    """``(quantity, cost, realised)`` after a fill; see `value.apply_fill_exact`."""
    value = trade_value(kind, num, den, dq, ticks)
    if quantity == 0 or (quantity > 0) == (dq > 0):
        return quantity + dq, cost + value, realised
    held, traded = abs(quantity), abs(dq)
    if traded == held:
        return 0, 0, realised - value - cost
    if traded < held:
        released = scaled_half_even(abs(cost), traded, held)
        if cost < 0:
            released = -released
        return quantity + dq, cost - released, realised - value - released
    closed = trade_value(kind, num, den, -quantity, ticks)
    return quantity + dq, value - closed, realised - closed - cost
