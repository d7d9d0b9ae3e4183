"""The sum of a quote in sentences, with its numbers, so that a customer can redo it."""

from decimal import Decimal, localcontext
from fractions import Fraction

from exchange.domain.margin import health
from exchange.domain.margin.case import Case, Figures
from exchange.domain.margin.health import ENTRY, FEE_AT_BANKRUPTCY, FEE_AT_MARK, NO_FEE
from exchange.domain.margin.position import INVERSE, LONG, Leg
from exchange.domain.margin.ruleset import ISOLATED, MAINTENANCE_OVER_EQUITY, percent

SHOWN_DIGITS = 12


def decimal_text(value: Fraction, digits: int = 28) -> str:
    """A fraction as a plain decimal: exact where it ends within the digits, else rounded."""
    with localcontext() as context:
        context.prec = digits
        quotient = Decimal(value.numerator) / Decimal(value.denominator)
    text = f"{quotient:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show(value: Fraction) -> str:
    """A number for a sentence: at most twelve digits, with an ellipsis where it goes on."""
    text = decimal_text(value, SHOWN_DIGITS)
    return text if Fraction(text) == value else f"{text}…"


def _side(leg: Leg) -> str:
    return "long" if leg.side == LONG else "short"


def _sign(leg: Leg, *, plus: str = "+", minus: str = "-") -> str:
    return plus if leg.side == LONG else minus


def _term(sign: str, value: Fraction) -> str:
    """A term of a sum: ``+ 2``, and ``- 2`` for adding -2."""
    if value < 0:
        sign = "-" if sign == "+" else "+"
    return f"{sign} {show(abs(value))}"


def _value_sum(leg: Leg, price: Fraction) -> str:
    operator = "/" if leg.contract == INVERSE else "x"
    return f"{show(leg.size)} {operator} {show(price)} = {show(leg.value(price))}"


def _opening(case: Case) -> list[str]:
    position, leg, rules = case.request.position, case.leg, case.rules
    lines = [
        f"Rules: {rules.title} ({rules.name}, version {rules.version}); {case.contract} contract, "
        f"{case.request.mode} margin, {_side(leg)}."
    ]
    if case.contract_because:
        others = " or ".join(kind for kind in rules.contracts if kind != case.contract)
        lines.append(
            f"The contract is taken as {case.contract}, because {case.contract_because}; "
            f"say contract: {others} for another kind."
        )
    if position.face is not None:
        lines.append(
            f"Size: {show(position.quantity)} contracts x face {show(position.face)} "
            f"= {show(leg.size)}."
        )
    lines.append(f"Value at entry: {_value_sum(leg, leg.entry)}.")
    return lines


def _margins(case: Case, figures: Figures) -> list[str]:
    leg, account, rates = case.leg, case.account, case.rates
    lines = []
    if figures.initial_margin is None:
        lines.append("Initial margin: not given out, because no leverage was given.")
    else:
        assert rates.initial is not None
        lines.append(
            f"Initial margin: {percent(rates.initial)} of the value = "
            f"{show(figures.initial_margin)}."
        )
    where = "entry value, so it does not move with the price"
    if case.basis != ENTRY:
        where = "value at the mark, so it moves with the price"
    lines.append(
        f"Maintenance margin: {rates.because}, measured on the {where}; "
        f"now {show(figures.maintenance_margin)}."
    )
    if figures.maintenance_margin < 0:
        lines.append("The deduction exceeds the maintenance: it is that of a larger position.")
    lines.append(f"Collateral: {show(account.collateral)} ({case.margin_from}).")
    if account.others_profit or account.others_maintenance:
        lines.append(
            f"Rest of the account: unrealised profit {show(account.others_profit)}, maintenance "
            f"margin {show(account.others_maintenance)}."
        )
    if case.request.hedge is not None:
        other = account.holdings[1].leg
        lines.append(
            f"Hedged: the {_side(other)} leg of {show(other.size)} from {show(other.entry)} "
            "moves with the same price; both legs share one liquidation price."
        )
    if account.collateral > 100 * leg.entry_value:
        lines.append("The collateral is over 100 times the position: check contract and face.")
    return lines + _fee(case)


def _fee(case: Case) -> list[str]:
    account, fee = case.account, case.request.taker_fee
    if account.fee_at == NO_FEE:
        if fee:
            return [
                f"The closing fee of {percent(fee)} is not part of either price under these rules."
            ]
        return []
    if fee is None:
        return ["No taker fee was given, so none is kept back for closing."]
    if account.fee_at == FEE_AT_MARK:
        return [f"The closing fee of {percent(fee)} is kept back on the value at the mark."]
    kept = health.closing_fee(account, case.leg.entry)
    return [
        f"The closing fee of {percent(fee)} is kept back on the value at the bankruptcy price: "
        f"{show(kept)}."
    ]


def _available(case: Case) -> Fraction:
    return case.account.collateral + case.account.others_profit


def _bankruptcy_sum(case: Case) -> str:
    leg, account = case.leg, case.account
    sign = _sign(leg)
    have = _available(case)
    fee = account.fee if account.fee_in_bankruptcy else Fraction(0)
    if leg.contract == INVERSE:
        factor = f"(1 {sign} {show(fee)}) x " if fee else ""
        bottom = f"({show(leg.size)} / {show(leg.entry)} {_term(sign, have)})"
        return f"{factor}{show(leg.size)} / {bottom}"
    away = _sign(leg, plus="-", minus="+")
    top = f"({show(leg.size)} x {show(leg.entry)} {_term(away, have)})"
    return (
        f"{top} / ({show(leg.size)} x (1 {away} {show(fee)}))"
        if fee
        else f"{top} / {show(leg.size)}"
    )


