"""Reading a quote request: names checked, numbers exact, every refusal names its field.

Numbers are strings, integers or Decimals. Binary floats are refused: 0.1 typed as a float is
not 0.1, and the answer would not be the venue's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from exchange.domain.margin.position import CONTRACTS, LONG, SHORT
from exchange.domain.margin.ruleset import CROSS, ISOLATED, QuoteRefused

REQUIRED = ("rules", "side", "quantity", "entry", "mode")
OPTIONAL = (
    "collateral",
    "leverage",
    "maintenance",
    "deduction",
    "face",
    "taker_fee",
    "mark",
    "others",
    "contract",
    "symbol",
    "tick",
    "hedge",
    "ema",
)
POSITION_KEYS = (
    "side", "quantity", "entry", "mark", "leverage", "maintenance", "deduction", "face",
    "contract", "symbol",
)  # fmt: skip
SUM_KEYS = ("maintenance_margin", "unrealised_pnl")
HEDGE_KEYS = ("quantity", "entry", "maintenance", "deduction")

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

SIDES = {"long": LONG, "short": SHORT}
MODES = {CROSS: CROSS, ISOLATED: ISOLATED, "fixed": ISOLATED}

NOTHING: tuple[object, ...] = (None, "", [])

DIGITS_MAX = 40
SAID_MAX = 60
OTHERS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A position as a customer gives it; ``quantity`` in contracts when ``face`` is given."""

    side: int
    quantity: Fraction
    entry: Fraction
    mark: Fraction | None = None
    leverage: Fraction | None = None
    maintenance: Fraction | None = None
    deduction: Fraction | None = None
    face: Fraction | None = None
    contract: str = ""
    symbol: str = ""

    @property
    def size(self) -> Fraction:
        """Contracts times face, or the quantity as the venue quotes it."""
        return self.quantity if self.face is None else self.quantity * self.face


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What the rest of a cross account owes and has gained."""

    maintenance_margin: Fraction
    unrealised_pnl: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A checked request. ``hedge`` is the opposite leg of the same contract, if any."""

    rules: str
    mode: str
    position: Position
    collateral: Fraction | None = None
    taker_fee: Fraction | None = None
    others: tuple[Position | Sums, ...] = ()
    hedge: Position | None = None
    tick: Decimal | None = None
    ema: Fraction | None = None


def _said(value: object) -> str:
    """What was given, short enough to repeat in a sentence."""
    text = repr(value)
    return text if len(text) <= SAID_MAX else f"{text[:SAID_MAX]}…"


def _meant(name: str, allowed: Sequence[str]) -> str:
    """The allowed key a person most likely means; "" when none is near."""
    for key, spellings in OTHER_NAMES.items():
        if key in allowed and name in spellings:
            return key
    return next(iter(get_close_matches(name, allowed, n=1, cutoff=0.6)), "")


def _known(given: Mapping[str, Any], allowed: Sequence[str], where: str) -> None:
    for key in given:
        if key not in allowed:
            name = str(key)[:SAID_MAX]
            near = _meant(name.lower(), allowed)
            hint = f"; did you mean {near}?" if near else f"; known are {', '.join(allowed)}"
            raise QuoteRefused(name, f"{where} has an unknown key {name!r}{hint}")


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


def _optional(given: Mapping[str, Any], name: str, where: str) -> Fraction | None:
    value = given.get(name)
    return None if value is None or value == "" else number(where + name, value)


def _above_zero(given: Mapping[str, Any], name: str, where: str) -> Fraction | None:
    value = _optional(given, name, where)
    if value is not None and value <= 0:
        raise QuoteRefused(where + name, f"{where}{name} must be above zero")
    return value


def _rate(name: str, value: Fraction | None) -> Fraction | None:
    if value is not None and not 0 <= value < 1:
        raise QuoteRefused(
            name, f"{name} is a fraction of 1, such as 0.005 for 0.5 %, and must be below 1"
        )
    return value


def _required(given: Mapping[str, Any], name: str, where: str) -> Fraction:
    value = _optional(given, name, where)
    if value is None:
        raise QuoteRefused(where + name, f"{where}{name} is missing")
    return value


def _size(given: Mapping[str, Any], name: str, where: str) -> Fraction:
    value = _required(given, name, where)
    if value <= 0:
        also = "; side says the direction" if name == "quantity" else ""
        raise QuoteRefused(where + name, f"{where}{name} must be above zero{also}")
    return value


def _choice(given: Mapping[str, Any], name: str, allowed: Sequence[str], where: str = "") -> str:
    value = given.get(name)
    if value is None or value == "":
        raise QuoteRefused(where + name, f"{where}{name} is missing: one of {', '.join(allowed)}")
    word = value.strip().lower() if isinstance(value, str) else value
    if word not in allowed:
        raise QuoteRefused(
            where + name, f"{where}{name} must be one of {', '.join(allowed)}, not {_said(value)}"
        )
    return str(word)


