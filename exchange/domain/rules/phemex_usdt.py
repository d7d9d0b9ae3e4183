"""phemex-usdt: Phemex USDT contracts.

``(value -/+ margin -/+ deduction) / (1 -/+ fee -/+ rate) / size``: maintenance and the taker
fee on the mark value. The margin of a position includes the fee of closing it at its
bankruptcy price, so the bankruptcy price leaves room for it too.
"""

from exchange.domain.margin.health import FEE_AT_MARK
from exchange.domain.margin.position import LINEAR
from exchange.domain.margin.ruleset import (
    EQUITY_OVER_MAINTENANCE,
    FeeRule,
    PriceRounding,
    RuleSet,
    both,
    given_or_table,
    ticks,
)
from exchange.domain.margin.tiers import tier_table

TIERS = {"BTCUSDT": tier_table([(0, "0.005"), (2_000_000, "0.0075")])}
"""The first two tiers, those of the help page's worked example."""

RULES = RuleSet(
    name="phemex-usdt",
    version="1",
    title="Phemex USDT contracts",
    sources=(
        "https://phemex.com/help-center/liq-price-for-USDTM",
        "https://phemex.com/help-center/legerage-IM-MM-USDTM",
    ),
    contracts=(LINEAR,),
    rates=given_or_table(TIERS),
    fee=both(FeeRule(FEE_AT_MARK, in_bankruptcy=True)),
    ratio=EQUITY_OVER_MAINTENANCE,
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.1"), ("100", "0.01"), ("1", "0.001"), ("0", "0.0001")),
    ),
)
