"""kucoin-2025: KuCoin Futures by help pages 26694703491737 and 35084431335065.

``(value - margin) / (size * (1 - side*rate - side*fee))``: maintenance and the liquidation
fee (give it as ``taker_fee``) are both measured on the mark value. In cross margin each
position has the same share of the account's equity over its mark value, printed as a
percentage of two decimals (22.62 %), and that share is its margin.
"""

from decimal import Decimal

from exchange.domain.margin.health import FEE_AT_MARK
from exchange.domain.margin.position import INVERSE, LINEAR
from exchange.domain.margin.ruleset import (
    FeeRule,
    PriceRounding,
    RuleSet,
    both,
    given_or_table,
    ticks,
)

RULES = RuleSet(
    name="kucoin-2025",
    version="1",
    title="KuCoin Futures, pages of 2025",
    sources=(
        "https://www.kucoin.com/support/26694703491737",
        "https://www.kucoin.com/fil/support/35084431335065",
    ),
    contracts=(LINEAR, INVERSE),
    rates=given_or_table(),
    fee=both(FeeRule(FEE_AT_MARK)),
    share_quantum=Decimal("0.0001"),
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.1"), ("100", "0.01"), ("1", "0.001"), ("0", "0.00001")),
        source="nearest tick, as the published 4,610.7 for 4,610.687 shows",
    ),
)
