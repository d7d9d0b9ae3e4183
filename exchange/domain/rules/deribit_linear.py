"""deribit-linear: Deribit USDC and USDT perpetuals in standard margin.

Rates grow with the size of the position itself: initial ``2 % + 0.005 % per BTC``,
maintenance ``1 % + 0.005 % per BTC``, both on the value at the index; SOL ``4 %`` and
``2 %`` plus ``0.0005 %`` per SOL. ``maintenance`` and ``leverage`` put other rates in their place.
"""

from fractions import Fraction
from typing import NamedTuple

from exchange.domain.margin.health import MARK
from exchange.domain.margin.position import LINEAR
from exchange.domain.margin.ruleset import (
    PriceRounding,
    QuoteRefused,
    Rates,
    RuleSet,
    Terms,
    both,
    by_leverage,
    percent,
    plain,
    ticks,
)
from exchange.domain.margin.tiers import flat


class Growth(NamedTuple):
    """Rates of an empty position, and what each coin held adds to both."""

    initial: Fraction
    maintenance: Fraction
    per_coin: Fraction


GROWTH = {
    "BTC": Growth(Fraction("0.02"), Fraction("0.01"), Fraction("0.00005")),
    "SOL": Growth(Fraction("0.04"), Fraction("0.02"), Fraction("0.000005")),
}


def _rates(terms: Terms) -> Rates:
    symbol = plain(terms.symbol or "BTC")
    coin = next((name for name in GROWTH if symbol.startswith(name)), "")
    initial = by_leverage(terms)
    if initial is None and coin:
        initial = GROWTH[coin].initial + GROWTH[coin].per_coin * terms.size
    if terms.maintenance is not None:
        return Rates(
            tiers=flat(terms.maintenance, terms.deduction or Fraction(0)),
            initial=initial,
            because=f"the maintenance rate is {percent(terms.maintenance)} as given",
        )
    if not coin:
        raise QuoteRefused(
            "symbol",
            f"{terms.rules} knows the rates of {', '.join(GROWTH)}, not {terms.symbol}; "
            "give maintenance",
        )
    growth = GROWTH[coin]
    rate = growth.maintenance + growth.per_coin * terms.size
    because = (
        f"a {coin} position of this size needs {percent(growth.maintenance)} + "
        f"{percent(growth.per_coin)} per coin = {percent(rate)}"
    )
    return Rates(tiers=flat(rate), initial=initial, because=because)


RULES = RuleSet(
    name="deribit-linear",
    version="1",
    title="Deribit linear perpetuals",
    sources=("https://support.deribit.com/hc/en-us/articles/25944738177565-Linear-Perpetual",),
    contracts=(LINEAR,),
    rates=_rates,
    initial_basis=both(MARK),
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.5"), ("10", "0.01"), ("1", "0.001"), ("0", "0.0001"))
    ),
)
