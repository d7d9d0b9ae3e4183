"""A request worked out: the account it describes and every figure of it, unrounded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from exchange.domain.margin import health
from exchange.domain.margin.health import ENTRY, Account, Holding
from exchange.domain.margin.position import (
    INVERSE,
    LINEAR,
    QUANTO,
    Leg,
    bankruptcy_at_margin_rate,
)
from exchange.domain.margin.request import Position, Request, Sums
from exchange.domain.margin.ruleset import (
    EQUITY_OVER_MAINTENANCE,
    ISOLATED,
    MAINTENANCE_OVER_EQUITY,
    Lacking,
    QuoteRefused,
    Rates,
    RuleSet,
    Terms,
    percent,
    plain,
)
from exchange.domain.rounding import half_up

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The account of a request under a rule set; ``margin_from`` says whose the collateral is."""

    request: Request
    rules: RuleSet
    contract: str
    contract_because: str
    rates: Rates
    account: Account
    margin_from: str

    @property
    def leg(self) -> Leg:
        return self.account.holdings[0].leg

    @property
    def basis(self) -> str:
        return self.rules.basis[self.request.mode]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The answer in exact fractions; None where a figure is not defined."""

    position_value: Fraction
    initial_margin: Fraction | None
    maintenance_margin: Fraction
    bankruptcy_price: Fraction | None
    liquidation_price: Fraction | None
    pnl: Fraction | None
    equity: Fraction | None
    margin_ratio: Fraction | None
    margin_ratio_ema: Fraction | None
    effective_leverage: Fraction | None


def _contract(
    rules: RuleSet, position: Position, collateral: Fraction | None = None
) -> tuple[str, str]:
    """The kind of contract, and why it was taken where the request does not say."""
    contract, because = position.contract, ""
    if not contract:
        contract, because = _meant(rules, position, collateral)
    if contract not in rules.contracts:
        raise QuoteRefused(
            "contract", f"{rules.name} covers {', '.join(rules.contracts)} contracts only"
        )
    if contract == QUANTO and position.face is None:
        raise Lacking(rules.name, "face", "the coins one contract is worth per point of price")
    return contract, because


def _meant(rules: RuleSet, position: Position, collateral: Fraction | None) -> tuple[str, str]:
    """The kind a request means under rules that cover several, where it does not say.

    A symbol in USDT or USDC is linear, one in USD inverse. Else the collateral tells: the value
    of the same quantity as inverse and as linear differs by the price squared, and one of them is
    nearer to it. Without it, a size below the smallest inverse contract is in coins. Else the
    rules' first kind.
    """
    first = rules.contracts[0]
    if len(rules.contracts) == 1:
        return first, ""
    for coin in ("USDT", "USDC"):
        if LINEAR in rules.contracts and coin in plain(position.symbol):
            return LINEAR, f"{position.symbol} is settled in {coin}"
    if "USD" in plain(position.symbol) and QUANTO not in rules.contracts:
        return INVERSE, f"{position.symbol} is settled in its coin"
    if collateral:
        times = {kind: collateral / _value(kind, position) for kind in rules.contracts}
        best = min(times, key=lambda kind: max(times[kind], 1 / times[kind]))
        return best, "of its kinds this one fits the collateral best"
    if LINEAR in rules.contracts and not position.symbol and position.size < rules.smallest_inverse:
        return LINEAR, f"no inverse contract is below {rules.smallest_inverse} USD"
    return first, f"the first kind {rules.name} covers"


def _value(kind: str, position: Position) -> Fraction:
    return Leg(kind, position.side, position.size, position.entry).entry_value


def _terms(
    rules: RuleSet, mode: str, contract: str, position: Position, net: Fraction | None
) -> Terms:
    leg = Leg(contract, position.side, position.size, position.entry)
    return Terms(
        rules=rules.name,
        mode=mode,
        contract=contract,
        size=position.size,
        contracts=position.quantity,
        entry_value=leg.entry_value,
        leverage=position.leverage,
        maintenance=position.maintenance,
        deduction=position.deduction,
        symbol=position.symbol,
        net_contracts=net,
    )


def _holding(
    rules: RuleSet, mode: str, contract: str, position: Position, net: Fraction | None = None
) -> tuple[Holding, Rates]:
    rates = rules.rates(_terms(rules, mode, contract, position, net))
    leg = Leg(contract, position.side, position.size, position.entry)
    return Holding(leg, rates.tiers, rules.basis[mode]), rates


class Rest(NamedTuple):
    """What the rest of a cross account owes, has gained, and is worth at its marks; the value
    is None where it was given as sums, and nothing can be shared out by value then."""

    maintenance: Fraction
    profit: Fraction
    value: Fraction | None


def _other(rules: RuleSet, request: Request, kind: str, other: Position) -> Holding:
    """Another position of the account; its leverage and contract are this one's unless given."""
    contract = _contract(rules, other)[0] if other.contract else kind
    leverage = other.leverage or request.position.leverage
    return _holding(rules, request.mode, contract, replace(other, leverage=leverage))[0]


