"""Hedged position mode: an account's long and short of one contract are kept apart.

A hedged leg is a contract of its own to the engine: contract ``c`` becomes ``2c`` (long leg)
and ``2c + 1`` (short leg), with the same terms, and everything else runs unchanged. Invariant:
a long leg is never below zero and a short leg never above; a fill that would close more than
its leg holds is refused (`LegExceeded`), as a venue does, instead of flipping it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from exchange.domain.replay import I16, I64, Fills, Holdings, replay
from exchange.domain.value import ContractSpec

LONG_LEG, SHORT_LEG = 0, 1
Legs = npt.NDArray[np.uint8]


class LegExceeded(ValueError):
    """A fill closes more of a leg than is held; the message names the fill."""


def leg_of(quantity: I64, opens: npt.NDArray[np.bool_]) -> Legs:
    """Leg of each fill: buying opens the long and closes the short, selling the other way."""
    return np.where((quantity > 0) == opens, LONG_LEG, SHORT_LEG).astype(np.uint8)


def split(specs: Sequence[ContractSpec]) -> list[ContractSpec]:
    """Terms of the legs, two a contract."""
    return [
        spec._replace(symbol=f"{spec.symbol}/{side}")
        for spec in specs
        for side in ("long", "short")
    ]


def split_fills(fills: Fills, legs: Legs) -> Fills:
    """The same fills, each on its leg."""
    return fills._replace(contract=(fills.contract * 2 + legs).astype(np.int16))


def replay_hedged(
    opening: Holdings,
    fills: Fills,
    legs: Legs,
    specs: Sequence[ContractSpec],
    instants_us: Sequence[int],
) -> list[Holdings]:
    """`replay.replay` with the legs apart; ``opening`` and the results are per leg.

    Raises `LegExceeded` besides what `replay` raises.
    """
    apart = split_fills(fills, legs)
    _check_legs(opening, apart)
    return replay(opening, apart, split(specs), instants_us)


def net(holdings: Holdings) -> Holdings:
    """Both legs of each contract added: quantity, cost, realised and fees of the pair."""
    contract = (holdings.contract // 2).astype(np.int16)
    key = holdings.account.astype(np.int64) << 16 | contract
    _, first, place = np.unique(key, return_index=True, return_inverse=True)

    def total(column: I64) -> I64:
        summed = np.zeros(first.size, np.int64)
        np.add.at(summed, place, column)
        return summed

    return Holdings(
        holdings.account[first], contract[first], total(holdings.quantity),
        total(holdings.cost), total(holdings.realised), total(holdings.fees),
    )  # fmt: skip


def _check_legs(opening: Holdings, fills: Fills) -> None:
    """Every running quantity keeps the sign of its leg."""
    account = np.concatenate((opening.account, fills.account)).astype(np.int64)
    contract: I16 = np.concatenate((opening.contract, fills.contract))
    quantity = np.concatenate((opening.quantity, fills.quantity))
    order = np.argsort(account << 16 | contract, kind="stable")
    key = (account << 16 | contract)[order]
    running = np.cumsum(quantity[order])
    start = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if key.size else key
    before = np.where(start > 0, running[start - 1], 0)
    held = running - np.repeat(before, np.diff(np.append(start, key.size)))
    sign = np.where(contract[order] % 2 == SHORT_LEG, -1, 1)
    wrong = order[held * sign < 0]
    if wrong.size:
        row = int(wrong.min())
        name = f"fill {row - opening.account.size}" if row >= opening.account.size else "opening"
        side = "short" if contract[row] % 2 else "long"
        raise LegExceeded(f"{name}: closes more of account {account[row]}'s {side} than it holds")
