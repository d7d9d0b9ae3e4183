"""bybit-linear-2026: Bybit USDT contracts by the help pages of 2026.

Maintenance is measured on the mark value. The margin of a position includes the fee of closing
it at its bankruptcy price (the estimated fee to close), which the trigger keeps back again:
``(value - initial margin - added / (1 - fee) - deduction) / (size * (1 - rate))`` for a long.
"""

from exchange.domain.margin.health import FEE_AT_BANKRUPTCY
from exchange.domain.margin.position import LINEAR
from exchange.domain.margin.ruleset import (
    FeeRule,
    PriceRounding,
    RuleSet,
    both,
    given_or_table,
    ticks,
)
from exchange.domain.rules.bybit_linear import TIERS

FEE = both(FeeRule(FEE_AT_BANKRUPTCY, in_bankruptcy=True))
ROUNDING = PriceRounding(
    ticks=ticks(("100", "0.01"), ("1", "0.0001"), ("0", "0.000001")),
    source="nearest cent, as the published 36,380.25 shows",
)

RULES = RuleSet(
    name="bybit-linear-2026",
    version="1",
    title="Bybit USDT contracts, pages of 2026",
    sources=(
        "https://www.bybit.com/en/help-center/article/UTA-Trading-Rules",
        "https://www.bybit.com/en/help-center/article/Bankruptcy-Price-Perpetual-and-Expiry-Contracts",
        "https://www.kbybit.com/en/help-center/article/Liquidation-Price-Calculation-under-Isolated-Mode-Unified-Trading-Account",
    ),
    contracts=(LINEAR,),
    rates=given_or_table(TIERS),
    fee=FEE,
    rounding=ROUNDING,
)
