"""binance-usdm: Binance USD-margined futures.

``L = (WB - TMM + UPNL + cum - side*z*E) / (z*m - side*z)``: maintenance on the mark value,
in the tier of the value at the liquidation price, no closing fee in the trigger. Long and
short legs of one symbol in hedge mode share one liquidation price.
"""

from exchange.domain.margin.position import LINEAR
from exchange.domain.margin.ruleset import PriceRounding, RuleSet, given_or_table, ticks
from exchange.domain.margin.tiers import Tier, capped_table, tier_table

TIERS: dict[str, tuple[Tier, ...]] = {
    # Announcement 86cf9aa4, 18 March 2021: upper bound in USDT, rate.
    "BTCUSDT": capped_table(
        [
            (50_000, "0.004"),
            (250_000, "0.005"),
            (1_000_000, "0.01"),
            (10_000_000, "0.025"),
            (20_000_000, "0.05"),
            (50_000_000, "0.1"),
            (100_000_000, "0.125"),
            (200_000_000, "0.15"),
            (300_000_000, "0.25"),
            (500_000_000, "0.5"),
        ]
    ),
    # gist crackcomm/e2958203, the venue's own page of early 2021; its 135,365 is the
    # maintenance amount of Binance's worked example.
    "ETHUSDT": capped_table(
        [
            (10_000, "0.005"),
            (100_000, "0.0065"),
            (500_000, "0.01"),
            (1_000_000, "0.02"),
            (2_000_000, "0.05"),
            (5_000_000, "0.1"),
            (10_000_000, "0.125"),
            (20_000_000, "0.15"),
            (5_000_000_000, "0.25"),
        ]
    ),
    "ADABUSD": tier_table(
        [
            (0, "0.025"),
            (100_000, "0.05"),
            (500_000, "0.1"),
            (1_000_000, "0.15"),
            (2_000_000, "0.25"),
            (5_000_000, "0.5"),
        ]
    ),
    "ZECUSDT": tier_table(
        [
            (0, "0.01"),
            (50_000, "0.025"),
            (150_000, "0.05"),
            (250_000, "0.1"),
            (500_000, "0.125"),
            (1_000_000, "0.25"),
            (2_000_000, "0.5"),
        ]
    ),
}

AT_MOST_75 = "ADA BNB DOT EOS ETC LINK LTC TRX XLM XMR XRP XTZ BCH"
TIERS |= {
    # The same page of early 2021 as ETHUSDT's: contracts of at most 75x share one table.
    f"{coin}USDT": capped_table(
        [
            (10_000, "0.0065"),
            (50_000, "0.01"),
            (250_000, "0.02"),
            (1_000_000, "0.05"),
            (2_000_000, "0.1"),
            (5_000_000, "0.125"),
            (10_000_000, "0.15"),
            (5_000_000_000, "0.25"),
        ]
    )
    for coin in AT_MOST_75.split()
}
TIERS |= {
    # Announcement 86cf9aa4: six contracts raised to 50x share another.
    f"{coin}USDT": capped_table(
        [
            (5_000, "0.01"),
            (25_000, "0.025"),
            (100_000, "0.05"),
            (250_000, "0.1"),
            (1_000_000, "0.125"),
            (10**12, "0.5"),
        ]
    )
    for coin in ("XEM", "COTI", "CHR", "MANA", "HBAR", "ALICE")
}

RULES = RuleSet(
    name="binance-usdm",
    version="1",
    title="Binance USD-margined futures",
    sources=(
        "https://www.binance.com/en-NG/support/faq/b3c689c1f50a44cabb3a84e663b81d93",
        "https://www.binance.com/tr/support/announcement/86cf9aa472574b8cb2e05bb751c2a9a6",
    ),
    contracts=(LINEAR,),
    rates=given_or_table(TIERS),
    rounding=PriceRounding(
        ticks=ticks(("10", "0.01"), ("1", "0.001"), ("0", "0.00001")),
        source="nearest tick, which gives the digits of the published examples",
    ),
)
