"""Before a tape is applied: is it in order, can it overflow, and which holdings does it touch?

Every amount a replay takes is bounded by the contract's volume at its worst price, marks
included, and every equity by its wallet and all contracts of its asset together, so nothing can
leave int64 silently.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16, I64, Fills, Holdings, TapeDisorder
from exchange.domain.value import INT64_SAFE, ContractSpec, ValueTooLarge, check_bounds

INT64_MAX = 2**63 - 1
APART = 8
"""Unused rows between the sums of two threads, so that they never write to one cache line."""


class TapeTooLarge(ValueError):
    """The tape's extremes could take an amount out of int64; the message says which."""


class Surveyed(NamedTuple):
    """What a tape touches: ``seen`` u8[account, contract]. How far it goes: ``reach[contract]``
    is the most that positions in a contract can move an equity, with its maintenance and fees."""

    seen: npt.NDArray[np.uint8]
    reach: list[int]


def survey(
    opening: Holdings,
    fills: Fills,
    specs: Sequence[ContractSpec],
    first: int,
    accounts: int,
    *,
    marks: I64 | None = None,
    workers: int = 1,
) -> Surveyed:
    """Check the whole tape; return which holdings it and the opening touch, and their reach.

    ``seen`` is of so many ``accounts`` from ``first`` on. ``marks``, with contracts on its last
    axis but one, are prices that positions will be valued at. Raises `TapeDisorder` and
    `TapeTooLarge`.
    """
    from exchange.domain import replay_kernels as kernels  # loads the compiler

    seen = np.zeros((workers, max(0, accounts), len(specs)), np.uint8)
    _check_opening(opening, len(specs))
    held = np.zeros((len(specs), 4))
    kernels.survey_opening(*opening, first, seen[0], held)
    apart = len(specs) + APART
    extremes = np.zeros((workers, apart, 3), np.int64)[:, : len(specs)]
    extremes[:, :, kernels.PRICE_MIN] = INT64_SAFE
    sums = np.zeros((workers, apart, 2), np.float64)[:, : len(specs)]
    edges = np.linspace(0, fills.time.size, workers + 1).astype(int).tolist()

    def look(k: int) -> int:
        return kernels.survey(
            edges[k], edges[k + 1], *fills[1:7], first, seen[k], extremes[k], sums[k]
        )

    if workers == 1:
        bad = look(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            bad = min((row for row in pool.map(look, range(workers)) if row >= 0), default=-1)
    if bad >= 0:
        row = tuple(int(column[bad]) for column in fills[1:6])
        raise TapeDisorder(
            f"fill {bad}: earlier than the fill before it, or out of range "
            f"(time, contract, account, quantity, price = {row})"
        )
    reach = _check(specs, held, extremes, sums.sum(axis=0), marks)
    return Surveyed(np.bitwise_or.reduce(seen, axis=0) if workers > 1 else seen[0], reach)


def check_wallets(
    specs: Sequence[ContractSpec], reach: Sequence[int], asset_of: I16, wallets: Sequence[int]
) -> None:
    """Raise `TapeTooLarge` where the equity of an account in one asset could leave int64.

    ``wallets[asset]`` is the most that a wallet holds, or lacks, without any trading.
    """
    for asset in np.unique(asset_of).tolist():
        of_asset = np.flatnonzero(asset_of == asset).tolist()
        bound = wallets[asset] + sum(reach[contract] for contract in of_asset)
        if bound > INT64_MAX:
            name = specs[of_asset[0]].settle
            raise TapeTooLarge(f"{name}: an equity could reach {bound}, beyond 63 bits")


def _check_opening(opening: Holdings, contracts: int) -> None:
    """Kernels index without looking, so nothing out of range may reach them."""
    for name, column, most in (
        ("account", opening.account, 2**31),
        ("contract", opening.contract, contracts),
    ):
        if column.size and (int(column.min()) < 0 or int(column.max()) >= most):
            raise TapeDisorder(f"opening: a {name} is out of range")


def _check(
    specs: Sequence[ContractSpec],
    held: npt.NDArray[np.float64],
    extremes: I64,
    sums: npt.NDArray[np.float64],
    marks: I64 | None,
) -> list[int]:
    """Bound what every contract's amounts can come to; return how far each reaches."""
    reach = [0] * len(specs)
    for index, spec in enumerate(specs):
        _, lowest, highest = extremes[:, index].T
        prices = [int(lowest.min()), int(highest.max())]
        if marks is not None and marks.size:
            path = marks[..., index, :]
            prices = [min(prices[0], int(path.min())), max(prices[1], int(path.max()))]
        if prices[0] <= prices[1]:
            reach[index] = _check_contract(spec, (prices[0], prices[1]), sums[index], held[index])
    return reach


def _check_contract(
    spec: ContractSpec,
    prices: tuple[int, int],
    sums: npt.NDArray[np.float64],
    held: npt.NDArray[np.float64],
) -> int:
    """Bound every intermediate amount of one contract by its volume at its worst price.

    Returns its reach: by ``cost - realised``, equity moves by the value of the trades and of the
    position, a turnover each, and by the opening cost; maintenance is less than a third turnover.
    """
    volume = int(sums[0] * 1.000001) + 1  # float64 sums of up to 2**31 terms, rounded up
    position = volume + int(held[0])
    try:
        turnover = check_bounds(spec, position, *prices)
    except ValueTooLarge as error:
        raise TapeTooLarge(str(error)) from error
    bounds = {
        "cost": turnover + int(held[1]),
        "realised": 3 * turnover + int(held[1]) + int(held[2]),
        "fees": int(sums[1] * 1.000001) + int(held[3]),
    }
    for name, bound in bounds.items():
        if bound >= INT64_SAFE:
            raise TapeTooLarge(f"{spec.symbol}: {name} could reach {bound}, beyond 62 bits")
    return 3 * turnover + int(held[1]) + bounds["fees"]
