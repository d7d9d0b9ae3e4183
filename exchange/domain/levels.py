"""Who first took a price through each tick, and where it would stand without some of them.

From a base on, a price that falls breaks one level after the other; a level belongs to whoever
printed beyond it first. Giving levels back lifts a price below the base by as many ticks as were
given back between the two, and lowers one above it likewise. What is given back never passes the
base, and a price that was further off stays further off.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16, I64
from exchange.domain.prints import FALL, RISE, Prints, between, parts

PPM = 1_000_000
FOREVER = np.iinfo(np.int64).max


class Levels(NamedTuple):
    """New extremes of each contract since the cut-off, one row a part of a print.

    Falling (``side`` -1) or rising, ``mover`` (a node) took the extreme from ``start`` to ``end``
    ticks. By side and contract, in order from the base on without a gap.
    """

    contract: I16
    side: npt.NDArray[np.int8]
    start: I64
    end: I64
    mover: I64


def broken(sides: Iterable[Prints], base: I64, since_us: int, unprinted: int) -> Levels:
    """The levels that prints after ``since_us`` broke, from ``base`` ticks i64[contract]."""
    contracts = np.arange(base.size)
    since, ever = np.full(base.size, since_us, np.int64), np.full(base.size, FOREVER)
    columns: list[tuple[I64, ...]] = []
    for prints in sides:
        side = prints.side
        first, stop = between(prints, contracts, since, ever)
        furthest = [
            int((prints.price[low:high] * side).max(initial=start * side)) * side
            for low, high, start in zip(first.tolist(), stop.tolist(), base.tolist(), strict=True)
        ]
        found, _ = parts(
            prints, contracts, since, ever, base, np.array(furthest, np.int64), unprinted
        )
        contract, mover, ticks = found.T
        total = np.cumsum(ticks)
        begins = np.searchsorted(contract, contract)
        upto = total - np.where(begins > 0, total[begins - 1], 0)
        away = np.full(contract.size, side)
        columns.append((
            contract, away, base[contract] + side * (upto - ticks), base[contract] + side * upto,
            mover,
        ))  # fmt: skip
    contract, away, start, end, mover = (np.concatenate(c) for c in zip(*columns, strict=True))
    return Levels(contract.astype(np.int16), away.astype(np.int8), start, end, mover)


def by_mover(levels: Levels, contract: int, side: int, nodes: int) -> I64:
    """Ticks each mover took a contract's price to one side, i64[node]."""
    mine = (levels.contract == contract) & (levels.side == side)
    ticks = np.zeros(nodes, np.int64)
    np.add.at(ticks, levels.mover[mine], np.abs(levels.end - levels.start)[mine])
    return ticks


def given_back(levels: Levels, weight_ppm: I64, base: I64, marks: I64) -> I64:
    """Marks i64[contract, second] with each mover's levels given back in part.

    ``weight_ppm`` i64[node] is how much of a mover's levels, in millionths. Rounded down, so a
    mark is never given back more than its levels allow.
    """
    path = marks.copy()
    for side in (FALL, RISE):
        for contract in range(base.size):
            rows = np.flatnonzero((levels.contract == contract) & (levels.side == side))
            if not rows.size:
                continue
            weight = weight_ppm[levels.mover[rows]]
            start = (levels.start[rows] - base[contract]) * side
            end = (levels.end[rows] - base[contract]) * side
            before = np.concatenate(([0], np.cumsum((end - start) * weight)))
            away = np.maximum((marks[contract] - base[contract]) * side, 0)
            at = np.searchsorted(end, away)
            inside = np.minimum(at, rows.size - 1)
            part = np.where(at < rows.size, (away - start[inside]) * weight[inside], 0)
            path[contract] -= side * ((before[at] + part) // PPM)
    return path
