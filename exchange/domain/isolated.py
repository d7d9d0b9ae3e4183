"""Liquidation of very many fixed-margin positions of one contract, without walking the marks.

The okex-2018 rule for a fixed-margin position has a closed form: there is one tick at which it
becomes due. When a mark path first reaches each tick is a table as long as its range, so a
position costs one division and one look-up. Equal to `liquidation.first_crossings` (tested).
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I32, I64
from exchange.domain.margin_book import MarksRefused
from exchange.domain.rules import RuleRefused
from exchange.domain.value import ContractSpec

SPAN_MAX = 1 << 26
"""Longest table of ticks: 64 million, 512 MiB for both directions."""


class Positions(NamedTuple):
    """Fixed-margin positions of one contract; ``start`` is the first second each is judged
    (empty: all from the first)."""

    quantity: I64
    cost: I64
    leverage: I64
    start: I64


class _Table(NamedTuple):
    low: int
    first: I32


def reached(
    positions: Positions, spec: ContractSpec, marks: I64, *, workers: int = 1
) -> npt.NDArray[np.int32]:
    """First second at which each position is due, i32[N], -1 for never.

    ``marks`` i64[second] in ticks. Raises `MarksRefused` for a mark below one tick or a range
    of more than `SPAN_MAX` ticks, and `RuleRefused` for a leverage the rules do not know.
    """
    from exchange.domain import isolated_kernels as kernels
    from exchange.domain.rules.okex_2018 import factor_table

    table = _table(spec, marks)
    factors = factor_table([spec])[0]
    second = np.empty(positions.quantity.size, np.int32)

    def search(first: int, last: int) -> int:
        return kernels.reach_all(
            spec.kind, spec.num, spec.den, factors, *positions, marks, *table, first, last, second
        )

    if workers == 1:
        wrong = search(0, second.size)
    else:
        edges = np.linspace(0, second.size, workers + 1).astype(int).tolist()
        with ThreadPoolExecutor(workers) as pool:
            wrong = max(pool.map(search, edges[:-1], edges[1:]))
    if wrong != kernels.NEVER:
        leverage = positions.leverage[wrong]
        raise RuleRefused(f"position {wrong} has leverage {leverage}, not 10 or 20")
    return second


def _table(spec: ContractSpec, marks: I64) -> _Table:
    from exchange.domain import isolated_kernels as kernels

    if not marks.size or int(marks.min()) < 1:
        raise MarksRefused(f"{spec.symbol}: there must be marks, all of one tick at least")
    low = int(marks.min())
    span = int(marks.max()) - low + 1
    if span > SPAN_MAX:
        raise MarksRefused(f"{spec.symbol}: the marks span {span} ticks, more than {SPAN_MAX}")
    first = np.full((2, span + 2), kernels.NEVER, np.int32)
    kernels.fill_reached(marks, low, first)
    return _Table(low, first)
