"""bybit-inverse-2026: Bybit coin-margined contracts by the help pages of 2026.

``size * (1 + rate) / (size/E + initial margin + added / (1 + fee) + deduction)`` for a long:
maintenance on the mark value, and the closing fee as in ``bybit-linear-2026``.
"""

from exchange.domain.margin.position import INVERSE
from exchange.domain.margin.ruleset import RuleSet, given_or_table
from exchange.domain.rules.bybit_linear_2026 import FEE, ROUNDING

RULES = RuleSet(
    name="bybit-inverse-2026",
    version="1",
    title="Bybit inverse contracts, pages of 2026",
    sources=(
        "https://www.kbybit.com/en/help-center/article/Liquidation-Price-Calculation-under-Isolated-Mode-Unified-Trading-Account",
    ),
    contracts=(INVERSE,),
    rates=given_or_table(),
    fee=FEE,
    rounding=ROUNDING,
)
