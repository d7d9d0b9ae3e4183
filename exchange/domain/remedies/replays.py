"""Bust or re-price the trades outside a band, and replay the accounts without or with them.

The band is a share around a reference: the fair price of that second, the index kept with its
premium, or the mark at the cut-off. A trade at or beyond the band's edge is outside ("30 % or
more", NYSE, 1 August 2012). Bust: both sides of the trade never were. Re-price: both sides were at
the band's edge, and fees stay as charged (CME rule 588: "price adjustments as the principal
method", so that nobody is left with an open position). Everything after the cut-off is replayed,
so what followed from these trades in each account follows anew: a sale of contracts whose purchase
was busted opens a short position. A take-over outside the band is a trade like any other. With
``follow`` the take-overs that a fair price would not have caused are undone with the trades,
wherever they lie, and their customers hold their positions again; what the fund sold inside the
band stays sold, and the fund holds the other side.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I64, Fills
from exchange.domain.remedies.facts import Closes, Facts, after_cut, picked, wrong
from exchange.domain.remedies.outcome import Outcome, conclude
from exchange.domain.replay import replay

PPM = 1_000_000
FAIR, AT_CUT = "fair", "cutoff"


class Band(NamedTuple):
    """Which trades are touched: those of ``contracts`` (numbers; empty: all) at or beyond
    ``reference * (1 +- band_ppm / 1,000,000)``; none where there is no reference (0)."""

    band_ppm: int
    reference: str = FAIR
    contracts: Sequence[int] = ()
    follow: bool = True


class Adjusted(NamedTuple):
    """The fills after the cut-off and what becomes of each: ``busted`` bool[fill], or a new
    ``price`` i64[fill] in ticks (0: unchanged). ``first`` is the row of the tape they begin at."""

    first: int
    fills: Fills
    busted: npt.NDArray[np.bool_]
    price: I64


def bust(facts: Facts, band: Band) -> Outcome:
    """Replay everything after the cut-off without the trades outside the band.

    Raises `NotConserved`, `TapeTooLarge`.
    """
    return _replayed(facts, busted(facts, band))


def reprice(facts: Facts, band: Band) -> Outcome:
    """Replay everything after the cut-off with the trades outside the band at its edge.

    Raises `NotConserved`, `TapeTooLarge`.
    """
    return _replayed(facts, repriced(facts, band))


def busted(facts: Facts, band: Band) -> Adjusted:
    """Which fills are busted: trades outside the band and, with ``follow``, wrong take-overs."""
    first, fills = after_cut(facts)
    outside, _ = _against(facts, fills, band)
    return Adjusted(first, fills, outside | _followed(facts, first, fills, band),
                    np.zeros(len(fills.seq), np.int64))  # fmt: skip


def repriced(facts: Facts, band: Band) -> Adjusted:
    """Which fills get which price; with ``follow``, wrong take-overs are busted."""
    first, fills = after_cut(facts)
    outside, edge = _against(facts, fills, band)
    gone = _followed(facts, first, fills, band)
    changed = outside & ~gone & (edge != fills.price)
    return Adjusted(first, fills, gone, np.where(changed, edge, 0))


def outside_band(facts: Facts, band: Band) -> tuple[int, npt.NDArray[np.bool_]]:
    """(row of the tape where it begins, which fills after the cut-off are outside the band)."""
    first, fills = after_cut(facts)
    return first, _against(facts, fills, band)[0]


def references(facts: Facts, fills: Fills, reference: str) -> I64:
    """The reference price of each fill in ticks: the fair mark of its second, or the mark at the
    cut-off."""
    if reference == AT_CUT:
        return facts.at_cut[fills.contract]
    second = np.searchsorted(facts.times, fills.time, side="right") - 1
    return facts.fair[fills.contract, np.maximum(second, 0)]


def _against(facts: Facts, fills: Fills, band: Band) -> tuple[npt.NDArray[np.bool_], I64]:
    """Which fills are outside the band, and the edge each is nearest to, inside to the tick."""
    centre = references(facts, fills, band.reference)
    below, low = _scaled(centre, PPM - band.band_ppm)
    high, above = _scaled(centre, PPM + band.band_ppm)
    outside = ((fills.price <= below) | (fills.price >= above)) & (centre > 0)
    if band.contracts:
        outside &= np.isin(fills.contract, list(band.contracts))
    return outside, np.where(fills.price <= below, low, high)


def _scaled(ticks: I64, ppm: int) -> tuple[I64, I64]:
    """``ticks * ppm / 1,000,000`` rounded down, and up, without a product beyond 64 bits."""
    whole, part = np.divmod(ticks, PPM)
    more, rest = np.divmod(part * ppm, PPM)
    down = whole * ppm + more
    return down, down + (rest > 0)


def _followed(facts: Facts, first: int, fills: Fills, band: Band) -> npt.NDArray[np.bool_]:
    """Both sides of the take-overs that a fair price would not have caused."""
    gone = np.zeros(len(fills.seq), np.bool_)
    if not band.follow:
        return gone
    closes = facts.closes
    chosen = wrong(closes) & (closes.fill >= first)
    if band.contracts:
        chosen &= np.isin(closes.contract, list(band.contracts))
    trades = facts.fills.trade[closes.fill[chosen]]
    return np.isin(fills.trade, trades[trades != 0])


def _replayed(facts: Facts, adjusted: Adjusted) -> Outcome:
    kept, fills = ~adjusted.busted, adjusted.fills
    price = np.where(adjusted.price != 0, adjusted.price, fills.price)
    changed = picked(fills._replace(price=price), kept)
    last = int(fills.time[-1]) if len(fills.time) else facts.cutoff_us
    (target,) = replay(facts.cut, changed, facts.specs, [last])
    return conclude(facts, target)._replace(closes=_closes_left(facts.closes, adjusted))


def _closes_left(closes: Closes, adjusted: Adjusted) -> Closes:
    """The forced closes without those undone, the others at the prices they now have."""
    there = closes.fill >= adjusted.first
    row = closes.fill[there] - adjusted.first
    price, kept = closes.price.copy(), np.ones(there.size, np.bool_)
    price[there] = np.where(adjusted.price[row] != 0, adjusted.price[row], price[there])
    kept[there] = ~adjusted.busted[row]
    return picked(closes._replace(price=price), kept)
