"""phemex: Phemex coin-margined and USD-settled linear contracts.

Help page "How are Liquidation Prices calculated?": maintenance on the entry value, no fee;
inverse ``q / (open value + (IM - MM))`` for a long, ``q / (open value - (IM - MM))`` for a
short, and the linear mirror. USDT contracts follow another page: ``phemex-usdt``.
"""

from exchange.domain.margin.health import ENTRY
from exchange.domain.margin.position import INVERSE, LINEAR
from exchange.domain.margin.ruleset import (
    EQUITY_OVER_MAINTENANCE,
    PriceRounding,
    RuleSet,
    both,
    given_or_table,
    ticks,
)

RULES = RuleSet(
    name="phemex",
    version="1",
    title="Phemex inverse and linear contracts",
    sources=("https://phemex.com/help-center/liquidation-price",),
    contracts=(INVERSE, LINEAR),
    rates=given_or_table(),
    basis=both(ENTRY),
    ratio=EQUITY_OVER_MAINTENANCE,
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.5"), ("100", "0.05"), ("1", "0.001"), ("0", "0.0001"))
    ),
)
