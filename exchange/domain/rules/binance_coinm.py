"""binance-coinm: Binance coin-margined futures.

Maintenance on the mark value in coins, no closing fee in the trigger:
``L = q*(m + side) / (WB - TMM + UPNL + cum + side*q/E)``, with ``q`` contracts times their
face (100 USD for BTC, 10 USD for other coins).
"""

from exchange.domain.margin.position import INVERSE
from exchange.domain.margin.ruleset import (
    Lacking,
    PriceRounding,
    Rates,
    RuleSet,
    Terms,
    given_or_table,
    plain,
    ticks,
)
from exchange.domain.margin.tiers import capped_table

TIERS = {
    # Caps in BTC by leverage from FAQ be2c7d9d; half the initial rate is maintained. The
    # deductions come out as FAQ ceccfcfb prints them: 0.56, 1.81, and 11.81 at 300 BTC.
    "BTCUSD": capped_table(
        [
            (10, "0.004"),
            (20, "0.005"),
            (30, "0.01"),
            (50, "0.025"),
            (100, "0.05"),
            (200, "0.1"),
            (400, "0.125"),
        ]
    )
}
TABLE_ENDS = 400
"""Coins above which the published part of the table says nothing."""

_table_rates = given_or_table(TIERS)


def _rates(terms: Terms) -> Rates:
    by_table = terms.maintenance is None and plain(terms.symbol) in TIERS
    if by_table and terms.entry_value > TABLE_ENDS:
        raise Lacking(
            terms.rules, "maintenance", f"the table of {terms.symbol} ends at {TABLE_ENDS} coins"
        )
    return _table_rates(terms)


RULES = RuleSet(
    name="binance-coinm",
    version="1",
    title="Binance coin-margined futures",
    sources=(
        "https://www.binance.com/en/support/faq/be2c7d9d95b04a7e8044ed02dd7dfe5c",
        "https://www.binance.com/es/support/faq/ceccfcfb4e3a45e3b48b0b1bb1a8ae46",
        "https://www.binance.com/es-MX/support/faq/how-to-calculate-liquidation-price-of-coin-m-futures-contracts-ceccfcfb4e3a45e3b48b0b1bb1a8ae46",
    ),
    contracts=(INVERSE,),
    rates=_rates,
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.10"), ("100", "0.01"), ("1", "0.001"), ("0", "0.00001")),
        source="nearest tick, which gives the digits of the venue's own calculator",
    ),
)
