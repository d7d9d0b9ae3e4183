"""One position in exact fractions: its value and profit at a price.

Units: ``size`` is in quote currency for an inverse contract (contracts times face), in coins
for a linear one (contracts times multiplier), and in settlement coins per unit of price for
a quanto one. Values and profits are in the settlement asset: coins for inverse and quanto,
quote currency for linear.
"""

from fractions import Fraction
from typing import NamedTuple

INVERSE, LINEAR, QUANTO = "inverse", "linear", "quanto"
CONTRACTS = (INVERSE, LINEAR, QUANTO)
LONG, SHORT = 1, -1


class Leg(NamedTuple):
    """A position: ``side`` is +1 long or -1 short, ``size`` and ``entry`` are above zero."""

    contract: str
    side: int
    size: Fraction
    entry: Fraction

    @property
    def coordinate_side(self) -> int:
        """+1 when the position gains as ``x`` rises: a linear long, an inverse short."""
        return -self.side if self.contract == INVERSE else self.side

    @property
    def entry_value(self) -> Fraction:
        """Value at the entry price."""
        return self.value(self.entry)

    def value(self, price: Fraction) -> Fraction:
        """Unsigned value at a price above zero: ``size / p`` inverse, ``size * p`` otherwise."""
        return self.size / price if self.contract == INVERSE else self.size * price

    def profit(self, price: Fraction) -> Fraction:
        """Unrealised profit at a price above zero, unrounded."""
        if self.contract == INVERSE:
            return self.side * (self.size / self.entry - self.size / price)
        return self.side * self.size * (price - self.entry)


def coordinate(contract: str, price: Fraction) -> Fraction:
    """``x`` of a price, and (the map is its own inverse) the price of an ``x``."""
    return 1 / price if contract == INVERSE else price


def bankruptcy_at_margin_rate(leg: Leg, rate: Fraction) -> Fraction | None:
    """Bankruptcy price of a position whose margin is ``rate`` of its entry value.

    With ``rate = 1/lev``, inverse: ``E*lev/(lev+1)`` long, ``E*lev/(lev-1)`` short
    (help.mcs.io 360040683032); linear: ``E*(1 - 1/lev)`` long, ``E*(1 + 1/lev)`` short. None
    where no price takes all of it, as for an inverse short or a linear long at 1x.
    """
    factor = 1 + leg.side * rate if leg.contract == INVERSE else 1 - leg.side * rate
    if factor <= 0:
        return None
    return leg.entry / factor if leg.contract == INVERSE else leg.entry * factor
