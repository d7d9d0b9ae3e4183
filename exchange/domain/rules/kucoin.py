"""kucoin: KuCoin Futures in isolated margin, as help page 4408061803033 works it out.

Maintenance on the entry value and no fee: linear ``(E*n*S -/+ (IM - MM)) / (n*S)``,
coin-margined ``n / (n/E +/- (IM - MM))``. Prices lose their decimals (27,450.98 is printed
27,450). The venue's page of 2025 measures on the mark and adds a liquidation fee: see
``kucoin-2025``.
"""

from exchange.domain.margin.health import ENTRY
from exchange.domain.margin.position import INVERSE, LINEAR
from exchange.domain.margin.ruleset import PriceRounding, RuleSet, both, given_or_table, ticks

ROUNDING = PriceRounding(
    ticks=ticks(("1000", "1"), ("100", "0.01"), ("1", "0.001"), ("0", "0.00001")),
    long="floor",
    short="floor",
    source="cut off, as the published 27,450 for 27,450.98 shows",
)

RULES = RuleSet(
    name="kucoin",
    version="1",
    title="KuCoin Futures",
    sources=(
        "https://www.kucoin.com/support/4408061803033",
        "https://kucoin.zendesk.com/hc/en-us/articles/27619032569113-How-to-Calculate-Contract-Bankruptcy-Price",
    ),
    contracts=(LINEAR, INVERSE),
    rates=given_or_table(),
    basis=both(ENTRY),
    rounding=ROUNDING,
)