def _others(rules: RuleSet, request: Request, kind: str) -> Rest:
    """The rest of a cross account."""
    due = gained = ZERO
    value: Fraction | None = ZERO
    for index, other in enumerate(request.others, start=1):
        if isinstance(other, Sums):
            value = None
            due += other.maintenance_margin
            gained += other.unrealised_pnl
            continue
        try:
            holding = _other(rules, request, kind, other)
        except QuoteRefused as problem:
            raise problem.within(f"others[{index}]") from None
        assert other.mark is not None
        due += holding.maintenance(other.mark)
        gained += holding.leg.profit(other.mark)
        if value is not None:
            value += holding.leg.value(other.mark)
    return Rest(due, gained, value)


def _shared(
    rules: RuleSet, request: Request, holdings: Sequence[Holding], collateral: Fraction, rest: Rest
) -> tuple[Fraction, str]:
    """What of a cross account's equity stands behind this contract, by its value at the mark.

    Returned as the balance that with this contract's own profit comes to that share.
    """
    assert rules.share_quantum is not None
    assert rest.value is not None
    leg = holdings[0].leg
    mark = request.position.mark or leg.entry
    value = sum((each.leg.value(mark) for each in holdings), ZERO)
    profit = sum((each.leg.profit(mark) for each in holdings), ZERO)
    equity = collateral + profit + rest.profit
    share = Fraction(half_up(equity / (value + rest.value), rules.share_quantum))
    because = (
        f"{percent(share)} of the value at the mark, its share of the cross balance as given, "
        "less its own profit"
    )
    return share * value - profit, because


def _collateral(
    rules: RuleSet, request: Request, leg: Leg, initial: Fraction | None
) -> tuple[Fraction, str]:
    """The collateral as given; in isolated margin else the initial margin of the entry."""
    if request.collateral is not None:
        whole = "the whole cross balance" if request.mode != ISOLATED else "the position's margin"
        return request.collateral, f"{whole}, as given"
    if request.mode != ISOLATED or initial is None:
        also = " (or leverage, from which the margin follows)" if request.mode == ISOLATED else ""
        raise Lacking(rules.name, "collateral", f"what stands behind the position{also}")
    margin, fee = leg.entry_value * initial, request.taker_fee or ZERO
    if not (rules.fee[ISOLATED].in_bankruptcy and fee):
        return margin, "the initial margin at entry"
    bankrupt = bankruptcy_at_margin_rate(leg, initial)
    margin += fee * leg.value(bankrupt) if bankrupt is not None else ZERO
    return margin, "the initial margin at entry, plus the fee of closing at bankruptcy"


def open_case(request: Request, rules: RuleSet) -> Case:
    """Build the account a request describes. Raises `QuoteRefused`, naming all that lacks."""
    try:
        return _open(request, rules)
    except Lacking as problem:
        also = _also_lacking(_as_if_given(request, problem.field), rules)
        raise problem.and_also(also) from None


