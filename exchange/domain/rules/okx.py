"""okx: OKX futures and perpetuals of the unified account.

Maintenance is measured on the mark value and the taker fee of the close is kept back at the
mark: the position goes when ``(margin + profit) / (value * (rate + fee))`` reaches 100 %.
Without a fee this is the older ``(1 + m) / (1/E + M/q)`` of coin-margined contracts.
"""

from exchange.domain.margin.health import ENTRY, FEE_AT_MARK, MARK
from exchange.domain.margin.position import INVERSE, LINEAR
from exchange.domain.margin.ruleset import (
    CROSS,
    EQUITY_OVER_MAINTENANCE,
    ISOLATED,
    FeeRule,
    PriceRounding,
    RuleSet,
    both,
    given_or_table,
    ticks,
)

RULES = RuleSet(
    name="okx",
    version="1",
    title="OKX futures and perpetual swaps",
    sources=("https://ukcamo.com/5262.html", "https://open-lib.com/11556.html"),
    contracts=(INVERSE, LINEAR),
    smallest_inverse=10,
    rates=given_or_table(),
    fee=both(FeeRule(FEE_AT_MARK)),
    initial_basis={CROSS: MARK, ISOLATED: ENTRY},
    ratio=EQUITY_OVER_MAINTENANCE,
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.1"), ("100", "0.01"), ("1", "0.001"), ("0", "0.00001"))
    ),
)
