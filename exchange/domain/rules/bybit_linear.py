"""bybit-linear: Bybit USDT contracts.

``L = E - side * (margin - maintenance) / size`` with maintenance on the entry value; margin
added to the position counts in full. In cross margin the fee of the close is kept back at
the bankruptcy price, as for the inverse contracts.
"""

from exchange.domain.margin.health import ENTRY, FEE_AT_BANKRUPTCY
from exchange.domain.margin.position import LINEAR
from exchange.domain.margin.ruleset import CROSS, ISOLATED, FeeRule, RuleSet, given_or_table
from exchange.domain.rules.bybit_inverse import ROUNDING

RULES = RuleSet(
    name="bybit-linear",
    version="1",
    title="Bybit USDT contracts",
    sources=(
        "https://testnet.bybit.com/en-US/help-center/s/article/Liquidation-Price-USDT-Contract",
    ),
    contracts=(LINEAR,),
    rates=given_or_table(),
    basis={CROSS: ENTRY, ISOLATED: ENTRY},
    fee={CROSS: FeeRule(FEE_AT_BANKRUPTCY, in_bankruptcy=True), ISOLATED: FeeRule()},
    rounding=ROUNDING,
)
