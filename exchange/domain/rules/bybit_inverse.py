"""bybit-inverse: Bybit coin-margined contracts, as the help pages of 2020 work them out.

Maintenance is a share of the entry value. In cross margin the fee of the close is part of
both prices: ``B = (1 + side*fee) * q / (q/E + side*balance)``, and the trigger keeps back
``fee * q/B``. In isolated margin the fee to close was set aside with the order and moves
neither price. Prices are rounded up for a long and down for a short. Later pages measure on the
mark: see ``bybit-inverse-2026``.
"""

from exchange.domain.margin.health import ENTRY, FEE_AT_BANKRUPTCY
from exchange.domain.margin.position import INVERSE
from exchange.domain.margin.ruleset import (
    CROSS,
    ISOLATED,
    FeeRule,
    PriceRounding,
    RuleSet,
    both,
    given_or_table,
    ticks,
)
from exchange.domain.margin.tiers import tier_table

LOWEST = {
    symbol: tier_table([(0, rate)])
    for symbol, rate in (
        ("BTCUSD", "0.005"),
        ("ETHUSD", "0.01"),
        ("EOSUSD", "0.01"),
        ("XRPUSD", "0.01"),
    )
}
"""The lowest rate of each contract, as the help page prints it."""

ROUNDING = PriceRounding(
    ticks=ticks(("1000", "0.50"), ("100", "0.05"), ("1", "0.001"), ("0", "0.0001")),
    long="ceiling",
    short="floor",
    source="help.bybit.com 360011431853: long up, short down",
)

RULES = RuleSet(
    name="bybit-inverse",
    version="1",
    title="Bybit inverse contracts",
    sources=(
        "https://help.bybit.com/hc/en-us/articles/360039261334-How-to-calculate-Liquidation-Price-Inverse-Contract-",
        "https://help.bybit.com/hc/en-us/articles/360011431853-What-is-Bankruptcy-Price-",
    ),
    contracts=(INVERSE,),
    rates=given_or_table(LOWEST),
    basis=both(ENTRY),
    fee={CROSS: FeeRule(FEE_AT_BANKRUPTCY, in_bankruptcy=True), ISOLATED: FeeRule()},
    rounding=ROUNDING,
)
