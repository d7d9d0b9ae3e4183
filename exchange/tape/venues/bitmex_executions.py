"""BitMEX `execution/tradeHistory`: every trade's value, fee and running order quantity checked.

The venue states `execCost`, the value of a trade in minor units of the settlement currency, signed
like a buyer's cost: quantity times multiplier times price, for an inverse contract quantity times
multiplier over price. Two things are read from the data, not assumed:

* whether an inverse value is rounded for one contract and then multiplied, or for the whole trade:
  the rule under which fewer of a symbol's values differ;
* the true price where the file prints it one digit short: `execCost` over quantity and multiplier,
  taken only if it lies on the tick and is the printed price when rounded. Such a cost is counted
  as undetermined, since the printed price alone does not tell it.

Terms come from an instrument file given along, from columns of the file, or, for a symbol without
either, from the multiplier that all its costs share; then the first cost is undetermined.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from exchange.tape.layout import ASSET_MOST, SYMBOL_MOST
from exchange.tape.venues import Outcome
from exchange.tape.venues.bitmex_instruments import Instrument
from exchange.tape.venues.bitmex_instruments import read as read_instruments
from exchange.tape.venues.bundling import VenueBook, VenueFill
from exchange.tape.venues.files import csv_rows
from exchange.tape.venues.report import Counts, Reconciliation, printed, turns
from exchange.tape.venues.row import AS_WRITTEN, Row, VenueRefused

FORMAT = "bitmex-executions"
SIDES = {"buy": 1, "sell": -1}
INSTRUMENT_COLUMNS = {"isInverse", "multiplier", "tickSize"}
RULES = ("per contract", "per trade")
SPOT = re.compile("[A-Z]+_[A-Z]+")
"""A spot pair such as XBT_USDT; XBT7D_U110 is a contract."""
TIMES = ("transactTime", "timestamp", "event_time")


class Execution(NamedTuple):
    """One trade as printed; `quantity` signed, `cost`, `fee` and `rate` None when not printed."""

    row: Row
    symbol: str
    time_us: int
    quantity: int
    price: Decimal
    cost: int | None
    fee: int | None
    rate: Decimal | None
    order: str
    trade: str
    cum: int | None
    maker: bool


def run(paths: Sequence[Path], account: str) -> Outcome:
    """Read executions, and instrument files among the paths; compare and make the book."""
    counts = Counts()
    rows = list(csv_rows(paths, ("symbol",)))
    terms = [row for row in rows if row.cells.keys() >= INSTRUMENT_COLUMNS]
    instruments = read_instruments(terms, Counts())
    executions = [row for row in rows if not row.cells.keys() >= INSTRUMENT_COLUMNS]
    if terms and not executions:
        raise VenueRefused(
            terms[0].file, None, "", "describes contracts only; give the executions along."
        )
    made = _executions(executions, counts)
    by_symbol: dict[str, list[Execution]] = defaultdict(list)
    for one in made:
        by_symbol[one.symbol].append(one)
    numbers = {name: Reconciliation(name) for name in ("execCost", "execComm", "cumQty")}
    found = {
        symbol: _symbol(symbol, group, instruments.get(symbol), numbers)
        for symbol, group in by_symbol.items()
    }
    _cumulated(made, numbers["cumQty"], counts)
    report = printed(
        FORMAT, counts,
        {"exec_cost": numbers["execCost"], "exec_comm": numbers["execComm"],
         "cum_qty": numbers["cumQty"]},
        symbols={symbol: len(group) for symbol, group in sorted(by_symbol.items())},
        inverse_rounding={s: f.rule for s, f in sorted(found.items()) if f.rule},
        prices_recovered_from_cost=sum(len(f.recovered) for f in found.values()),
    )  # fmt: skip
    return Outcome(report, _book(made, found, account) if made else None)


def _executions(rows: Sequence[Row], counts: Counts) -> list[Execution]:
    """Trades, each once, in order of time; spot, funding, settlement and order states are set
    aside."""
    seen: dict[str, Row] = {}
    made = []
    for row in rows:
        counts.rows += 1
        identity = row.text("execID", "")
        if identity and identity in seen:
            if seen[identity].cells != row.cells and "source_row_number" not in row.cells:
                raise row.refuse(
                    "execID", f"{identity} is there twice with other content; {AS_WRITTEN}"
                )
            counts.duplicates += 1
            continue
        seen[identity] = row
        spot = SPOT.fullmatch(row.text("symbol"))
        if spot or row.text("execType", "Trade") not in ("Trade", "Liquidation", "Bankruptcy"):
            counts.set_aside += 1
            continue
        made.append(_execution(row))
        counts.kept += 1
    counts.out_of_order, _ = turns([one.time_us for one in made])
    return _in_order(made)


def _in_order(made: list[Execution]) -> list[Execution]:
    """By time; at one time the executions of an order together, as its cumQty grows."""
    first: dict[tuple[int, str], int] = {}
    for number, one in enumerate(made):
        first.setdefault((one.time_us, one.order or str(number)), number)
    return [
        made[number]
        for number in sorted(
            range(len(made)),
            key=lambda number: (
                made[number].time_us,
                first[made[number].time_us, made[number].order or str(number)],
                made[number].cum or 0,
            ),
        )
    ]


def _execution(row: Row) -> Execution:
    signed = "signed_contract_qty" in row.cells and "lastQty" not in row.cells
    quantity = row.integer("signed_contract_qty" if signed else "lastQty")
    price = row.positive("lastPx")
    if quantity == 0:
        raise row.refuse("signed_contract_qty" if signed else "lastQty", f"is zero; {AS_WRITTEN}")
    times = [field for field in TIMES if field in row.cells]
    time = next((field for field in times if row.has(field)), times[0] if times else TIMES[0])
    return Execution(
        row, row.name("symbol", SYMBOL_MOST), row.micros(time),
        abs(quantity) * row.choice("side", SIDES), price,
        row.integer("execCost") if row.has("execCost") else None,
        row.integer("execComm") if row.has("execComm") else None,
        row.number_of("commission") if row.has("commission") else None,
        row.text("orderID", ""), row.text("trdMatchID", ""),
        row.integer("cumQty") if row.has("cumQty") else None,
        row.text("lastLiquidityInd", "").startswith("Added"),
    )  # fmt: skip


class Symbol(NamedTuple):
    """What was found of a symbol: its terms, its rounding rule, and recovered prices by row."""

    terms: Instrument
    rule: str
    recovered: dict[int, Decimal]


def _symbol(
    symbol: str, group: list[Execution], given: Instrument | None,
    numbers: dict[str, Reconciliation],
) -> Symbol:  # fmt: skip
    """Compare the costs and fees of one symbol."""
    terms, learned = _chosen(symbol, group, given)
    rule = _rule(group, terms)
    recovered: dict[int, Decimal] = {}
    for number, one in enumerate(group):
        _fee(one, numbers["execComm"])
        if one.cost is None:
            continue
        ours = value(terms, one.quantity, one.price, rule)
        true_price = None if ours == one.cost else _recovered(one, terms)
        if true_price is not None:
            recovered[one.row.number] = true_price
        if true_price is not None or (learned and number == 0):
            numbers["execCost"].undetermined += 1
        else:
            where = {"file": one.row.file, "row": one.row.number, "symbol": symbol}
            numbers["execCost"].compare(ours, one.cost, where)
    return Symbol(terms, rule, recovered)


def value(terms: Instrument, quantity: int, price: Decimal, rule: str) -> int:
    """The cost of a trade in minor units, halves away from zero."""
    if terms.kind != "inverse":
        return _away(Fraction(quantity) * terms.multiplier * Fraction(price))
    one = Fraction(terms.multiplier) / Fraction(price)
    return quantity * _away(one) if rule == RULES[0] else _away(quantity * one)


def _away(exact: Fraction) -> int:
    """Nearest whole number, halves away from zero."""
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole


def _rule(group: list[Execution], terms: Instrument) -> str:
    """The rounding rule under which fewer inverse costs differ; none for other kinds."""
    if terms.kind != "inverse":
        return ""
    return min(RULES, key=lambda rule: _wrong(group, terms, rule))


def _wrong(group: list[Execution], terms: Instrument, rule: str) -> int:
    """How many costs differ under these terms and no finer price explains."""
    return sum(
        value(terms, one.quantity, one.price, rule) != one.cost and _recovered(one, terms) is None
        for one in group
        if one.cost is not None
    )


def _chosen(
    symbol: str, group: list[Execution], given: Instrument | None
) -> tuple[Instrument, bool]:
    """(terms, learned from the costs): the file's own columns, else the instrument file's terms
    unless its symbol was another contract then, which the costs themselves tell."""
    if given is None or group[0].row.has("configured_multiplier_raw"):
        return _terms(symbol, group)
    if not any(one.cost is not None for one in group):
        return given, False
    learned, _ = _terms(symbol, group)
    better = _wrong(group, learned, _rule(group, learned)) + 1
    return (
        (given, False) if _wrong(group, given, _rule(group, given)) <= better else (learned, True)
    )


def _recovered(one: Execution, terms: Instrument) -> Decimal | None:
    """The price the cost implies, if it is on the tick and prints as the price that is printed."""
    if terms.kind == "inverse" or one.cost is None:
        return None
    exact = Fraction(one.cost, one.quantity * terms.multiplier)
    price = Decimal(exact.numerator) / Decimal(exact.denominator)
    if Fraction(price) != exact or exact % Fraction(terms.tick):
        return None
    unit = Decimal(1).scaleb(min(0, int(one.price.normalize().as_tuple().exponent)))
    return price if abs(price - one.price) <= max(unit / 2, terms.tick) else None


def _terms(symbol: str, group: list[Execution]) -> tuple[Instrument, bool]:
    """(terms, learned from the costs) of a symbol no instrument file describes."""
    first = group[0].row
    currency = first.name("settlCurrency", ASSET_MOST, "XBt")
    tick = min(
        Decimal(1).scaleb(min(0, int(one.price.normalize().as_tuple().exponent))) for one in group
    )
    if first.has("configured_tick_size"):
        tick = first.number_of("configured_tick_size")
    if first.has("configured_multiplier_raw"):
        multiplier = first.integer("configured_multiplier_raw")
        kind = "inverse" if multiplier < 0 else _upright(currency)
        return Instrument(symbol, kind, multiplier, currency, tick, symbol[:16], 0), False
    costed = [one for one in group if one.cost is not None]
    if not costed:
        raise first.refuse("execCost", f"is missing for all of {symbol}; give the instrument file.")
    inverse = costed[0].cost * costed[0].quantity < 0  # type: ignore[operator]
    shares: Counter[int] = Counter()
    for one in costed:
        ratio = Fraction(one.cost or 0, one.quantity)
        shares[_away(ratio * Fraction(one.price) if inverse else ratio / Fraction(one.price))] += 1
    multiplier = shares.most_common(1)[0][0]
    if inverse:  # one rounded contract blurs it; an inverse multiplier is a power of ten
        multiplier = -(10 ** round(len(str(abs(multiplier) * 2)) - 1))
    kind = "inverse" if inverse else _upright(currency)
    return Instrument(symbol, kind, multiplier, currency, tick, symbol[:16], 0), True


def _upright(currency: str) -> str:
    """Linear when it settles in the currency it is quoted in, else quanto; worth the same sum."""
    return "linear" if currency.upper() == "USDT" else "quanto"


def _fee(one: Execution, fees: Reconciliation) -> None:
    """execComm is the cost times the commission rate, to the minor unit either way."""
    if one.fee is None:
        return
    if one.cost is None or one.rate is None:
        fees.undetermined += 1
        return
    exact = abs(Decimal(one.cost)) * one.rate
    cut, near = int(exact), int(exact.quantize(Decimal(1), ROUND_HALF_UP))
    where = {"file": one.row.file, "row": one.row.number, "symbol": one.symbol}
    fees.compare(one.fee if one.fee in (cut, near) else near, one.fee, where)


def _cumulated(made: list[Execution], numbers: Reconciliation, counts: Counts) -> None:
    """cumQty of an order is the sum of its executions; a history that begins inside an order, or
    has a gap in one, is undetermined and goes on from the venue's number."""
    running: dict[str, int] = {}
    for one in made:
        if one.cum is None or not one.order:
            continue
        size = abs(one.quantity)
        before = running.get(one.order, 0)
        if one.cum == before + size:
            numbers.agree += 1
        elif one.cum > before + size:
            numbers.undetermined += 1
            counts.gap(one.order in running)
        else:
            where = {"file": one.row.file, "row": one.row.number, "symbol": one.symbol}
            numbers.compare(before + size, one.cum, where)
        running[one.order] = one.cum


def _book(made: list[Execution], found: dict[str, Symbol], account: str) -> VenueBook:
    """The executions in the bundle's terms, at recovered prices where there are any."""
    ids: dict[str, int] = {}
    fills = []
    for one in made:
        symbol = found[one.symbol]
        price = symbol.recovered.get(one.row.number, one.price)
        fills.append(
            VenueFill(
                one.time_us, one.symbol, account, one.quantity, int(price / symbol.terms.tick),
                one.fee or 0, _number(one.trade, ids), _number(one.order, ids), not one.maker,
                "trade", (one.row.file, one.row.number),
            )
        )  # fmt: skip
    assets: dict[str, int] = dict(symbol.terms.asset for symbol in found.values())
    source: dict[str, Any] = {"format": FORMAT}
    return VenueBook(
        "bitmex", "bitmex", "BitMEX executions", assets,
        [symbol.terms.contract() for _, symbol in sorted(found.items())], [account], fills,
        source=source,
    )  # fmt: skip


def _number(name: str, ids: dict[str, int]) -> int:
    """A number for an order or trade the venue names by a UUID; 0 for none."""
    return ids.setdefault(name, len(ids) + 1) if name else 0