def _position(given: Mapping[str, Any], where: str = "") -> Position:
    maintenance = _rate(f"{where}maintenance", _optional(given, "maintenance", where))
    deduction = _optional(given, "deduction", where)
    if deduction is not None and deduction < 0:
        raise QuoteRefused(f"{where}deduction", f"{where}deduction must not be below zero")
    if deduction is not None and maintenance is None:
        raise QuoteRefused(
            f"{where}maintenance", f"{where}deduction is given without {where}maintenance"
        )
    contract = ""
    if given.get("contract") not in (None, ""):
        contract = _choice(given, "contract", CONTRACTS, where)
    symbol = "" if given.get("symbol") is None else given["symbol"]
    if not isinstance(symbol, str) or len(symbol) > 40:
        raise QuoteRefused(f"{where}symbol", f"{where}symbol must be a short text")
    return Position(
        side=SIDES[_choice(given, "side", tuple(SIDES), where)],
        quantity=_size(given, "quantity", where),
        entry=_size(given, "entry", where),
        mark=_above_zero(given, "mark", where),
        leverage=_above_zero(given, "leverage", where),
        maintenance=maintenance,
        deduction=deduction,
        face=_above_zero(given, "face", where),
        contract=contract,
        symbol=symbol,
    )


def _others(value: object) -> tuple[Position | Sums, ...]:
    rows = [value] if isinstance(value, Mapping) else value
    if not isinstance(rows, list | tuple):
        raise QuoteRefused("others", "others must be a list of positions or of sums")
    if len(rows) > OTHERS_MAX:
        raise QuoteRefused("others", f"others may list at most {OTHERS_MAX} positions")
    read: list[Position | Sums] = []
    for index, row in enumerate(rows, start=1):
        where = f"others[{index}]."
        if not isinstance(row, Mapping):
            raise QuoteRefused("others", f"others[{index}] must be an object")
        if any(key in row for key in SUM_KEYS):
            _known(row, SUM_KEYS, f"others[{index}]")
            read.append(
                Sums(
                    maintenance_margin=_required(row, "maintenance_margin", where),
                    unrealised_pnl=_required(row, "unrealised_pnl", where),
                )
            )
            continue
        _known(row, (*POSITION_KEYS, *SUM_KEYS), f"others[{index}]")
        position = _position(row, where)
        if position.mark is None:
            raise QuoteRefused(f"{where}mark", f"{where}mark is missing: its present price")
        read.append(position)
    return tuple(read)


def _hedge(value: object, position: Position) -> Position:
    if not isinstance(value, Mapping):
        raise QuoteRefused("hedge", "hedge must be an object with quantity and entry")
    _known(value, HEDGE_KEYS, "hedge")
    row = {"side": "short" if position.side == LONG else "long", **value}
    leg = _position(row, "hedge.")
    own_rates = leg.maintenance is not None
    return Position(
        side=leg.side,
        quantity=leg.quantity,
        entry=leg.entry,
        leverage=position.leverage,
        maintenance=leg.maintenance if own_rates else position.maintenance,
        deduction=leg.deduction if own_rates else position.deduction,
        face=position.face,
        contract=position.contract,
        symbol=position.symbol,
    )


def read_request(given: Mapping[str, Any]) -> Request:
    """Check a request whole. Raises `QuoteRefused`, naming the field."""
    if not isinstance(given, Mapping):
        raise QuoteRefused("", "a quote request is an object of named values")
    _known(given, (*REQUIRED, *OPTIONAL), "the request")
    for name in REQUIRED:
        if given.get(name) in (None, ""):
            raise QuoteRefused(name, f"{name} is missing")
    mode = MODES[_choice(given, "mode", tuple(MODES))]
    position = _position(given)
    collateral = _optional(given, "collateral", "")
    if collateral is not None and collateral < 0:
        raise QuoteRefused("collateral", "collateral must not be below zero")
    for name in ("others", "hedge"):
        if given.get(name) not in NOTHING and mode == ISOLATED:
            raise QuoteRefused(name, f"{name} belongs to a cross account; the mode is isolated")
    tick = _above_zero(given, "tick", "")
    return Request(
        rules=str(given["rules"]).strip().lower().replace("_", "-")[:SAID_MAX],
        mode=mode,
        position=position,
        collateral=collateral,
        taker_fee=_rate("taker_fee", _optional(given, "taker_fee", "")),
        others=_others(given["others"]) if given.get("others") not in (None, "") else (),
        hedge=_hedge(given["hedge"], position) if given.get("hedge") not in NOTHING else None,
        tick=None if tick is None else Decimal(str(given["tick"]).strip()),
        ema=_above_zero(given, "ema", ""),
    )
