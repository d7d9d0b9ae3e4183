"""Reading a quote request: its keys, positions and account, checked whole."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from exchange.domain.margin.fields import (
    MEANING,
    SAID_MAX,
    above_zero,
    choice,
    known,
    number,
    optional,
    present,
    rate,
    size_of,
)
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

SIDES = {"long": LONG, "short": SHORT}
MODES = {CROSS: CROSS, ISOLATED: ISOLATED, "fixed": ISOLATED}

NOTHING: tuple[object, ...] = (None, "", [])

OTHER = "positions with their mark, or of {maintenance_margin, unrealised_pnl}"

SYMBOL_MAX = 40
OTHERS_MAX = 200
"""Exact sums of fractions grow with every term: these are worked out in a quarter of a second."""


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


def _position(given: Mapping[str, Any], where: str = "") -> Position:
    maintenance = rate(f"{where}maintenance", optional(given, "maintenance", where))
    deduction = optional(given, "deduction", where)
    if deduction is not None and deduction < 0:
        raise QuoteRefused(f"{where}deduction", f"{where}deduction must not be below zero")
    if deduction is not None and maintenance is None:
        raise QuoteRefused(
            f"{where}maintenance", f"{where}deduction is given without {where}maintenance"
        )
    contract = ""
    if given.get("contract") not in (None, ""):
        contract = choice(given, "contract", CONTRACTS, where)
    symbol = "" if given.get("symbol") is None else given["symbol"]
    if not isinstance(symbol, str) or len(symbol) > SYMBOL_MAX or not symbol.isprintable():
        raise QuoteRefused(f"{where}symbol", f"{where}symbol must be a short text, such as BTCUSDT")
    return Position(
        side=SIDES[choice(given, "side", tuple(SIDES), where)],
        quantity=size_of(given, "quantity", where),
        entry=size_of(given, "entry", where),
        mark=above_zero(given, "mark", where),
        leverage=above_zero(given, "leverage", where),
        maintenance=maintenance,
        deduction=deduction,
        face=above_zero(given, "face", where),
        contract=contract,
        symbol=symbol,
    )


def _sums(row: Mapping[str, Any], where: str) -> Sums:
    present(row, SUM_KEYS, where)
    due, gained = (number(where + name, row[name]) for name in SUM_KEYS)
    if due < 0:
        name = f"{where}maintenance_margin"
        raise QuoteRefused(name, f"{name} must not be below zero")
    return Sums(maintenance_margin=due, unrealised_pnl=gained)


def _others(value: object) -> tuple[Position | Sums, ...]:
    rows = [value] if isinstance(value, Mapping) else value
    if not isinstance(rows, list | tuple):
        raise QuoteRefused("others", f"others must be a list, of {OTHER}")
    if len(rows) > OTHERS_MAX:
        raise QuoteRefused(
            "others", f"others may list at most {OTHERS_MAX} positions; give the rest as sums"
        )
    read: list[Position | Sums] = []
    for index, row in enumerate(rows, start=1):
        where = f"others[{index}]."
        if not isinstance(row, Mapping):
            raise QuoteRefused("others", f"others[{index}] must be an object, one of {OTHER}")
        if any(key in row for key in SUM_KEYS):
            known(row, SUM_KEYS, f"others[{index}]")
            read.append(_sums(row, where))
            continue
        known(row, (*POSITION_KEYS, *SUM_KEYS), f"others[{index}]")
        present(row, ("side", "quantity", "entry", "mark"), where)
        read.append(_position(row, where))
    return tuple(read)


def _hedge(value: object, position: Position) -> Position:
    if not isinstance(value, Mapping):
        raise QuoteRefused("hedge", "hedge must be an object with quantity and entry")
    known(value, HEDGE_KEYS, "hedge")
    present(value, ("quantity", "entry"), "hedge.")
    row = {"side": "short" if position.side == LONG else "long", **value}
    leg = _position(row, "hedge.")
    own_rates = leg.maintenance is not None
    return replace(
        position,
        side=leg.side,
        quantity=leg.quantity,
        entry=leg.entry,
        maintenance=leg.maintenance if own_rates else position.maintenance,
        deduction=leg.deduction if own_rates else position.deduction,
        mark=None,
    )


def read_request(given: Mapping[str, Any]) -> Request:
    """Check a request whole. Raises `QuoteRefused`, naming the field."""
    if not isinstance(given, Mapping):
        raise QuoteRefused(
            "", 'a quote request is an object of named values, such as {"rules": "okx", …}'
        )
    known(given, (*REQUIRED, *OPTIONAL))
    present(given, REQUIRED)
    if not isinstance(given["rules"], str):
        raise QuoteRefused("rules", f"rules must be {MEANING['rules']}")
    mode = MODES[choice(given, "mode", tuple(MODES))]
    position = _position(given)
    collateral = optional(given, "collateral", "")
    if collateral is not None and collateral < 0:
        raise QuoteRefused("collateral", "collateral must not be below zero")
    for name in ("others", "hedge"):
        if given.get(name) not in NOTHING and mode == ISOLATED:
            raise QuoteRefused(
                name, f"{name} belongs to a cross account; leave it out or write mode: cross"
            )
    tick = above_zero(given, "tick", "")
    return Request(
        rules=given["rules"].strip().lower().replace("_", "-")[:SAID_MAX],
        mode=mode,
        position=position,
        collateral=collateral,
        taker_fee=rate("taker_fee", optional(given, "taker_fee", "")),
        others=_others(given["others"]) if given.get("others") not in (None, "") else (),
        hedge=_hedge(given["hedge"], position) if given.get("hedge") not in NOTHING else None,
        tick=None if tick is None else Decimal(str(given["tick"]).strip()),
        ema=above_zero(given, "ema", ""),
    )
