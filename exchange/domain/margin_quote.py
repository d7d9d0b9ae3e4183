"""The margin calculator: one function behind the command, the API and the screen.

`quote` reads a request, works it out in exact fractions under the named rule set, rounds as
the venue rounds and explains the sum. It is pure: the same request gives the same answer.
"""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from fractions import Fraction
from typing import Any

from exchange.domain import rounding
from exchange.domain.margin.case import Case, Figures, open_case, work_out
from exchange.domain.margin.explain import decimal_text, steps
from exchange.domain.margin.fields import parse
from exchange.domain.margin.position import LONG
from exchange.domain.margin.request import read_request
from exchange.domain.margin.ruleset import QuoteRefused, RuleSet
from exchange.domain.rules import RulesUnknown, margin_rules

RATIO_QUANTUM = Decimal("0.0001")
LEVERAGE_QUANTUM = Decimal("0.01")
IN_WORDS = {
    "half_even": "to the nearest",
    "half_up": "to the nearest",
    "ceiling": "up to the next",
    "floor": "down to the last",
    "towards_zero": "down to the last",
    "away_from_zero": "up to the next",
}

__all__ = ["QuoteRefused", "parse", "quote"]


def quote(request: Mapping[str, Any]) -> dict[str, Any]:
    """Liquidation and bankruptcy price, margins, ratio and profit of a position.

    Keys of the request are those of `request.REQUIRED` and `OPTIONAL`; numbers are decimal
    strings. Returns decimal strings rounded as the venue rounds, the same unrounded under
    ``unrounded``, None where a figure is not defined, and ``steps``, the sum in sentences.
    Raises `QuoteRefused`, whose ``field`` names the input.
    """
    read = read_request(request)
    try:
        rules = margin_rules(read.rules)
    except RulesUnknown as problem:
        raise QuoteRefused("rules", str(problem)) from None
    case = open_case(read, rules)
    figures = work_out(case)
    printed, how = _printed(case, figures)
    unrounded = {
        name: None if value is None else decimal_text(value)
        for name, value in asdict(figures).items()
        if name in printed
    }
    return {
        "rules": rules.name,
        "version": rules.version,
        "contract": case.contract,
        "mode": read.mode,
        "side": "long" if read.position.side == LONG else "short",
        **printed,
        "unrounded": unrounded,
        "steps": steps(case, figures, printed, how),
        "sources": list(rules.sources),
    }


def _price_rounding(case: Case) -> tuple[Decimal, str]:
    """Tick and direction for this position's prices."""
    rules = case.rules.rounding
    tick = case.request.tick or rules.tick(case.leg.entry)
    return tick, rules.long if case.leg.side == LONG else rules.short


def _amount(rules: RuleSet, value: Fraction | None) -> str | None:
    if value is None:
        return None
    rounded = rounding.BY_NAME[rules.amount_rounding](value, rules.amount_quantum)
    return decimal_text(Fraction(rounded), digits=200)


def _printed(case: Case, figures: Figures) -> tuple[dict[str, str | None], str]:
    """Figures as the venue prints them, and how its prices are rounded, in words."""
    tick, direction = _price_rounding(case)
    to_tick = rounding.BY_NAME[direction]

    def price(value: Fraction | None) -> str | None:
        return None if value is None else f"{to_tick(value, tick):f}"

    def ratio(value: Fraction | None, quantum: Decimal) -> str | None:
        return None if value is None else f"{rounding.half_up(value, quantum):f}"

    printed = {
        "liquidation_price": price(figures.liquidation_price),
        "bankruptcy_price": price(figures.bankruptcy_price),
        "initial_margin": _amount(case.rules, figures.initial_margin),
        "maintenance_margin": _amount(case.rules, figures.maintenance_margin),
        "margin_ratio": ratio(figures.margin_ratio, RATIO_QUANTUM),
        "pnl": _amount(case.rules, figures.pnl),
        "position_value": _amount(case.rules, figures.position_value),
        "effective_leverage": ratio(figures.effective_leverage, LEVERAGE_QUANTUM),
    }
    if case.rules.second_price:
        printed["margin_ratio_ema"] = ratio(figures.margin_ratio_ema, RATIO_QUANTUM)
    return printed, f"{IN_WORDS[direction]} {tick:f}"
