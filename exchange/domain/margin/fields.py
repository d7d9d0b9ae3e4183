"""One value of a quote request: read exactly, or refused by its name with what to write.

Numbers are strings, integers or Decimals. Binary floats are refused: 0.1 typed as a float is
not 0.1, and the answer would not be the venue's.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from exchange.domain.margin.ruleset import QuoteRefused

MEANING = {
    "rules": "the name of a rule set, such as bybit-inverse",
    "side": "long or short",
    "quantity": "contracts where face is given, else USD (inverse) or coins (linear)",
    "entry": "the average entry price",
    "mode": "cross, isolated or fixed",
    "mark": "its present price",
    "maintenance_margin": "what all the other positions owe together",
    "unrealised_pnl": "what they have gained together, below zero for a loss",
}
"""What to write where a key is missing that must be there."""

OTHER_NAMES = {
    "collateral": ("balance", "wallet", "wallet_balance", "margin", "equity"),
    "deduction": ("cum", "maintenance_amount", "maintenance_margin_deduction"),
    "entry": ("price", "open", "entry_price", "average_price"),
    "face": ("multiplier", "contract_size", "contract_value", "face_value"),
    "leverage": ("lever", "lev"),
    "maintenance": ("mmr", "mm", "maintenance_rate", "maintenance_margin_rate", "factor"),
    "mark": ("last", "mark_price"),
    "mode": ("margin_mode", "margin_type"),
    "quantity": ("size", "amount", "contracts", "qty"),
    "symbol": ("pair", "coin", "instrument"),
    "taker_fee": ("fee", "fee_rate", "taker", "closing_fee"),
}
"""What venues and people call a key; used to say which one is meant."""

DIGITS_MAX = 40
SAID_MAX = 60


def parse(text: str | bytes) -> Any:
    """A request from JSON. Numbers stay as they are printed. Raises `QuoteRefused`, also where
    an object has a key twice: one of the two was meant, and nobody can say which."""
    try:
        return json.loads(
            text, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once
        )
    except QuoteRefused:
        raise
    except (ValueError, RecursionError) as problem:
        raise QuoteRefused("", f"the request is not JSON: {problem}") from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise QuoteRefused(_name(key), f"{_name(key)} is given twice; leave one")
        found[key] = value
    return found


def _said(value: object) -> str:
    """What was given, short enough to repeat in a sentence."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= SAID_MAX else f"{text[:SAID_MAX]}…"


def _name(key: object) -> str:
    """A key as it was given, short, and free of halves of characters, which cannot be sent back."""
    return str(key)[:SAID_MAX].encode("utf-8", "backslashreplace").decode()


def _meant(name: str, allowed: Collection[str]) -> str:
    """The allowed key a person most likely means; "" when none is near."""
    for key, spellings in OTHER_NAMES.items():
        if key in allowed and name in spellings:
            return key
    return next(iter(get_close_matches(name, allowed, n=1, cutoff=0.6)), "")


def known(given: Mapping[str, Any], allowed: Collection[str], where: str = "") -> None:
    for key in given:
        if key not in allowed:
            name = _name(key)
            near = _meant(name.lower(), allowed)
            hint = f"; did you mean {near}?" if near else f"; known are {', '.join(allowed)}"
            raise QuoteRefused(
                f"{where}.{name}" if where else name,
                f"{where or 'the request'} has an unknown key {name!r}{hint}",
            )


def _plainer(value: object) -> str:
    """How to write a number that came with a percent sign, an x or separators; "" if unclear."""
    bare = str(value).replace(",", "").replace(" ", "").lower()
    percent = bare.endswith("%")
    try:
        exact = Decimal(bare.rstrip("%x"))
    except InvalidOperation:
        return ""
    if not exact.is_finite() or len(bare) > DIGITS_MAX or abs(exact.adjusted()) > DIGITS_MAX:
        return ""
    return f"; write {exact.scaleb(-2) if percent else exact:f}"


def number(name: str, value: object) -> Fraction:
    """An exact number from a string, integer or Decimal. Raises `QuoteRefused`."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise QuoteRefused(
            name, f"{name} must be a decimal number in quotation marks, not {_said(value)}"
        )
    try:
        exact = Decimal(value.strip() if isinstance(value, str) else value)
    except (InvalidOperation, ValueError):
        raise QuoteRefused(
            name, f"{name} must be a decimal number, not {_said(value)}{_plainer(value)}"
        ) from None
    if not exact.is_finite():
        raise QuoteRefused(name, f"{name} must be a finite number, not {_said(value)}")
    digits = exact.as_tuple()
    if len(digits.digits) > DIGITS_MAX or abs(exact.adjusted()) > DIGITS_MAX:
        raise QuoteRefused(name, f"{name} must have at most {DIGITS_MAX} digits")
    return Fraction(exact)


def optional(given: Mapping[str, Any], name: str, where: str) -> Fraction | None:
    value = given.get(name)
    return None if value is None or value == "" else number(where + name, value)


def above_zero(given: Mapping[str, Any], name: str, where: str) -> Fraction | None:
    value = optional(given, name, where)
    if value is not None and value <= 0:
        raise QuoteRefused(where + name, f"{where}{name} must be above zero")
    return value


def rate(name: str, value: Fraction | None) -> Fraction | None:
    if value is not None and not 0 <= value < 1:
        raise QuoteRefused(
            name, f"{name} is a fraction of 1, such as 0.005 for 0.5 %: 0 or above, and below 1"
        )
    return value


def present(given: Mapping[str, Any], names: Sequence[str], where: str = "") -> None:
    """Refuse where any of the names is missing, in one sentence that names them all."""
    missing = [name for name in names if given.get(name) in (None, "")]
    if missing:
        said = (f"{where}{name} is missing: {MEANING[name]}" for name in missing)
        raise QuoteRefused(where + missing[0], "; ".join(said))


def size_of(given: Mapping[str, Any], name: str, where: str) -> Fraction:
    value = number(where + name, given[name])
    if value <= 0:
        also = "; side says the direction" if name == "quantity" else ""
        raise QuoteRefused(where + name, f"{where}{name} must be above zero{also}")
    return value


def choice(given: Mapping[str, Any], name: str, allowed: Collection[str], where: str = "") -> str:
    value = given[name]
    word = value.strip().lower() if isinstance(value, str) else value
    if word not in allowed:
        raise QuoteRefused(
            where + name, f"{where}{name} must be one of {', '.join(allowed)}, not {_said(value)}"
        )
    return str(word)
