"""Kraken Futures fills: as the API answers, as the websocket tells them, or as CSV of either.

The fills state no running number, so nothing can be compared but repeated ones. PI_ and FI_ are
inverse contracts of one dollar settled in the coin; PF_ are linear and settled in dollars.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from exchange.tape.layout import ASSET_MOST, SYMBOL_MOST
from exchange.tape.venues import Outcome
from exchange.tape.venues.bundling import VenueBook, VenueContract, VenueFill
from exchange.tape.venues.files import csv_rows
from exchange.tape.venues.public import TRUTH
from exchange.tape.venues.report import Counts, printed, turns
from exchange.tape.venues.row import AS_WRITTEN, Row

FORMAT = "kraken-fills"
NEEDED = ("fill_id", "symbol", "size", "price", "fillTime", "fillType")
SOCKET = {"instrument": "symbol", "qty": "size", "time": "fillTime", "fill_type": "fillType"}
"""Columns as the websocket feed spells them; it says ``buy``, true or false, for the side."""
SIDES = {"buy": 1, "sell": -1}
TYPES = {
    "maker": 0, "taker": 1, "liquidation": 1, "assignee": 0, "assignor": 1,
    "takeover": 1, "unwindbankrupt": 1, "unwindcounterparty": 0, "takercloseliquidation": 1,
    "takerafteredit": 1,
}  # fmt: skip
FORCED = ("liquidation", "takeover", "unwindbankrupt", "assignor", "takercloseliquidation")
DECIMALS = 8
MINOR_UNITS: int = 10**DECIMALS


class Fill(NamedTuple):
    """One fill as printed."""

    identity: str
    symbol: str
    time_us: int
    size: Decimal
    price: Decimal
    kind: str
    order: str
    file: str
    row: int
    fee: Decimal | None = None


class Opening(NamedTuple):
    """What was held before the first fill, at its average entry price."""

    size: Decimal
    entry: Decimal

    def cost(self, symbol: str) -> int:
        """Its value in minor units of what the contract settles in."""
        size, entry = Fraction(self.size), Fraction(self.entry)
        value: Fraction = -size / entry if is_inverse(symbol) else size * entry
        return round(value * MINOR_UNITS)


def run(paths: Sequence[Path], account: str) -> Outcome:
    """Read the fills, each once, in order of time."""
    counts = Counts()
    fills: list[Fill] = []
    for row in once(csv_rows(paths, NEEDED, (), ("fills",), SOCKET), "fill_id", counts):
        if "/" in row.text("symbol"):  # a spot pair
            counts.set_aside += 1
            continue
        fills.append(_fill(row))
    counts.kept = len(fills)
    counts.out_of_order, newest_first = turns([fill.time_us for fill in fills])
    if newest_first:
        fills.reverse()
    fills.sort(key=lambda fill: fill.time_us)
    kinds: dict[str, int] = {}
    for fill in fills:
        kinds[fill.kind] = kinds.get(fill.kind, 0) + 1
    report = printed(FORMAT, counts, {}, fill_types=kinds)
    return Outcome(report, book(fills, account) if fills else None)


def once(rows: Iterable[Row], field: str, counts: Counts, *, exported: str = "") -> Iterator[Row]:
    """Each row once by a field, which the export may call by another name; repeated ones are
    counted. Raises VenueRefused for one that is repeated with other content."""
    seen: dict[str, Row] = {}
    for row in rows:
        counts.rows += 1
        identity = row.text(field)
        if identity not in seen:
            seen[identity] = row
            yield row
        elif seen[identity].cells == row.cells:
            counts.duplicates += 1
        else:
            said = f"{identity} is there twice with other content; {AS_WRITTEN}"
            raise row.refuse(exported or field, said)


def _fill(row: Row) -> Fill:
    size, price = row.positive("size"), row.positive("price")
    row.choice("fillType", TYPES)
    return Fill(
        row.text("fill_id"), _symbol(row), row.micros("fillTime"),
        size * _side(row), price, row.text("fillType").lower(),
        row.text("order_id", ""), row.file, row.number,
    )  # fmt: skip


def _symbol(row: Row) -> str:
    symbol = row.name("symbol", SYMBOL_MOST)
    if not coin_of(symbol):
        raise row.refuse("symbol", f'"{symbol}" names no coin; {AS_WRITTEN}')
    return symbol


def is_inverse(symbol: str) -> bool:
    """Whether a contract is of one dollar and settled in its coin."""
    return symbol.upper().startswith(("PI_", "FI_"))


def coin_of(symbol: str) -> str:
    """The coin of ``PI_XBTUSD``, ``FI_XBTUSD_210625`` or ``XBTUSD``."""
    base = symbol.split("_")[1] if "_" in symbol else symbol
    return base.upper().removesuffix("USD")[:ASSET_MOST]


def _side(row: Row) -> int:
    if row.has("buy") and not row.has("side"):
        return 1 if row.choice("buy", TRUTH) else -1
    return row.choice("side", SIDES)


def book(fills: list[Fill], account: str, openings: dict[str, Opening] | None = None) -> VenueBook:
    """The fills in the bundle's terms; ticks and lots are the finest the file prints. `openings`
    are what was held of a symbol before."""
    ids: dict[str, int] = {}
    contracts: dict[str, VenueContract] = {}
    lots: dict[str, int] = {}
    for symbol in sorted({fill.symbol for fill in fills}):
        group = [fill for fill in fills if fill.symbol == symbol]
        sizes = [fill.size for fill in group] + [o.size for o in _of(symbol, openings)]
        lots[symbol] = max(_places(size) for size in sizes)
        tick = Decimal(1).scaleb(-max(_places(fill.price) for fill in group))
        coin, inverse = coin_of(symbol), is_inverse(symbol)
        contracts[symbol] = VenueContract(
            symbol, "inverse" if inverse else "linear", coin, coin if inverse else "USD",
            Decimal(1).scaleb(-lots[symbol]), tick,
        )  # fmt: skip
    made = [
        VenueFill(
            fill.time_us, fill.symbol, account, int(fill.size.scaleb(lots[fill.symbol])),
            int(fill.price / contracts[fill.symbol].tick),
            int((fill.fee or Decimal(0)).scaleb(DECIMALS).to_integral_value()),
            ids.setdefault(fill.identity, len(ids) + 1),
            ids.setdefault(fill.order, len(ids) + 1) if fill.order else 0,
            bool(TYPES[fill.kind]), "liquidation" if fill.kind in FORCED else "trade",
            (fill.file, fill.row),
        )
        for fill in fills
    ]  # fmt: skip
    assets = {contract.settle: DECIMALS for contract in contracts.values()}
    return VenueBook(
        "kraken", "kraken-inverse", "Kraken Futures fills", assets, list(contracts.values()),
        [account], made, source={"fees_not_in_the_file": sum(f.fee is None for f in fills)},
        openings=[
            (account, symbol, int(opening.size.scaleb(lots[symbol])), opening.cost(symbol))
            for symbol in contracts for opening in _of(symbol, openings)
        ],
    )  # fmt: skip


def _of(symbol: str, openings: dict[str, Opening] | None) -> list[Opening]:
    """The opening of a symbol, if there is one."""
    return [openings[symbol]] if openings and symbol in openings else []


def _places(value: Decimal) -> int:
    """Decimals a number needs."""
    return max(0, -int(value.normalize().as_tuple().exponent))
