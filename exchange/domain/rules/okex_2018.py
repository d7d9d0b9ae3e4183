"""okex-2018: OKEx coin-settled futures as they stood on 30 March 2018.

Margin ratio = (margin of the user / margin required) - adjustment factor, closed at <= 0
(help pages of the time; the factor is 10 % at 10x and 20 % at 20x for BTC, 20 % and 40 % for
other coins). Multiplied out, so that nothing is divided:

    equity - factor * required <= 0

* **cross**: all positions of one settlement asset together. equity = cash + sum(value - cost)
  at the mark; required = value at the mark / leverage, per position. All positions close.
* **fixed** (isolated): per position. margin = |cost| / leverage, set at entry; equity =
  margin + value - cost; required = that margin. Only that position closes.

Values are rounded half to even (`value.trade_value`), maintenance is rounded down per
position. The same integer functions run the drill market and the recomputation, so a
verdict never differs from the market by rounding. The kernels take plain int64.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from exchange.domain.kernel import kernel
from exchange.domain.rules import RuleRefused
from exchange.domain.value import ContractSpec
from exchange.domain.value_kernels import trade_value

NAME = "okex-2018"
VERSION = "1"

PPM = 1_000_000
FACTOR_PPM: dict[str, dict[int, int]] = {
    "LTC": {10: 200_000, 20: 400_000},
    "": {10: 100_000, 20: 200_000},
}
"""Adjustment factor by underlying ("" = any other coin) and leverage, in millionths: 10 % and 20 %
for BTC, twice that for LTC (bibobao.com 11913); EOS closed at 4.588 from 5.00 at 10x is 10 %
(mackhal.com 8391)."""

LEVERAGES = (10, 20)
CROSS, FIXED, EXEMPT = 0, 1, 2
"""Margin modes as the kernels know them; house accounts are exempt."""
MODES = {"cross": CROSS, "fixed": FIXED}


def factor_ppm(underlying: str, leverage: int) -> int:
    """Adjustment factor of a position, in millionths. Raises `RuleRefused`."""
    table = FACTOR_PPM.get(underlying.upper().split("-")[0].split("/")[0], FACTOR_PPM[""])
    if leverage not in table:
        raise RuleRefused(f"{NAME} knows leverage 10 and 20, not {leverage}")
    return table[leverage]


def factor_table(specs: Sequence[ContractSpec]) -> npt.NDArray[np.int64]:
    """Factors in millionths, int64[contract, leverage slot]; see `leverage_slot`."""
    rows = [[factor_ppm(spec.underlying, leverage) for leverage in LEVERAGES] for spec in specs]
    return np.array(rows, dtype=np.int64).reshape(len(specs), len(LEVERAGES))


@kernel
def leverage_slot(leverage: int) -> int:
    """Column of `factor_table` for a leverage: 0 for 10x, 1 for 20x."""
    return 1 if leverage == 20 else 0


@kernel
def okex_maintenance(amount: int, factor: int, leverage: int) -> int:
    """``floor(factor * amount / (leverage * 1_000_000))`` of an amount >= 0.

    Cross: ``amount`` is ``|value at the mark|``. Fixed: it is the position's margin and
    ``leverage`` is 1. Exact for amounts below 2**62 and factors of at most 1,000,000.
    """
    divisor = leverage * 1_000_000
    whole = amount // divisor
    return whole * factor + (amount - whole * divisor) * factor // divisor


@kernel
def okex_fixed_margin(cost: int, leverage: int) -> int:
    """Margin of a fixed-margin position: ``|cost| / leverage``, rounded down."""
    return abs(cost) // leverage


@kernel
def okex_cross_health(
    cash: int,
    quantity: npt.NDArray[np.int64],
    cost: npt.NDArray[np.int64],
    ticks: npt.NDArray[np.int64],
    kind: npt.NDArray[np.int64],
    num: npt.NDArray[np.int64],
    den: npt.NDArray[np.int64],
    factor: npt.NDArray[np.int64],
    leverage: int,
) -> tuple[int, int]:
    """Equity and maintenance of one cross account in one settlement asset, minor units.

    ``cash`` is the futures wallet with realised profit and fees in it. The arrays have one
    row per position (``ticks`` its mark, ``factor`` in millionths). The account is taken over
    when ``equity - maintenance <= 0`` while any quantity is held.
    """
    equity, maintenance = cash, 0
    for i in range(quantity.shape[0]):
        if quantity[i] != 0:
            value = trade_value(kind[i], num[i], den[i], quantity[i], ticks[i])
            equity += value - cost[i]
            maintenance += okex_maintenance(abs(value), factor[i], leverage)
    return equity, maintenance


@kernel
def okex_fixed_health(
    kind: int, num: int, den: int, quantity: int, cost: int, ticks: int, factor: int, leverage: int
) -> tuple[int, int]:
    """Equity and maintenance of one fixed-margin position, minor units."""
    margin = okex_fixed_margin(cost, leverage)
    equity = margin + trade_value(kind, num, den, quantity, ticks) - cost
    return equity, okex_maintenance(margin, factor, 1)


@kernel
def okex_health(equity: int, maintenance: int) -> int:
    """What is left before the trigger; the venue takes over at <= 0."""
    return equity - maintenance


@kernel
def okex_takeover_ticks(
    kind: int, num: int, den: int, quantity: int, cost: int, other: int, ticks_max: int
) -> int:
    """The take-over price: the tick that brings equity to zero, in the customer's favour.

    ``other`` is all equity but this position's own ``value - cost``: the wallet plus the
    other positions at their marks (cross), or the position's margin (fixed). The result is
    the lowest tick for a long, the highest for a short, at which
    ``other + trade_value(quantity, tick) - cost >= 0``: rounded up for a long and down for a
    short, so that the customer never ends below zero. Searched within ``1 .. ticks_max``;
    0 when no price there leaves the account whole. Where several contracts are taken over
    together, the others go at their marks and the largest position carries the rest.
    """
    if quantity > 0:
        low, high = 0, ticks_max  # low fails or is outside, high to be shown to hold
        if other + trade_value(kind, num, den, quantity, ticks_max) - cost < 0:
            return 0
        while high - low > 1:
            middle = (low + high) // 2
            if other + trade_value(kind, num, den, quantity, middle) - cost >= 0:
                high = middle
            else:
                low = middle
        return high
    low, high = 0, ticks_max + 1  # low to be shown to hold, high fails or is outside
    while high - low > 1:
        middle = (low + high) // 2
        if other + trade_value(kind, num, den, quantity, middle) - cost >= 0:
            low = middle
        else:
            high = middle
    return low
