"""Remedies as their operators published them: what a customer is paid, and who is eligible.

Pure and exact: prices, sizes and amounts are fractions, results are unrounded, and the plan
that uses one names its rounding. Sources are in the notices quoted at each function. A
customer is never charged by these formulas: a result below zero is paid as nothing.
"""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import NamedTuple

from exchange.domain.margin.position import LONG, Leg

ZERO = Fraction(0)


def lost_to_reference(closed: Leg, at: Fraction, reference: Fraction) -> Fraction:
    """What a close at ``at`` cost a position against a close at the reference; at least 0.

    Linear long: ``size * (reference - at)``; inverse long: ``size * (1/at - 1/reference)``.
    The loss is between two prices, so the position's own entry does not matter.
    """
    return max(ZERO, closed._replace(entry=at).profit(reference))


def reference_payout(
    closed: Leg, at: Fraction, reference: Fraction, fees: Fraction = ZERO
) -> Fraction:
    """Reference minus liquidation price, plus the fees and penalties of the close.

    OKB, 23 January 2024: ``(48.36 - liquidation price)`` plus penalties and fees. Binance,
    10 October 2025: the price at 2025-10-11 00:00 UTC minus the liquidation price, no fees.
    """
    return lost_to_reference(closed, at, reference) + fees


class FaultWindow(NamedTuple):
    """A venue's fault: its start and end in microseconds UTC, and the mark just before it."""

    start_us: int
    end_us: int
    mark_before: Fraction


def okx_2023_payout(
    closed: Leg, *, at: Fraction, fee: Fraction, opened_us: int, closed_us: int, fault: FaultWindow
) -> Fraction:
    """OKX, 13 September 2023: mark before the fault minus the forced price, plus that fee.

    Only positions opened before the fault began and closed by force within it (both ends
    included) are paid (chaincatcher.com/en/article/2101638).
    """
    if opened_us >= fault.start_us or not fault.start_us <= closed_us <= fault.end_us:
        return ZERO
    return reference_payout(closed, at, fault.mark_before, fee)


def bitmex_2017_payout(closed: Leg, at: Fraction, reference: Fraction = Fraction(1183)) -> Fraction:
    """BitMEX, 15 April 2017: the loss between 1,183.00 and the liquidation price, in coins.

    Positions are not reinstated; liquidated at the reference or better is paid nothing
    (blog.bitmex.com/market-disruption-event-gdax).
    """
    return lost_to_reference(closed, at, reference)


def settlement_refund(
    position: Leg, settled: Fraction, refund_price: Fraction, *, flagged: bool = False
) -> Fraction:
    """Second step after settling a market: longs as if settled at a better price.

    Hyperliquid, JELLY, 26 March 2025: settled at 0.0095, longs refunded to 0.037555, flagged
    addresses excluded, shorts keep the settlement.
    """
    if flagged or position.side != LONG:
        return ZERO
    return lost_to_reference(position, settled, refund_price)


def mistaken_sale_payout(
    quantity: Fraction,
    sold_at: Fraction,
    reference: Fraction,
    *,
    share: Fraction = Fraction("1.1"),
    goodwill: Fraction = Fraction(20_000),
) -> Fraction:
    """Bithumb, 6 February 2026: the price difference times 110 %, plus KRW 20,000 to everyone.

    A customer who sold nothing (or at the reference or above) gets the goodwill alone.
    """
    return max(ZERO, quantity * (reference - sold_at)) * share + goodwill


class Eligibility(Enum):
    """Whether a programme pays; BY_HAND where its own rule gives no answer."""

    YES = "eligible"
    NO = "not eligible"
    BY_HAND = "decide by hand"


@dataclass(frozen=True, slots=True)
class Decision:
    """An eligibility with the sentence a customer is told."""

    eligibility: Eligibility
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LossProgramme:
    """Eligibility by loss and by its share of net assets; both bounds are included.

    Defaults are Binance's "Together Initiative" of October 2025: a loss of USD 50 or more
    that is at least 30 % of net assets at the snapshot, not already compensated elsewhere.
    """

    loss_min: Fraction = Fraction(50)
    share_min: Fraction = Fraction("0.3")

    def decide(
        self, loss: Fraction, net_assets: Fraction, *, already_compensated: bool = False
    ) -> Decision:
        """Decide one customer. Net assets of zero or below have no share: a person decides."""
        if already_compensated:
            return Decision(Eligibility.NO, "already compensated by another programme")
        if loss < self.loss_min:
            return Decision(Eligibility.NO, "the loss is below the least the programme pays for")
        if net_assets <= 0:
            return Decision(
                Eligibility.BY_HAND, "no net assets at the snapshot, so the share is not defined"
            )
        if loss < self.share_min * net_assets:
            return Decision(Eligibility.NO, "the loss is too small a share of net assets")
        return Decision(Eligibility.YES, "loss and share reach the programme's bounds")


class Band(NamedTuple):
    """Prices at or beyond ``low`` or ``high`` are outside."""

    low: Fraction
    high: Fraction

    def outside(self, price: Fraction) -> bool:
        """Boundary included: "30 % or more" busts at exactly 30 %."""
        return price <= self.low or price >= self.high


def band(reference: Fraction, share: Fraction) -> Band:
    """Band of a share around a reference. NYSE, 1 August 2012: 30 % of the opening price."""
    if reference <= 0 or not 0 < share < 1:
        raise ValueError("a band needs a reference above zero and a share between 0 and 1")
    return Band(reference * (1 - share), reference * (1 + share))


CLEARLY_ERRONEOUS = (
    (Fraction(25), Fraction("0.10")),
    (Fraction(50), Fraction("0.05")),
)
CLEARLY_ERRONEOUS_ABOVE = Fraction("0.03")


def clearly_erroneous_share(reference: Fraction) -> Fraction:
    """US equities since 2009: 10 % up to 25 USD, 5 % up to 50, 3 % above (reference price)."""
    for up_to, share in CLEARLY_ERRONEOUS:
        if reference <= up_to:
            return share
    return CLEARLY_ERRONEOUS_ABOVE


def to_edge(price: Fraction, within: Band) -> Fraction:
    """The price a trade is adjusted to: unchanged inside the band, else its nearer edge."""
    return min(max(price, within.low), within.high)
