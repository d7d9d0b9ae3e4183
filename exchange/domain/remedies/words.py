"""Parameters of remedies as words: what kind each is, its one spelling, and why one is refused."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import NamedTuple

from exchange.domain.receipts import price
from exchange.domain.remedies.facts import Facts
from exchange.domain.value import INT64_SAFE

SHARE, CHOICE, PRICE, AMOUNT, CONTRACTS, CONTRACT = (
    "share", "choice", "price", "amount", "contracts", "contract",
)  # fmt: skip
PPM = 1_000_000
YES_NO = ("yes", "no")
DIGITS_MAX = 40
SYMBOLS_MAX = 10
NO_PRICE = "0"


class ParameterRefused(ValueError):
    """A parameter is unknown, missing or not of its kind; the message names it and what fits."""


class Field(NamedTuple):
    """One parameter of a remedy. An empty ``default`` is worked out from the facts. ``only``: it
    counts where another parameter has this word, and is refused where it has not."""

    name: str
    kind: str
    default: str
    help: str
    choices: tuple[str, ...] = ()
    only: tuple[str, str] | None = None


def checked(field: Field, word: str, facts: Facts, words: Mapping[str, str]) -> str:
    """The word in its one spelling, or `ParameterRefused`."""
    if field.kind == CHOICE and word not in field.choices:
        raise ParameterRefused(f"{field.name}: {word!r} is not one of {', '.join(field.choices)}")
    if field.kind == SHARE:
        share = ppm(word, field.name)
        if not 0 <= share < PPM:
            raise ParameterRefused(f"{field.name}: a share lies between 0 and 1, not {word}")
        return _plain(decimal_of(field.name, word))
    if field.kind == CONTRACT:
        return facts.specs[contract_of(facts, word)].symbol
    if field.kind == CONTRACTS:
        return " ".join(facts.specs[number].symbol for number in contracts_of(facts, word))
    if field.kind == PRICE:
        if field.default == NO_PRICE and decimal_of(field.name, word) == 0:
            return NO_PRICE
        contract = contract_of(facts, words["contract"])
        return price(ticks_of(facts, contract, field.name, word), facts.specs[contract].tick)
    if field.kind == AMOUNT:
        units_of(facts, contract_of(facts, words["contract"]), field.name, word)
        return _plain(decimal_of(field.name, word))
    return word


def ppm(word: str, name: str) -> int:
    """A share as whole millionths. Raises `ParameterRefused`."""
    return _whole(name, Fraction(decimal_of(name, word)) * PPM, "a millionth")


def contracts_of(facts: Facts, words: str) -> tuple[int, ...]:
    """The numbers of contracts given by symbol, in their order. Raises `ParameterRefused`."""
    return tuple(sorted({contract_of(facts, symbol, "contracts") for symbol in words.split()}))


def contract_of(facts: Facts, symbol: str, name: str = "contract") -> int:
    """The number of a contract. Raises `ParameterRefused`, naming those there are."""
    for number, spec in enumerate(facts.specs):
        if spec.symbol == symbol:
            return number
    known = ", ".join(spec.symbol for spec in facts.specs[:SYMBOLS_MAX])
    raise ParameterRefused(f"{name}: the tape has no {symbol!r}; it has: {known}")


def ticks_of(facts: Facts, contract: int, name: str, word: str) -> int:
    """A price of the contract in ticks, above zero. Raises `ParameterRefused`."""
    tick = facts.specs[contract].tick
    ticks = _whole(name, Fraction(decimal_of(name, word)) / Fraction(tick), f"the tick of {tick:f}")
    if ticks <= 0:
        raise ParameterRefused(f"{name}: a price is above zero, {word} is not")
    return ticks


def units_of(facts: Facts, contract: int, name: str, word: str) -> int:
    """An amount of the contract's settlement asset in minor units, at least zero. Raises
    `ParameterRefused`."""
    spec = facts.specs[contract]
    step = f"the {spec.scale} decimals of {spec.settle}"
    units = _whole(name, Fraction(decimal_of(name, word)) * 10**spec.scale, step)
    if units < 0:
        raise ParameterRefused(f"{name}: an amount is not below zero, {word} is")
    return units


def _plain(number: Decimal) -> str:
    """The shortest spelling of a number, without an exponent."""
    return format(number.normalize() + 0, "f")


def _whole(name: str, number: Fraction, step: str) -> int:
    """The number of whole steps. Raises `ParameterRefused`, naming ``step``."""
    if number.denominator != 1:
        raise ParameterRefused(f"{name}: finer than {step}")
    if abs(number) >= INT64_SAFE:
        raise ParameterRefused(f"{name}: larger than any amount in the books")
    return int(number)


def decimal_of(name: str, word: str) -> Decimal:
    """A finite number of a sensible length. Raises `ParameterRefused`."""
    try:
        number = Decimal(word)
    except InvalidOperation:
        raise ParameterRefused(f"{name}: {word!r} is not a decimal number") from None
    if not number.is_finite():
        raise ParameterRefused(f"{name}: {word!r} is not a finite number")
    if len(word) > DIGITS_MAX or abs(number.adjusted()) > DIGITS_MAX:
        raise ParameterRefused(f"{name}: a number of more than {DIGITS_MAX} digits")
    return number
