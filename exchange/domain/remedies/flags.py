"""Whose trading drove the price away: accounts flagged by the tape, never called guilty.

Pressure is what an account took from the book outside the band, in the direction away from the
reference: contracts sold by a taker below the band, or bought above it. Forced closes are nobody's
choice and do not count. An account with at least a share of all pressure in a contract is flagged;
people look at it, and remedies may leave it out.
"""

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I64, Fills, reason_of

PPM = 1_000_000
TAKER, TRADE = 1, 0


def pressure(
    fills: Fills,
    outside: npt.NDArray[np.bool_],
    reference: I64,
    accounts: int,
    contracts: int,
) -> I64:
    """Contracts taken away from the reference outside the band, i64[account, contract].

    ``outside`` bool[fill] and ``reference`` i64[fill] (ticks) are those of the band.
    """
    away = np.where(fills.price < reference, fills.quantity < 0, fills.quantity > 0)
    chosen = outside & away & (fills.flags & TAKER > 0) & (reason_of(fills.flags) == TRADE)
    taken = np.zeros((accounts, contracts), np.int64)
    at = (fills.account[chosen], fills.contract[chosen])
    np.add.at(taken, at, np.abs(fills.quantity[chosen]))
    return taken


def flagged(
    taken: I64, customer: npt.NDArray[np.bool_], share_ppm: int = 50_000
) -> npt.NDArray[np.bool_]:
    """Customers with at least ``share_ppm`` millionths of the pressure in some contract."""
    least = [-(-total * share_ppm // PPM) for total in taken.sum(axis=0).tolist()]
    over = (taken >= np.array(least, np.int64)) & (taken > 0)
    result: npt.NDArray[np.bool_] = customer & over.any(axis=1)
    return result
