"""Compiled valuation of rows of positions."""

from typing import Any

from exchange.domain.kernel import kernel
from exchange.domain.value_kernels import trade_value

Array = Any


@kernel
def value_each(
    contract: Array,
    quantity: Array,
    ticks: Array,
    kind: Array,
    num: Array,
    den: Array,
    result: Array,
) -> None:
    """Fill ``result`` with `value.trade_value` of each row at its own price."""
    for row in range(contract.shape[0]):
        c = contract[row]
        if quantity[row] != 0:
            result[row] = trade_value(kind[c], num[c], den[c], quantity[row], ticks[row])
