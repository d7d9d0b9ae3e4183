"""bitmex: BitMEX contracts in isolated and cross margin.

Maintenance is a share of the entry value, and the trigger keeps back the taker fee on the
bankruptcy value. The margin of an isolated position holds that fee beside the initial margin
(``posMargin = posInit + posComm`` in positions the venue returned), so there it moves neither
price. Inverse is XBTUSD, linear the USDT contracts, quanto those like ETHUSD (give ``face``, the
coins per point of price). The rate follows the lowest risk limit the position fits, and is
charged on all of it: no deductions.
"""

from fractions import Fraction
from math import ceil
from typing import NamedTuple

from exchange.domain.margin.health import ENTRY, FEE_AT_BANKRUPTCY
from exchange.domain.margin.position import INVERSE, LINEAR, QUANTO
from exchange.domain.margin.ruleset import (
    CROSS,
    ISOLATED,
    FeeRule,
    Lacking,
    PriceRounding,
    Rates,
    RuleSet,
    Terms,
    both,
    by_leverage,
    given_or_table,
    percent,
    plain,
    ticks,
)
from exchange.domain.margin.tiers import flat


class RiskLimit(NamedTuple):
    """Coins of the base limit and of every step above it, the base rates, and a step's rise."""

    base: int
    step: int
    maintenance: Fraction
    initial: Fraction
    rise: Fraction


RISK_LIMITS = {
    # app/riskLimitsExamples, with the step of 31 August 2021.
    "XBTUSD": RiskLimit(200, 150, Fraction("0.005"), Fraction("0.01"), Fraction("0.005"))
}

_given_rates = given_or_table()


def _rates(terms: Terms) -> Rates:
    if terms.maintenance is not None:
        return _given_rates(terms)
    limit = RISK_LIMITS.get(plain(terms.symbol))
    if limit is None:
        known = ", ".join(sorted(RISK_LIMITS))
        raise Lacking(
            terms.rules, "maintenance", f"the rate, such as 0.005, or symbol as one of {known}"
        )
    steps = max(0, ceil((terms.entry_value - limit.base) / limit.step))
    coins, rate = limit.base + steps * limit.step, limit.maintenance + steps * limit.rise
    return Rates(
        tiers=flat(rate),
        initial=by_leverage(terms) or limit.initial + steps * limit.rise,
        because=f"the risk limit of {coins} coins asks for {percent(rate)}",
    )


RULES = RuleSet(
    name="bitmex",
    version="1",
    title="BitMEX inverse, linear and quanto contracts",
    sources=(
        "https://www.bitmex.com/app/isolatedMarginExamples",
        "https://www.bitmex.com/app/riskLimitsExamples",
        "https://medium.com/@zoomerjd/how-to-bitmex-calculate-liquidation-price-on-xbtusd-1feac648178d",
        "https://r.arson.gg/r/BitMEX/comments/fc6rui/is_maintenance_margin_factored_into_liquidation",
    ),
    contracts=(INVERSE, LINEAR, QUANTO),
    rates=_rates,
    basis=both(ENTRY),
    fee={
        CROSS: FeeRule(FEE_AT_BANKRUPTCY),
        ISOLATED: FeeRule(FEE_AT_BANKRUPTCY, in_bankruptcy=True),
    },
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.50"), ("100", "0.05"), ("1", "0.001"), ("0", "0.0001")),
        long="ceiling",
        short="floor",
        source="long up, short down, as in positions the venue returned",
    ),
)
