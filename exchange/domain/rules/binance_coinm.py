"""binance-coinm: Binance coin-margined futures.

Maintenance on the mark value in coins, no closing fee in the trigger:
``L = q*(m + side) / (WB - TMM + UPNL + cum + side*q/E)``, with ``q`` contracts times their
face (100 USD for BTC, 10 USD for other coins).
"""

from exchange.domain.margin.position import INVERSE
from exchange.domain.margin.ruleset import PriceRounding, RuleSet, given_or_table, ticks

RULES = RuleSet(
    name="binance-coinm",
    version="1",
    title="Binance coin-margined futures",
    sources=(
        "https://www.binance.com/es-MX/support/faq/how-to-calculate-liquidation-price-of-coin-m-futures-contracts-ceccfcfb4e3a45e3b48b0b1bb1a8ae46",
    ),
    contracts=(INVERSE,),
    rates=given_or_table(),
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.10"), ("100", "0.01"), ("1", "0.001"), ("0", "0.00001")),
        source="nearest tick, which gives the digits of the venue's own calculator",
    ),
)
