"""bitmex: BitMEX contracts in isolated and cross margin.

Maintenance is a share of the entry value, plus the taker fee on the bankruptcy value; the
bankruptcy price itself leaves no room for the fee. Inverse is XBTUSD, linear the USDT
contracts, quanto those like ETHUSD (give ``face``, the coins per point of price).
"""

from exchange.domain.margin.health import ENTRY, FEE_AT_BANKRUPTCY
from exchange.domain.margin.position import INVERSE, LINEAR, QUANTO
from exchange.domain.margin.ruleset import (
    CROSS,
    ISOLATED,
    FeeRule,
    PriceRounding,
    RuleSet,
    given_or_table,
    ticks,
)

RULES = RuleSet(
    name="bitmex",
    version="1",
    title="BitMEX inverse, linear and quanto contracts",
    sources=(
        "https://www.bitmex.com/app/isolatedMarginExamples",
        "https://medium.com/@zoomerjd/how-to-bitmex-calculate-liquidation-price-on-xbtusd-1feac648178d",
        "https://r.arson.gg/r/BitMEX/comments/fc6rui/is_maintenance_margin_factored_into_liquidation",
    ),
    contracts=(INVERSE, LINEAR, QUANTO),
    rates=given_or_table(),
    basis={CROSS: ENTRY, ISOLATED: ENTRY},
    fee={CROSS: FeeRule(FEE_AT_BANKRUPTCY), ISOLATED: FeeRule(FEE_AT_BANKRUPTCY)},
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.50"), ("100", "0.05"), ("1", "0.001"), ("0", "0.0001")),
        source="nearest tick, as gist highfestiva/25598e42 found; the venue publishes no direction",
    ),
)
