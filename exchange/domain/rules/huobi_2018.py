"""huobi-2018: Huobi coin-margined futures.

Margin ratio = equity / used margin - adjustment factor, used margin at the latest price.
Nothing is liquidated unless the ratio is at or below zero at both the last price and its
moving average (give it as ``ema``). The factor follows the net position; ``maintenance``,
where given, is the factor. Without it, the row the help page prints for 100 BTC net is used.
"""

from fractions import Fraction

from exchange.domain.margin.health import MARK
from exchange.domain.margin.position import INVERSE
from exchange.domain.margin.ruleset import (
    LESS_ADJUSTMENT_FACTOR,
    Lacking,
    PriceRounding,
    Rates,
    RuleSet,
    Terms,
    both,
    percent,
    plain,
    ticks,
)
from exchange.domain.margin.tiers import flat

FACTORS_100_BTC = {5: Fraction("0.03"), 10: Fraction("0.08"), 20: Fraction("0.15")}
"""Adjustment factor by leverage for 100 BTC net (huobiglobal.zendesk.com 360000143042)."""


def net_contracts(long: Fraction, short: Fraction) -> Fraction:
    """The position that chooses the factor: legs of one contract net against each other."""
    return abs(long - short)


def triggered(ratio_at_last: Fraction, ratio_at_ema: Fraction) -> bool:
    """Both margin ratios must be at or below zero."""
    return ratio_at_last <= 0 and ratio_at_ema <= 0


def _rates(terms: Terms) -> Rates:
    if terms.leverage is None:
        raise Lacking(terms.rules, "leverage", "the used margin is the value / leverage")
    if terms.maintenance is not None:
        factor, whose = terms.maintenance, "as given"
    elif terms.leverage in FACTORS_100_BTC and plain(terms.symbol or "BTC").startswith("BTC"):
        factor = FACTORS_100_BTC[int(terms.leverage)]
        whose = f"at {terms.leverage}x for 100 BTC net"
    else:
        raise Lacking(
            terms.rules,
            "maintenance",
            "the adjustment factor of the net position's tier, such as 0.08",
        )
    because = f"the adjustment factor is {percent(factor)} {whose}"
    if terms.net_contracts is not None:
        because += f", chosen by the net position of {terms.net_contracts} contracts"
    return Rates(
        tiers=flat(factor / terms.leverage, terms.deduction or Fraction(0)),
        initial=1 / terms.leverage,
        because=because,
        factor=factor,
    )


RULES = RuleSet(
    name="huobi-2018",
    version="1",
    title="Huobi coin-margined futures",
    sources=("https://huobiglobal.zendesk.com/hc/en-us/articles/360000143042-Liquidation",),
    contracts=(INVERSE,),
    rates=_rates,
    initial_basis=both(MARK),
    ratio=LESS_ADJUSTMENT_FACTOR,
    second_price="ema",
    rounding=PriceRounding(ticks=ticks(("1000", "0.01"), ("1", "0.001"), ("0", "0.0001"))),
)
