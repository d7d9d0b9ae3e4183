"""What differs between venues, as data and small pure functions: a `RuleSet`.

A rule set says which contracts it knows, whether maintenance is measured on the entry or on
the mark value, what becomes of the closing fee, how the margin ratio is written, and how
prices are rounded. `exchange/domain/rules/` has one small file per venue; `margin_quote`
runs them all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar

from exchange.domain.margin.health import ENTRY, MARK, NO_FEE
from exchange.domain.margin.tiers import Tier, flat

CROSS, ISOLATED = "cross", "isolated"

MAINTENANCE_OVER_EQUITY = "maintenance / equity"
EQUITY_OVER_MAINTENANCE = "equity / maintenance"
LESS_ADJUSTMENT_FACTOR = "equity / margin required - adjustment factor"


class QuoteRefused(ValueError):
    """A quote cannot be made; ``field`` names the input, the message says what to do.

    Where several inputs are at fault, ``each`` holds a refusal of every one.
    """

    def __init__(self, field_name: str, message: str, each: Sequence["QuoteRefused"] = ()) -> None:
        super().__init__(message)
        self.field = field_name
        self.each = each or (self,)

    @property
    def sentence(self) -> str:
        """The message with its full stop; a question ends itself."""
        message = str(self)
        return message if message.endswith("?") else f"{message}."

    def within(self, place: str) -> "QuoteRefused":
        """The same refusal of an input that lies in another, such as ``others[2]``."""
        return QuoteRefused(f"{place}.{self.field}", f"{place}: {self}")


class Lacking(QuoteRefused):
    """A rule set needs an input that was not given."""

    def __init__(self, rules: str, field_name: str, why: str) -> None:
        super().__init__(field_name, f"{rules} needs {field_name}: {why}")
        self.need = f"{field_name}: {why}"

    def and_also(self, others: Sequence["Lacking"]) -> QuoteRefused:
        """One refusal that names all of them; its field is this one's."""
        message = "; and ".join([str(self), *(other.need for other in others)])
        return QuoteRefused(self.field, message, (self, *others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a rate function may look at: the position and what the customer gave."""

    rules: str
    mode: str
    contract: str
    size: Fraction
    contracts: Fraction
    entry_value: Fraction
    leverage: Fraction | None = None
    maintenance: Fraction | None = None
    deduction: Fraction | None = None
    symbol: str = ""
    net_contracts: Fraction | None = None
    """Contracts net of an opposite leg; None when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Maintenance tiers and initial rate of a position, with the sentence that explains them."""

    tiers: tuple[Tier, ...]
    initial: Fraction | None
    because: str
    factor: Fraction | None = None
    """Adjustment factor, for rule sets that write their margin ratio with one."""


@dataclass(frozen=True, slots=True)
class FeeRule:
    """What becomes of the closing fee; see `health.Account`."""

    at: str = NO_FEE
    in_bankruptcy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRounding:
    """Tick and directions of printed prices.

    ``ticks`` are ``(from price, tick)`` pairs, highest first: a venue's tick follows the
    coin, and the entry price tells the coins apart well enough where no tick is given.
    Directions are names of `rounding.BY_NAME`.
    """

    ticks: tuple[tuple[Decimal, Decimal], ...]
    long: str = "half_up"
    short: str = "half_up"
    source: str = "nearest tick; the venue publishes no direction"

    def tick(self, entry: Fraction) -> Decimal:
        """The tick for a contract trading at the entry price: that of its row, or finer where
        a price of so small a coin would keep fewer than four digits."""
        tick = next((tick for floor, tick in self.ticks if entry >= floor), self.ticks[-1][1])
        while entry < DIGITS_KEPT * tick:
            tick = Decimal(10) ** (tick.adjusted() - 1)
        return tick


DIGITS_KEPT = 1000
"""Ticks a price must span at least: no table of ticks goes down to every coin there is."""

RateFunction = Callable[[Terms], Rates]
Rule = TypeVar("Rule", str, FeeRule)


def both(rule: Rule) -> Mapping[str, Rule]:
    """The same rule in cross and in isolated margin."""
    return {CROSS: rule, ISOLATED: rule}


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """One venue's margin rules at one time. All fields are named so that a file reads as prose."""

    name: str
    version: str
    title: str
    sources: tuple[str, ...]
    contracts: tuple[str, ...]
    """Kinds of contract the rules cover; the first is meant when a request does not say."""
    smallest_inverse: int = 1
    """Dollars of the smallest inverse contract: a size below it is in coins."""
    rates: RateFunction
    rounding: PriceRounding
    basis: Mapping[str, str] = field(default_factory=lambda: both(MARK))
    """Per mode, whether maintenance is measured on the entry or on the mark value."""
    initial_basis: Mapping[str, str] = field(default_factory=lambda: both(ENTRY))
    fee: Mapping[str, FeeRule] = field(default_factory=lambda: both(FeeRule()))
    ratio: str = MAINTENANCE_OVER_EQUITY
    share_quantum: Decimal | None = None
    """Where a cross account's equity is shared out by value at the mark (KuCoin): the step to
    which the share is rounded. None, or others given as sums: the whole balance stands behind
    every position."""
    second_price: str = ""
    """Name of a second price that must breach too before anything is liquidated (Huobi)."""
    amount_quantum: Decimal = Decimal("0.00000001")
    amount_rounding: str = "half_even"


def plain(symbol: str) -> str:
    """A symbol in capitals without separators: ``btc/usdt`` and ``BTC-USDT`` are ``BTCUSDT``."""
    return "".join(ch for ch in symbol.upper() if ch.isalnum())


def by_leverage(terms: Terms) -> Fraction | None:
    """Initial rate as one over the leverage; None when no leverage is given."""
    return 1 / terms.leverage if terms.leverage is not None else None


def percent(rate: Fraction) -> str:
    """A rate as a percentage, exactly where it ends within six decimals."""
    scaled = rate * 100
    text = f"{Decimal(round(scaled * 10**6)).scaleb(-6):f}".rstrip("0").rstrip(".")
    return f"{text} %" if scaled * 10**6 == round(scaled * 10**6) else f"about {text} %"


def given_or_table(tables: Mapping[str, tuple[Tier, ...]] | None = None) -> RateFunction:
    """Rates from ``maintenance`` (and ``deduction``) as given, else from the symbol's table."""
    known = tables or {}

    def rates(terms: Terms) -> Rates:
        first = by_leverage(terms)
        if terms.maintenance is not None:
            tiers = flat(terms.maintenance, terms.deduction or Fraction(0))
            return Rates(
                tiers=tiers,
                initial=first,
                because=f"the maintenance rate is {percent(terms.maintenance)} as given",
            )
        symbol = plain(terms.symbol).removesuffix("PERP")
        if symbol in known:
            tiers = known[symbol]
            return Rates(
                tiers=tiers,
                initial=first,
                because=f"the rate follows the position's tier in the table of {terms.symbol}",
            )
        hint = f", or symbol as one of {', '.join(sorted(known))}" if known else ""
        raise Lacking(
            terms.rules, "maintenance", f"the maintenance margin rate, such as 0.005{hint}"
        )

    return rates


def ticks(*rows: tuple[str, str]) -> tuple[tuple[Decimal, Decimal], ...]:
    """``(from price, tick)`` rows as decimals."""
    return tuple((Decimal(floor), Decimal(tick)) for floor, tick in rows)
