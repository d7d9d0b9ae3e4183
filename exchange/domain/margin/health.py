"""What an account has left, and the prices at which it is liquidated and bankrupt.

    health(p) = collateral + profit(p) + profit of others
                - maintenance(p) - maintenance of others - closing fee

The position is liquidated at the price where health reaches zero, and bankrupt where equity
does. Both are roots of lines in ``x`` (see the package), taken exactly, tier by tier;
`search_liquidation_price` finds the same root by bisection of `health` without that algebra
and exists to check it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from exchange.domain.margin.position import Leg, coordinate
from exchange.domain.margin.tiers import Tier, maintenance

ENTRY, MARK = "entry", "mark"
NO_FEE, FEE_AT_BANKRUPTCY, FEE_AT_MARK = "none", "bankruptcy", "mark"

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Holding:
    """A leg and the maintenance it owes, measured on its entry value or on its mark value."""

    leg: Leg
    tiers: tuple[Tier, ...]
    basis: str = MARK

    def maintenance(self, price: Fraction) -> Fraction:
        """Maintenance margin at a price."""
        value = self.leg.entry_value if self.basis == ENTRY else self.leg.value(price)
        return maintenance(self.tiers, value)


@dataclass(frozen=True, slots=True)
class Account:
    """One contract's holdings (one leg, or a long and a short) and the collateral behind them.

    ``fee`` is the taker rate of the closing trade; ``fee_at`` says whether the trigger keeps
    it back at the bankruptcy value, at the mark value or not at all, ``fee_in_bankruptcy``
    whether the bankruptcy price leaves room for it.
    """

    holdings: tuple[Holding, ...]
    collateral: Fraction
    others_profit: Fraction = ZERO
    others_maintenance: Fraction = ZERO
    fee: Fraction = ZERO
    fee_at: str = NO_FEE
    fee_in_bankruptcy: bool = False

    @property
    def contract(self) -> str:
        return self.holdings[0].leg.contract


def equity(account: Account, price: Fraction) -> Fraction:
    """Collateral and all unrealised profit at a price of this contract, fees apart."""
    profit = sum((holding.leg.profit(price) for holding in account.holdings), ZERO)
    return account.collateral + account.others_profit + profit


def closing_fee(account: Account, price: Fraction) -> Fraction:
    """The fee the trigger keeps back: at the bankruptcy value, at the mark value, or none."""
    if account.fee_at == NO_FEE:
        return ZERO
    at = bankruptcy_price(account) if account.fee_at == FEE_AT_BANKRUPTCY else price
    if at is None:
        return ZERO
    return account.fee * sum((holding.leg.value(at) for holding in account.holdings), ZERO)


def health(account: Account, price: Fraction) -> Fraction:
    """What is left above the maintenance of the whole account; liquidated at zero or below."""
    due = sum((holding.maintenance(price) for holding in account.holdings), ZERO)
    left = equity(account, price) - due - account.others_maintenance
    return left - closing_fee(account, price)


def _equity_line(account: Account) -> tuple[Fraction, Fraction]:
    """Equity as ``level + slope * x``."""
    level, slope = account.collateral + account.others_profit, ZERO
    for holding in account.holdings:
        leg = holding.leg
        gain = leg.coordinate_side * leg.size
        level -= gain * coordinate(leg.contract, leg.entry)
        slope += gain
    return level, slope


def _root(account: Account, level: Fraction, slope: Fraction) -> Fraction | None:
    """The price at which ``level + slope * x`` is zero, or None when no price above zero is."""
    if slope == 0:
        return None
    x = -level / slope
    return coordinate(account.contract, x) if x > 0 else None


def bankruptcy_price(account: Account) -> Fraction | None:
    """The price at which nothing is left of the collateral; None when no price takes it all."""
    level, slope = _equity_line(account)
    if account.fee_in_bankruptcy:
        slope -= account.fee * sum((holding.leg.size for holding in account.holdings), ZERO)
    return _root(account, level, slope)


def _segments(account: Account) -> Iterator[tuple[Fraction, Fraction | None]]:
    """Intervals of ``x`` within which no holding changes its tier; the last one is open."""
    bounds = {
        tier.floor / holding.leg.size
        for holding in account.holdings
        if holding.basis == MARK
        for tier in holding.tiers
    }
    edges = sorted(bounds | {ZERO})
    yield from zip(edges, [*edges[1:], None], strict=True)


def _tier_within(holding: Holding, low: Fraction, high: Fraction | None) -> Tier:
    """The tier of a holding whose value lies between two neighbouring edges of ``x``."""
    inside = low + 1 if high is None else (low + high) / 2
    fitting = [tier for tier in holding.tiers if inside * holding.leg.size >= tier.floor]
    return fitting[-1]


def liquidation_price(account: Account) -> Fraction | None:
    """The price at which `health` reaches zero, in closed form; None when it never does.

    With a long and a short leg of the same contract health can reach zero on either side of
    the entry price: the nearer root is returned.
    """
    level, slope = _equity_line(account)
    level -= account.others_maintenance
    if account.fee_at == FEE_AT_BANKRUPTCY:
        level -= closing_fee(account, account.holdings[0].leg.entry)
    elif account.fee_at == FEE_AT_MARK:
        slope -= account.fee * sum((holding.leg.size for holding in account.holdings), ZERO)
    roots: list[Fraction] = []
    for low, high in _segments(account):
        here, tilt = level, slope
        for holding in account.holdings:
            if holding.basis == ENTRY:
                here -= holding.maintenance(holding.leg.entry)
            else:
                tier = _tier_within(holding, low, high)
                here += tier.deduction
                tilt -= tier.rate * holding.leg.size
        price = _root(account, here, tilt)
        if price is None:
            continue
        x = coordinate(account.contract, price)
        if low <= x and (high is None or x <= high):
            roots.append(price)
    start = account.holdings[0].leg.entry
    return min(roots, key=lambda price: (abs(price - start), price), default=None)


def search_liquidation_price(
    account: Account, *, precision: Fraction = Fraction(1, 10**15)
) -> Fraction | None:
    """The root of `health` by bisection on prices, for an account of one leg.

    Health rises with the price for a long and falls for a short, so one crossing is
    bracketed by doubling (or halving) from the entry price, at most 200 times, and then
    narrowed until the bracket is ``precision`` times its price.
    """
    leg = account.holdings[0].leg
    low = high = leg.entry
    for _ in range(200):
        if leg.side * health(account, low) <= 0:
            break
        low /= 2
    for _ in range(200):
        if leg.side * health(account, high) >= 0:
            break
        high *= 2
    if leg.side * health(account, low) > 0 or leg.side * health(account, high) < 0:
        return None
    while high - low > precision * high:
        middle = (low + high) / 2
        if leg.side * health(account, middle) >= 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2
