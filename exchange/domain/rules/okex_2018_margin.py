"""okex-2018 for the calculator: the formulas of `okex_2018` in exact fractions.

Margin ratio = (margin of the user / margin required) - adjustment factor, closed at <= 0.
The margin required is value / leverage, at the mark in cross margin and at entry in fixed
margin, so maintenance is ``factor / leverage`` of that value. ``maintenance``, where given,
is the adjustment factor itself. No fee is charged on a close by liquidation.
"""

from fractions import Fraction

from exchange.domain.margin.health import ENTRY, MARK
from exchange.domain.margin.position import INVERSE
from exchange.domain.margin.ruleset import (
    CROSS,
    ISOLATED,
    LESS_ADJUSTMENT_FACTOR,
    Lacking,
    PriceRounding,
    QuoteRefused,
    Rates,
    RuleSet,
    Terms,
    percent,
    plain,
    ticks,
)
from exchange.domain.margin.tiers import flat


def _rates(terms: Terms) -> Rates:
    if terms.leverage is None:
        raise Lacking(terms.rules, "leverage", "the margin required is the value / leverage")
    if terms.maintenance is not None:
        factor, whose = terms.maintenance, "as given"
    else:
        # The trigger's own table; imported here because its module brings the compiler along.
        from exchange.domain.rules import RuleRefused
        from exchange.domain.rules.okex_2018 import FACTOR_PPM, PPM, factor_ppm

        name = plain(terms.symbol or "BTC")
        coin = next((coin for coin in ("BTC", *FACTOR_PPM) if coin and name.startswith(coin)), name)
        try:
            leverage = int(terms.leverage) if terms.leverage.denominator == 1 else -1
            factor = Fraction(factor_ppm(coin, leverage), PPM)
        except RuleRefused as problem:
            raise QuoteRefused("leverage", f"{problem}; or give maintenance, the factor") from None
        whose = f"for {coin} at {leverage}x"
    rate = factor / terms.leverage
    because = f"the adjustment factor is {percent(factor)} {whose}, of the margin required"
    return Rates(
        tiers=flat(rate, terms.deduction or Fraction(0)),
        initial=1 / terms.leverage,
        because=because,
        factor=factor,
    )


RULES = RuleSet(
    name="okex-2018",
    version="1",
    title="OKEx coin-settled futures of 2018",
    sources=("https://www.bibobao.com/view/11913", "https://mackhal.com/8391.html"),
    contracts=(INVERSE,),
    rates=_rates,
    basis={CROSS: MARK, ISOLATED: ENTRY},
    initial_basis={CROSS: MARK, ISOLATED: ENTRY},
    ratio=LESS_ADJUSTMENT_FACTOR,
    rounding=PriceRounding(
        ticks=ticks(("1000", "0.01"), ("1", "0.001"), ("0", "0.0001")),
        long="ceiling",
        short="floor",
        source="long up, short down, which gives the published 4.588",
    ),
)
