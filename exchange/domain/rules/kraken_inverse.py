"""kraken-inverse: Kraken Futures single-collateral inverse contracts.

Maintenance on the mark value; initial margin is twice it. With a symbol, both follow the
margin schedule, whose levels are counted in contracts and charged level by level. The
liquidation price is the venue's trigger, the bankruptcy price the limit of its
immediate-or-cancel order; both are printed as whole dollars.
"""

from fractions import Fraction

from exchange.domain.margin.position import INVERSE
from exchange.domain.margin.ruleset import (
    Lacking,
    PriceRounding,
    Rates,
    RuleSet,
    Terms,
    by_leverage,
    percent,
    plain,
    ticks,
)
from exchange.domain.margin.tiers import Tier, flat, maintenance, tier_table

LEVELS: dict[str, tuple[Tier, ...]] = {
    # Margin schedule, levels in contracts; the initial rate of a level is twice this one.
    "XBTUSD": tier_table(
        [
            (0, "0.01"),
            (500_000, "0.02"),
            (1_000_000, "0.03"),
            (3_000_000, "0.05"),
            (6_000_000, "0.075"),
            (12_000_000, "0.125"),
            (20_000_000, "0.15"),
            (50_000_000, "0.2"),
        ]
    ),
    "ETHUSD": tier_table(
        [
            (0, "0.01"),
            (250_000, "0.02"),
            (500_000, "0.03"),
            (2_000_000, "0.05"),
            (5_000_000, "0.075"),
            (8_000_000, "0.125"),
            (15_000_000, "0.15"),
            (30_000_000, "0.2"),
        ]
    ),
}
# Coins whose first level is a later one.
LEVELS |= {
    "LTCUSD": tier_table(
        [
            (0, "0.01"),
            (250_000, "0.02"),
            (500_000, "0.03"),
            (2_000_000, "0.05"),
            (4_000_000, "0.075"),
        ]
    ),
    "BCHUSD": tier_table(
        [
            (0, "0.02"),
            (500_000, "0.03"),
            (2_000_000, "0.05"),
            (3_000_000, "0.1"),
            (5_000_000, "0.25"),
        ]
    ),
    "XRPUSD": tier_table([(0, "0.02"), (1_000_000, "0.05")]),
}
LEVELS["BTCUSD"] = LEVELS["XBTUSD"]


def _rates(terms: Terms) -> Rates:
    dated = plain(terms.symbol).rstrip("0123456789")
    symbol = dated.removeprefix("PI").removeprefix("FI")
    if terms.maintenance is not None:
        rate, because = terms.maintenance, f"the rate is {percent(terms.maintenance)} as given"
        deduction = terms.deduction or Fraction(0)
    elif symbol in LEVELS:
        rate = maintenance(LEVELS[symbol], terms.contracts) / terms.contracts
        deduction = Fraction(0)
        because = f"the levels of {terms.symbol} come to {percent(rate)} for this many contracts"
    else:
        raise Lacking(
            terms.rules,
            "maintenance",
            f"the maintenance rate, such as 0.01, or symbol as one of {', '.join(sorted(LEVELS))}",
        )
    initial = by_leverage(terms) or 2 * rate
    return Rates(tiers=flat(rate, deduction), initial=initial, because=because)


RULES = RuleSet(
    name="kraken-inverse",
    version="1",
    title="Kraken Futures inverse contracts",
    sources=(
        "https://support.kraken.com/hc/en-us/articles/360022835671-Equity-Protection-Process",
        "https://support.kraken.com/hc/en-us/articles/15579128794772-Inverse-Futures-Margin-Schedule-Maximum-Leverage",
    ),
    contracts=(INVERSE,),
    rates=_rates,
    rounding=PriceRounding(
        ticks=ticks(("1000", "1"), ("100", "0.05"), ("1", "0.001"), ("0", "0.0001")),
        source="nearest whole dollar, which gives the digits of the published example",
    ),
)
