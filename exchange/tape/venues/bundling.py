"""A venue's rows as a bundle of some accounts, read and stored by the same door as any other.

What a venue file does not say is not made up: no prices, no e-mail (the address ends in .invalid),
no opening balance. Two conventions fill what a tape must have, and the manifest names both: an
opening position whose entry the file does not tell is valued at its first price, and a hole is
bridged by one fill of the quantity that the venue's own position proves, at the next price.
"""

import json
import re
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from exchange.tape import bundle
from exchange.tape.arrays import Tape
from exchange.tape.layout import PRICE_MOST, QUANTITY_MOST, TABLES, Kind
from exchange.tape.manifest import FORMAT
from exchange.tape.reading import Progress
from exchange.tape.venues.row import AS_WRITTEN, VenueRefused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DEFAULT_LEVERAGE = 20
FEE_MOST = 10**18


class VenueContract(NamedTuple):
    """A contract of the venue, in the bundle's terms. `expiry_us` 0 for a perpetual."""

    symbol: str
    kind: str
    underlying: str
    settle: str
    face: Decimal
    tick: Decimal
    expiry_us: int = 0


class VenueFill(NamedTuple):
    """One side of a trade: price in ticks, signed quantity, fee in minor units. `origin` is the
    file and row it was read from."""

    time_us: int
    contract: str
    account: str
    quantity: int
    price_ticks: int
    fee_units: int
    trade: int
    order: int
    taker: bool
    reason: str
    origin: tuple[str, int]


class VenueTransfer(NamedTuple):
    """Money in or out of the futures wallet, in minor units."""

    time_us: int
    account: str
    asset: str
    amount_units: int
    kind: str
    reference: str


class VenueBook(NamedTuple):
    """Everything a venue's files gave; `openings` are (account, contract, quantity, cost units)."""

    venue: str
    rules: str
    title: str
    assets: dict[str, int]
    contracts: Sequence[VenueContract]
    accounts: Sequence[str]
    fills: Sequence[VenueFill]
    openings: Sequence[tuple[str, str, int, int]] = ()
    transfers: Sequence[VenueTransfer] = ()
    liquidations: Sequence[tuple[int, str, str, int, int]] = ()
    source: dict[str, Any] = {}


def store(book: VenueBook, name: str, progress: Progress | None = None) -> Tape:
    """Write the book as a bundle into a folder that is removed again, read it, return the tape.

    `name` is the bundle's: small letters, digits, hyphens. Raises `BundleRefused`, or
    `VenueRefused` when a number does not fit.
    """
    for fill in book.fills:
        within(fill.origin, "size", fill.quantity, QUANTITY_MOST)
        within(fill.origin, "price", fill.price_ticks, PRICE_MOST)
        within(fill.origin, "fee", fill.fee_units, FEE_MOST)
    with tempfile.TemporaryDirectory(prefix="makewhole-") as folder:
        try:
            written = write(book, name, Path(folder))
        except OverflowError:
            raise VenueRefused(
                book.title, None, "", "holds a number that does not fit 64 bits at its scale."
            ) from None
        return bundle.read(written, progress)


def within(origin: tuple[str, int], field: str, steps: int, most: int) -> None:
    """Refuse a number beyond what a tape holds, in the words of the venue's file: the tape's own
    refusal would name a row that nobody wrote."""
    if abs(steps) > most:
        raise VenueRefused(
            *origin, field,
            f"is {steps} of the smallest step in these files, which is above {most}; {AS_WRITTEN}",
        )  # fmt: skip


def write(book: VenueBook, name: str, out: Path) -> Path:
    """Write the book as a bundle folder of Parquet tables with exact columns."""
    times = [fill.time_us for fill in book.fills] + [move.time_us for move in book.transfers]
    manifest = {
        "format": FORMAT, "name": name, "title": book.title, "venue": book.venue,
        "rules": book.rules, "scope": "accounts", "zone": "UTC",
        "window": {"start": _iso(min(times, default=0)), "end": _iso(max(times, default=0) + 1)},
        "announced_cutoff": None, "effective_cutoff": None, "contract": None,
        "source": book.source,
    }  # fmt: skip
    (out / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False))
    for table, rows in _rows(book).items():
        columns = [column.key for column in TABLES[table].columns]
        kinds = {
            column.key: pa.int64()
            if column.kind in (Kind.INTEGER, Kind.TIME, Kind.PRICE, Kind.AMOUNT)
            else pa.string()
            for column in TABLES[table].columns
        }
        made = {
            key: pa.array([row[place] for row in rows], kinds[key])
            for place, key in enumerate(columns)
        }
        pq.write_table(pa.table(made), out / f"{table}.parquet")
    return out


def _paired(fills: Sequence[VenueFill]) -> list[VenueFill]:
    """Fills whose trade number names one side, or a buyer and a seller who agree; any other number
    is no trade's number and becomes 0, unknown."""
    sides: dict[int, list[VenueFill]] = {}
    for fill in fills:
        sides.setdefault(fill.trade, []).append(fill)
    sound = {
        trade
        for trade, seen in sides.items()
        if len(seen) == 1
        or len({(f.time_us, f.contract, f.price_ticks, abs(f.quantity)) for f in seen}) == 1
        and sum(f.quantity for f in seen) == 0
        and len(seen) == 2
    }
    return [fill if fill.trade in sound else fill._replace(trade=0) for fill in fills]


def _address(code: str, venue: str) -> str:
    """An address that can never be anybody's (RFC 2606), for a customer whose own is not known."""
    return f"{re.sub('[^a-z0-9.-]+', '-', code[:60].lower())}@{venue}.invalid"


def _iso(micros: int) -> str:
    return (EPOCH + timedelta(microseconds=micros)).isoformat()


def _rows(book: VenueBook) -> dict[str, list[tuple[Any, ...]]]:
    """Every required table as tuples in the order of the layout's columns."""
    return {
        "assets": sorted(book.assets.items()),
        "contracts": [
            (c.symbol, c.kind, c.underlying[:16], c.settle, f"{c.face:f}", f"{c.tick:f}", 1,
             c.expiry_us)
            for c in book.contracts
        ],
        "accounts": [
            (code, code, "customer", f"{book.venue} account {code}"[:160],
             _address(code, book.venue), "en", "cross", DEFAULT_LEVERAGE,
             "imported")
            for code in book.accounts
        ],
        "balances": [],
        "positions": [row for row in book.openings if row[2]],
        "fills": [
            (seq, f.time_us, f.contract, f.account, "buy" if f.quantity > 0 else "sell",
             f.price_ticks, abs(f.quantity), f.fee_units, f.trade, f.order,
             "taker" if f.taker else "maker", f.reason)
            for seq, f in enumerate(_paired(book.fills), 1)
        ],
        "prices": [],
        "transfers": [
            (seq, t.time_us, t.account, "futures", t.asset, t.amount_units, t.kind,
             t.reference[:80])
            for seq, t in enumerate(book.transfers, 1)
        ],
        "liquidations": list(book.liquidations),
    }  # fmt: skip
