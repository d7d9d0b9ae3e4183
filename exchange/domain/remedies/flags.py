"""Whose trading drove the price away: accounts flagged by the tape, never called guilty.

Pressure is what an account took from the book outside the band, in the direction away from the
reference: contracts sold by a taker below the band, or bought above it. Forced closes are nobody's
choice and do not count. Flagged is who took half of all pressure in a contract; or who took a share
of it that matters and a hundred times the median of those who took any: a crowd that sells in fear
sells much alike, whoever drives it stands out, however many there are. People look at them, and
remedies may leave them out.
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
    taken: I64,
    customer: npt.NDArray[np.bool_],
    *,
    share_ppm: int = 5_000,
    times: int = 100,
) -> npt.NDArray[np.bool_]:
    """Customers with half of the pressure in some contract, or with at least ``share_ppm``
    millionths of it and ``times`` the median of those who took any."""
    found = np.zeros(len(customer), np.bool_)
    for contract in taken.T:
        took = np.sort(contract[contract > 0])
        if not took.size:
            continue
        whole = sum(took.tolist())
        standing_out = max(-(-whole * share_ppm // PPM), times * int(took[(took.size - 1) // 2]))
        found |= contract >= min(-(-whole // 2), standing_out)
    return customer & found