def _liquidation_sum(case: Case, price: Fraction) -> str:
    leg, account = case.leg, case.account
    sign, away = _sign(leg), _sign(leg, plus="-", minus="+")
    have = _available(case) - account.others_maintenance
    if account.fee_at == FEE_AT_BANKRUPTCY:
        have -= health.closing_fee(account, leg.entry)
    rate = Fraction(0)
    holding = account.holdings[0]
    if case.basis == ENTRY:
        have -= holding.maintenance(leg.entry)
    else:
        value = leg.value(price)
        tier = next(tier for tier in reversed(holding.tiers) if value >= tier.floor)
        have += tier.deduction
        rate = tier.rate + (account.fee if account.fee_at == FEE_AT_MARK else 0)
    factor = f"(1 {sign if leg.contract == INVERSE else away} {show(rate)})"
    if leg.contract == INVERSE:
        top = f"{show(leg.size)} x {factor}" if rate else show(leg.size)
        return f"{top} / ({show(leg.size)} / {show(leg.entry)} {_term(sign, have)})"
    top = f"({show(leg.size)} x {show(leg.entry)} {_term(away, have)})"
    bottom = f"({show(leg.size)} x {factor})" if rate else show(leg.size)
    return f"{top} / {bottom}"


def _prices(case: Case, figures: Figures, printed: dict[str, str | None], how: str) -> list[str]:
    single = len(case.account.holdings) == 1
    lines = []
    if figures.bankruptcy_price is None:
        lines.append("Bankruptcy price: none; no price above zero takes all the collateral.")
    else:
        total = f" = {_bankruptcy_sum(case)}" if single else ", where both legs leave nothing,"
        lines.append(
            f"Bankruptcy price{total} = {show(figures.bankruptcy_price)}, rounded {how}: "
            f"{printed['bankruptcy_price']}."
        )
    if figures.liquidation_price is None:
        lines.append(
            "Liquidation price: none; the collateral covers the position at every price, so it "
            "is never liquidated."
        )
        return lines
    price = figures.liquidation_price
    total = f" = {_liquidation_sum(case, price)}" if single else ", where health is nil,"
    lines.append(
        f"Liquidation price{total} = {show(price)}, rounded {how}: {printed['liquidation_price']}."
    )
    lines.append(f"Rounding: {case.rules.rounding.source}.")
    if single and case.leg.side * (price - case.leg.entry) >= 0:
        lines.append(
            "The liquidation price is not on the losing side of the entry price: the margin is "
            "below maintenance already and the position would be liquidated at once."
        )
    return lines


def _at_mark(case: Case, figures: Figures) -> list[str]:
    mark = case.request.position.mark
    if mark is None:
        return ["No mark price was given, so profit and margin ratio are not worked out."]
    assert figures.pnl is not None
    assert figures.equity is not None
    leg = case.leg
    first, second = (leg.entry, mark) if leg.contract == INVERSE else (mark, leg.entry)
    lines = []
    if len(case.account.holdings) == 1:
        a, b = leg.value(first), leg.value(second)
        if leg.side != LONG:
            a, b = b, a
        lines.append(
            f"Unrealised profit at {show(mark)}: {show(a)} - {show(b)} = {show(figures.pnl)}."
        )
    else:
        lines.append(f"Unrealised profit of both legs at {show(mark)}: {show(figures.pnl)}.")
    lines.append(
        f"Equity: {show(_available(case))} {_term('+', figures.pnl)} = {show(figures.equity)}."
    )
    return [*lines, _ratio(case, figures), *_second_price(case, figures)]


def _ratio(case: Case, figures: Figures) -> str:
    """The venue's margin ratio in its own words, and where it ends."""
    words = case.rules.ratio
    if case.account.fee_at != NO_FEE:
        words = words.replace("maintenance", "(maintenance + closing fee)")
    if figures.margin_ratio is None:
        spent = figures.equity is not None and figures.equity <= 0
        why = "nothing is left, so it is liquidated" if spent else "not defined here"
        return f"Margin ratio ({words}): {why}."
    trigger = "at 100 % or below"
    if case.rates.factor is not None:
        trigger = "at or below 0"
    elif case.rules.ratio == MAINTENANCE_OVER_EQUITY:
        trigger = "at 100 % or above"
    return f"Margin ratio ({words}) = {percent(figures.margin_ratio)}; liquidated {trigger}."


def _second_price(case: Case, figures: Figures) -> list[str]:
    if not case.rules.second_price:
        return []
    if figures.margin_ratio_ema is None:
        return [
            f"These rules also look at the {case.rules.second_price}: nothing is liquidated "
            "unless both ratios are at or below 0; it was not given."
        ]
    assert figures.margin_ratio is not None
    both = figures.margin_ratio <= 0 and figures.margin_ratio_ema <= 0
    verdict = "both are at or below 0: liquidated" if both else "not both at or below 0: it stays"
    return [
        f"Margin ratio at the {case.rules.second_price} = {percent(figures.margin_ratio_ema)}; "
        f"{verdict}."
    ]


def steps(case: Case, figures: Figures, printed: dict[str, str | None], how: str) -> list[str]:
    """All sentences of a quote, in order; ``printed`` holds the rounded figures."""
    lines = _opening(case) + _margins(case, figures)
    lines += _prices(case, figures, printed, how) + _at_mark(case, figures)
    if case.request.mode == ISOLATED and figures.bankruptcy_price is not None:
        lines.append("Isolated margin: no more than the collateral above can be lost.")
    # A number that goes on ends a sentence by itself.
    return [line.replace("….", "…") for line in lines]
