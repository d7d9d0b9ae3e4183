"""kucoin-2025: KuCoin Futures by help page 26694703491737.

``(value - margin) / (size * (1 - side*rate - side*fee))``: maintenance and the liquidation
fee (give it as ``taker_fee``) are both measured on the mark value.
"""

from exchange.domain.margin.health import FEE_AT_MARK
from exchange.domain.margin.position import INVERSE, LINEAR
from exchange.domain.margin.ruleset import CROSS, ISOLATED, FeeRule, RuleSet, given_or_table
from exchange.domain.rules.kucoin import ROUNDING

RULES = RuleSet(
    name="kucoin-2025",
    version="1",
    title="KuCoin Futures, page of 2025",
    sources=("https://www.kucoin.com/support/26694703491737",),
    contracts=(LINEAR, INVERSE),
    rates=given_or_table(),
    fee={CROSS: FeeRule(FEE_AT_MARK), ISOLATED: FeeRule(FEE_AT_MARK)},
    rounding=ROUNDING,
)
