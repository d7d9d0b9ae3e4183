"""hyperliquid: Hyperliquid perpetuals.

``L = price - side * margin_available / size / (1 - rate * side)``: maintenance on the mark
value at half the initial rate of the asset's highest leverage, tiered by value. The venue
prints liquidation prices unrounded; eight decimals are kept here.
"""

from exchange.domain.margin.position import LINEAR
from exchange.domain.margin.ruleset import PriceRounding, RuleSet, given_or_table, ticks
from exchange.domain.margin.tiers import Number, Tier, tier_table


def by_max_leverage(*rows: tuple[Number, int]) -> tuple[Tier, ...]:
    """Tiers from ``(value floor, highest leverage)`` rows: the rate is half of one over it."""
    return tier_table((floor, f"1/{2 * leverage}") for floor, leverage in rows)


TIERS = {
    "BTC": by_max_leverage((0, 40), (150_000_000, 20)),
    "ETH": by_max_leverage((0, 25), (100_000_000, 15)),
    "SOL": by_max_leverage((0, 20), (70_000_000, 10)),
    "XRP": by_max_leverage((0, 20), (40_000_000, 10)),
}
TWENTY_MILLION = (
    "DOGE KPEPE SUI WLD TRUMP LTC ENA POPCAT WIF AAVE KBONK LINK CRV AVAX ADA UNI NEAR TIA APT BCH "
    "HYPE FARTCOIN"
)
THREE_MILLION = "OP ARB LDO TON MKR ONDO JUP INJ KSHIB SEI TRX BNB DOT"
TIERS |= {coin: by_max_leverage((0, 10), (20_000_000, 5)) for coin in TWENTY_MILLION.split()}
TIERS |= {coin: by_max_leverage((0, 10), (3_000_000, 5)) for coin in THREE_MILLION.split()}

RULES = RuleSet(
    name="hyperliquid",
    version="1",
    title="Hyperliquid perpetuals",
    sources=(
        "https://hyperliquid.gitbook.io/hyperliquid-docs/trading/liquidations",
        "https://hyperliquid.gitbook.io/hyperliquid-docs/trading/margin-tiers",
        "https://github.com/hyperliquid-dex/ts-examples/blob/main/examples/LiquidationPx.tsx",
    ),
    contracts=(LINEAR,),
    rates=given_or_table(TIERS),
    rounding=PriceRounding(
        ticks=ticks(("0", "0.00000001")),
        long="half_even",
        short="half_even",
        source="printed unrounded, eight decimals kept",
    ),
)
