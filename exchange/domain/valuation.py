"""Holdings valued at a mark: unrealised profit and equity, exact, rounded once a position."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from exchange.domain.legs import total
from exchange.domain.replay import I16, I64, Holdings, TapeTooLarge, terms_of
from exchange.domain.value import ContractSpec, ValueTooLarge, check_bounds


def values(holdings: Holdings, specs: Sequence[ContractSpec], marks: I64) -> I64:
    """Value of each position at its contract's mark (ticks, i64[contract]), half to even.

    Signed like a trade of the whole position: ``value - cost`` is its unrealised profit. Raises
    `TapeTooLarge` as `each_value` does.
    """
    return each_value(specs, holdings.contract, holdings.quantity, marks[holdings.contract])


def each_value(specs: Sequence[ContractSpec], contract: I16, quantity: I64, ticks: I64) -> I64:
    """Value of each row's ``quantity`` contracts at its own price in ticks, half to even.

    Signed like a trade: the difference between two prices is what the position gains. Raises
    `TapeTooLarge` where the values of a contract could leave int64 together, or where a position
    has no price.
    """
    from exchange.domain.valuation_kernels import value_each  # loads the compiler

    there = quantity != 0
    for number in np.unique(contract[there]).tolist():
        rows = there & (contract == number)
        prices = int(ticks[rows].min()), int(ticks[rows].max())
        try:
            check_bounds(specs[number], total(np.abs(quantity[rows])), *prices)
        except ValueTooLarge as error:
            raise TapeTooLarge(str(error)) from error
    result = np.zeros(quantity.size, np.int64)
    value_each(contract, quantity, ticks, *terms_of(specs), result)
    return result


def equity(
    holdings: Holdings, cash: I64, specs: Sequence[ContractSpec], asset_of: I16, marks: I64
) -> I64:
    """Cash plus unrealised profit, i64[account, asset] like ``cash`` (realised already in it)."""
    sums = cash.copy()
    unrealised = values(holdings, specs, marks) - holdings.cost
    np.add.at(sums, (holdings.account, asset_of[holdings.contract]), unrealised)
    return sums


def settle(holdings: Holdings, specs: Sequence[ContractSpec], marks: I64) -> Holdings:
    """Weekly settlement: unrealised profit becomes realised, the mark becomes the entry.

    Quantities stay. ``cost - realised`` of every holding is unchanged, so conservation holds
    whatever the rounding. A contract whose mark is 0 is not settled.
    """
    ticks = marks[holdings.contract]
    quantity = np.where(ticks > 0, holdings.quantity, 0)
    worth = each_value(specs, holdings.contract, quantity, ticks)
    cost = np.where(ticks > 0, worth, holdings.cost)
    return holdings._replace(cost=cost, realised=holdings.realised + cost - holdings.cost)


def funding(
    holdings: Holdings, specs: Sequence[ContractSpec], marks: I64, rate_ppm: npt.ArrayLike
) -> tuple[I64, int]:
    """What each position receives (pays when below zero) at a funding rate, and the rest.

    ``rate_ppm`` is in millionths, one a contract; longs pay shorts when it is above zero.
    Payments are ``rate * |value|`` rounded down in magnitude; longs and shorts round apart, so
    the rest, which is minus the sum of the payments, goes to the house as a leg of its own.
    """
    rates = np.asarray(rate_ppm, np.int64)[holdings.contract]
    size = np.abs(values(holdings, specs, marks))
    magnitude = size // 1_000_000 * np.abs(rates) + size % 1_000_000 * np.abs(rates) // 1_000_000
    paid = magnitude * np.sign(rates) * -np.sign(holdings.quantity)
    return paid, -int(paid.sum())


def by_account(holdings: Holdings, amounts: I64, asset_of: I16, shape: tuple[int, ...]) -> I64:
    """Sum amounts of holdings to i64[account, asset]."""
    sums: npt.NDArray[Any] = np.zeros(shape, np.int64)
    np.add.at(sums, (holdings.account, asset_of[holdings.contract]), amounts)
    return sums
