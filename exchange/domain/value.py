"""What a contract is worth, and what a fill does to a position: the exact definitions.

``v(p)`` is the value of one contract in minor units of its settlement asset, increasing in
the price ``p``: inverse ``-F*S/p``, linear and quanto ``M*p*S`` (``S`` = minor units per
coin). It is kept as a rational of int64: with ``ticks = p / tick``,

    inverse  v = -num / (ticks * den)        linear, quanto  v = ticks * num / den

Invariants:

* a trade is rounded once, half to even, and the buyer's cost is minus the seller's;
* a partial close releases ``half_even(cost * closed / quantity)`` and keeps the rest;
* ``cost - realised`` of an account therefore moves by exactly the value of its trades, so
  the sum of ``cost - realised`` over all accounts of a contract never changes.

The functions here are the definition, in Python integers. ``trade_value`` and
``apply_fill`` are their compiled twins (``value_kernels``), imported on first use so that
reading a contract does not load the compiler.
"""

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from exchange.domain.value_kernels import apply_fill as apply_fill
    from exchange.domain.value_kernels import trade_value as trade_value

INVERSE, LINEAR, QUANTO = 0, 1, 2
KINDS = {"inverse": INVERSE, "linear": LINEAR, "quanto": QUANTO}

INT64_SAFE = 2**62
"""Every amount, and every sum of two of them, stays inside int64 below this."""


class ContractRefused(ValueError):
    """A contract's terms cannot be held exactly; the message names the field."""


class ValueTooLarge(OverflowError):
    """An amount could leave int64; the message names the contract and the quantity."""


class ContractSpec(NamedTuple):
    """Terms of one contract; ``num`` and ``den`` as in the module's formulas, coprime."""

    symbol: str
    kind: int
    num: int
    den: int
    tick: Decimal
    face: Decimal
    settle: str
    scale: int
    lot: int
    underlying: str
    expires_us: int


def contract_spec(
    symbol: str,
    kind: int | str,
    face: Decimal,
    tick: Decimal,
    settle: str,
    scale: int,
    *,
    lot: int = 1,
    underlying: str = "",
    expires_us: int = 0,
) -> ContractSpec:
    """Build the exact terms of a contract.

    ``face`` is the quote-currency face of an inverse contract, the coin multiplier of a
    linear one, and the settlement coins per unit of price of a quanto one. ``scale`` is the
    number of decimals of the settlement asset. Raises `ContractRefused`.
    """
    code = KINDS.get(kind.lower(), -1) if isinstance(kind, str) else kind
    if code not in KINDS.values():
        raise ContractRefused(f"{symbol}: kind {kind!r} is not one of {', '.join(KINDS)}")
    if face <= 0 or tick <= 0 or lot <= 0:
        raise ContractRefused(f"{symbol}: face, tick and lot must be above zero")
    if not 0 <= scale <= 18:
        raise ContractRefused(f"{symbol}: scale {scale} is not within 0..18")
    units = Fraction(face) * 10**scale
    ratio = units / Fraction(tick) if code == INVERSE else units * Fraction(tick)
    if ratio.numerator >= INT64_SAFE or ratio.denominator >= INT64_SAFE:
        raise ContractRefused(f"{symbol}: face / tick does not fit 62 bits ({ratio})")
    return ContractSpec(
        symbol, code, ratio.numerator, ratio.denominator, tick, face, settle, scale, lot,
        underlying, expires_us,
    )  # fmt: skip


def half_even(numerator: int, denominator: int) -> int:
    """Round a ratio to the nearest integer, ties to even. ``denominator`` above zero."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient


def unit_value(kind: int, num: int, den: int, ticks: int) -> Fraction:
    """Value of one contract at a price, unrounded, in minor units."""
    return Fraction(-num, ticks * den) if kind == INVERSE else Fraction(ticks * num, den)


def trade_value_exact(kind: int, num: int, den: int, quantity: int, ticks: int) -> int:
    """Value of ``quantity`` contracts at ``ticks``, half to even, signed like the formula.

    This is the cost of a buyer (``quantity`` above zero) and of a seller (below).
    """
    if kind == INVERSE:
        return half_even(-quantity * num, ticks * den)
    return half_even(quantity * ticks * num, den)


def apply_fill_exact(
    kind: int, num: int, den: int, quantity: int, cost: int, realised: int, dq: int, ticks: int
) -> tuple[int, int, int]:
    """Position ``(quantity, cost, realised)`` after buying (``dq`` > 0) or selling at ``ticks``."""
    value = trade_value_exact(kind, num, den, dq, ticks)
    if quantity * dq >= 0:
        return quantity + dq, cost + value, realised
    if abs(dq) <= abs(quantity):
        released = half_even(cost * abs(dq), abs(quantity))
        return quantity + dq, cost - released, realised - value - released
    closed = trade_value_exact(kind, num, den, -quantity, ticks)
    return quantity + dq, value - closed, realised - closed - cost


def check_bounds(spec: ContractSpec, quantity_max: int, ticks_min: int, ticks_max: int) -> int:
    """Return the largest value any such position can have, or raise `ValueTooLarge`.

    ``quantity_max`` bounds every trade and position in contracts; prices lie within
    ``ticks_min .. ticks_max`` (above zero). Below the returned bound no product taken by
    the kernels leaves int64.
    """
    if ticks_min <= 0:
        raise ValueTooLarge(f"{spec.symbol}: a price of {ticks_min} ticks is not above zero")
    worst = ticks_min if spec.kind == INVERSE else ticks_max
    value = abs(unit_value(spec.kind, spec.num, spec.den, worst)) * quantity_max
    products = {
        "value of the largest position": value,
        "price denominator": Fraction(ticks_max * spec.den),
        "largest position": Fraction(quantity_max),
        "largest position times price": Fraction(quantity_max * ticks_max),
    }
    for name, size in products.items():
        if size >= INT64_SAFE:
            raise ValueTooLarge(f"{spec.symbol}: {name} exceeds 62 bits ({int(size)})")
    return int(value) + 1


def __getattr__(name: str) -> Any:
    if name in ("trade_value", "apply_fill", "scaled_half_even"):
        from exchange.domain import value_kernels

        return getattr(value_kernels, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
