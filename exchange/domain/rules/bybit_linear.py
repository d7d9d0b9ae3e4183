"""bybit-linear: Bybit USDT contracts.

``L = E - side * (margin - maintenance) / size`` with maintenance on the entry value; margin
added to the position counts in full. In cross margin the fee of the close is kept back at
the bankruptcy price, as for the inverse contracts. Later pages measure on the mark: see
``bybit-linear-2026``.
"""

from exchange.domain.margin.health import ENTRY, FEE_AT_BANKRUPTCY
from exchange.domain.margin.position import LINEAR
from exchange.domain.margin.ruleset import CROSS, ISOLATED, FeeRule, RuleSet, both, given_or_table
from exchange.domain.margin.tiers import capped_table
from exchange.domain.rules.bybit_inverse import ROUNDING

TIERS = {
    # announcement-info/margin-parameters, and beyond 80 million what GET /v5/market/risk-limit
    # returned in 2026: upper bound in USDT, rate.
    "BTCUSDT": capped_table(
        [
            (2_000_000, "0.005"),
            (2_600_000, "0.0056"),
            (3_200_000, "0.0063"),
            (3_800_000, "0.0067"),
            (4_400_000, "0.0071"),
            (5_000_000, "0.0077"),
            (5_600_000, "0.0091"),
            (8_500_000, "0.01"),
            (10_000_000, "0.013"),
            (14_000_000, "0.015"),
            (20_000_000, "0.016"),
            (28_000_000, "0.02"),
            (38_000_000, "0.025"),
            (50_000_000, "0.029"),
            (55_000_000, "0.03"),
            (60_000_000, "0.035"),
            (65_000_000, "0.036"),
            (70_000_000, "0.038"),
            (75_000_000, "0.04"),
            (80_000_000, "0.045"),
            (85_000_000, "0.05"),
            (90_000_000, "0.055"),
            (95_000_000, "0.06"),
            (100_000_000, "0.065"),
            (105_000_000, "0.07"),
            (110_000_000, "0.085"),
            (115_000_000, "0.095"),
            (120_000_000, "0.1"),
            (150_000_000, "0.12"),
            (200_000_000, "0.14"),
            (250_000_000, "0.18"),
            (400_000_000, "0.3"),
            (600_000_000, "0.42"),
            (800_000_000, "0.5"),
            (1_200_000_000, "0.6"),
        ]
    ),
}

RULES = RuleSet(
    name="bybit-linear",
    version="1",
    title="Bybit USDT contracts",
    sources=(
        "https://testnet.bybit.com/en-US/help-center/s/article/Liquidation-Price-USDT-Contract",
        "https://bybit.com/zh-TW/announcement-info/margin-parameters",
    ),
    contracts=(LINEAR,),
    rates=given_or_table(TIERS),
    basis=both(ENTRY),
    fee={CROSS: FeeRule(FEE_AT_BANKRUPTCY, in_bankruptcy=True), ISOLATED: FeeRule()},
    rounding=ROUNDING,
)
