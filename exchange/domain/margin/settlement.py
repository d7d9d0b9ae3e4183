"""Settlement and delivery of one dated future, exact; of whole books: `valuation.settle`.

OKEx, 2018: every Friday at 16:00 UTC+8 the weekly contract is delivered at the arithmetic mean
of the index over the hour before, and the unrealised profit of the others settles into realised
profit; their positions go on at the settlement price (support.okexcn.com 115001762991). Delivery
costs 0.015 % for BTC, 0.05 % for other coins; a close by liquidation costs nothing.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from exchange.domain.margin.position import Leg

DELIVERY_FEE = {"BTC": Decimal("0.00015"), "": Decimal("0.0005")}
"""Delivery and settlement fee by coin ("" = any other), of the value at the delivery price."""


class Settled(NamedTuple):
    """What a settlement pays (below zero: takes), and the position that goes on."""

    realised: Fraction
    leg: Leg


def delivery_price(index: Sequence[Decimal]) -> Fraction:
    """Arithmetic mean of the index over the hour before delivery; at least one sample."""
    if not index:
        raise ValueError("a delivery price needs at least one index sample")
    return sum((Fraction(sample) for sample in index), Fraction(0)) / len(index)


def settle(leg: Leg, price: Fraction) -> Settled:
    """Realise the profit of a position at a price and carry it on from there.

    The profit to any later price is unchanged: ``leg.profit(p) == realised + settled.profit(p)``.
    """
    return Settled(leg.profit(price), leg._replace(entry=price))


def delivery_fee(leg: Leg, price: Fraction, coin: str) -> Fraction:
    """Fee of delivering a position, in the settlement coin."""
    rate = DELIVERY_FEE.get(coin.upper(), DELIVERY_FEE[""])
    return leg.value(price) * Fraction(rate)