def _also_lacking(request: Request, rules: RuleSet) -> list[Lacking]:
    """What a request still lacks, found by asking again as if each in turn had been given."""
    try:
        _open(request, rules)
    except Lacking as problem:
        return [problem, *_also_lacking(_as_if_given(request, problem.field), rules)]
    except QuoteRefused:
        pass
    return []


def _as_if_given(request: Request, name: str) -> Request:
    """The request with a value that any rule set takes in the place of one that lacks."""
    if name == "collateral":
        return replace(request, collateral=Fraction(1))
    position = request.position
    stand_ins = {
        "face": replace(position, face=Fraction(1)),
        "leverage": replace(position, leverage=Fraction(10)),
        "maintenance": replace(position, maintenance=Fraction(1, 100)),
    }
    return replace(request, position=stand_ins[name])


def _open(request: Request, rules: RuleSet) -> Case:
    position = request.position
    contract, contract_because = _contract(rules, position, request.collateral)
    if request.ema is not None and rules.second_price != "ema":
        raise QuoteRefused("ema", f"{rules.name} looks at one price only; leave ema out")
    net = abs(position.quantity - request.hedge.quantity) if request.hedge else None
    own, rates = _holding(rules, request.mode, contract, position, net)
    holdings = [own]
    if request.hedge:
        holdings.append(_holding(rules, request.mode, contract, request.hedge, net)[0])
    rest = _others(rules, request, contract)
    collateral, margin_from = _collateral(rules, request, own.leg, rates.initial)
    if rest.value and rules.share_quantum is not None:
        collateral, margin_from = _shared(rules, request, holdings, collateral, rest)
        rest = Rest(ZERO, ZERO, ZERO)
    fee = rules.fee[request.mode]
    account = Account(
        holdings=tuple(holdings),
        collateral=collateral,
        others_profit=rest.profit,
        others_maintenance=rest.maintenance,
        fee=request.taker_fee or ZERO,
        fee_at=fee.at,
        fee_in_bankruptcy=fee.in_bankruptcy,
    )
    return Case(
        request=request,
        rules=rules,
        contract=contract,
        contract_because=contract_because,
        rates=rates,
        account=account,
        margin_from=margin_from,
    )


def margin_ratio(case: Case, price: Fraction) -> Fraction | None:
    """The venue's own margin ratio at a price; None where it divides by nothing.

    The closing fee counts wherever the trigger keeps it back, so that the ratio reaches its limit
    at the liquidation price and not elsewhere.
    """
    account = case.account
    due = sum((holding.maintenance(price) for holding in account.holdings), ZERO)
    due += account.others_maintenance
    left = health.equity(account, price)
    kept = due + health.closing_fee(account, price)
    if case.rules.ratio == MAINTENANCE_OVER_EQUITY:
        return kept / left if left > 0 else None
    if case.rules.ratio == EQUITY_OVER_MAINTENANCE:
        return left / kept if kept > 0 else None
    factor = case.rates.factor
    return left * factor / due - factor if factor and due > 0 else None


def work_out(case: Case) -> Figures:
    """Every figure of a case, in exact fractions."""
    account, mark = case.account, case.request.position.mark
    price = case.leg.entry if mark is None else mark
    initial_at = case.leg.entry
    if case.rules.initial_basis[case.request.mode] != ENTRY:
        initial_at = price
    value = sum((holding.leg.value(price) for holding in account.holdings), ZERO)
    initial_value = sum((holding.leg.value(initial_at) for holding in account.holdings), ZERO)
    left = health.equity(account, price)
    ema = case.request.ema
    return Figures(
        position_value=value,
        initial_margin=None if case.rates.initial is None else case.rates.initial * initial_value,
        maintenance_margin=sum((each.maintenance(price) for each in account.holdings), ZERO),
        bankruptcy_price=health.bankruptcy_price(account),
        liquidation_price=health.liquidation_price(account),
        pnl=None if mark is None else sum((e.leg.profit(mark) for e in account.holdings), ZERO),
        equity=left if mark is not None else None,
        margin_ratio=None if mark is None else margin_ratio(case, mark),
        margin_ratio_ema=None if ema is None else margin_ratio(case, ema),
        effective_leverage=value / left if left > 0 else None,
    )
