"""BitMEX `instrument` CSV: what each contract is worth.

`multiplier` is the value of one contract in minor units of `settlCurrency`: of one unit of price
when positive (linear, quanto), of one unit of 1/price when negative (inverse).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from exchange.domain.value import ContractRefused, contract_spec
from exchange.tape.layout import ASSET_MOST, SYMBOL_MOST
from exchange.tape.venues import Outcome
from exchange.tape.venues.bitmex_wallet import CURRENCIES, MINOR_DEFAULT
from exchange.tape.venues.bundling import VenueBook, VenueContract
from exchange.tape.venues.files import csv_rows
from exchange.tape.venues.report import Counts, Reconciliation, printed
from exchange.tape.venues.row import AS_WRITTEN, Row

FORMAT = "bitmex-instruments"
NEEDED = ("symbol", "isInverse", "isQuanto", "multiplier", "settlCurrency", "tickSize")
TRUTH = {"true": 1, "false": 0}


class Instrument(NamedTuple):
    """A contract's terms; `multiplier` in minor units as the venue gives it."""

    symbol: str
    kind: str
    multiplier: int
    currency: str
    tick: Decimal
    underlying: str
    expiry_us: int

    @property
    def asset(self) -> tuple[str, int]:
        """(code, decimals) of the settlement currency."""
        return CURRENCIES.get(self.currency, (self.currency.upper(), MINOR_DEFAULT))

    def contract(self) -> VenueContract:
        """The same in the bundle's terms."""
        code, decimals = self.asset
        face = Decimal(abs(self.multiplier)).scaleb(-decimals)
        return VenueContract(
            self.symbol, self.kind, self.underlying, code, face, self.tick, self.expiry_us
        )


def instrument(row: Row) -> Instrument:
    """Read one row."""
    multiplier, inverse = row.integer("multiplier"), row.choice("isInverse", TRUTH)
    quanto = row.choice("isQuanto", TRUTH)
    tick = row.positive("tickSize")
    if multiplier == 0:
        raise row.refuse("multiplier", f"is zero; {AS_WRITTEN}")
    kind = "inverse" if inverse else "quanto" if quanto else "linear"
    return Instrument(
        row.name("symbol", SYMBOL_MOST), kind, multiplier,
        row.name("settlCurrency", ASSET_MOST), tick,
        row.text("underlying", row.text("symbol")),
        row.micros("expiry") if row.has("expiry") else 0,
    )  # fmt: skip


def read(
    rows: Iterable[Row], counts: Counts, notes: list[str] | None = None
) -> dict[str, Instrument]:
    """Contracts of an instrument file by symbol.

    Indices and spot pairs, which settle in nothing, are set aside; so are terms that contradict
    themselves, and the earlier of two contracts of one name, both with a line in `notes`.
    """
    found: dict[str, Instrument] = {}
    told = notes if notes is not None else []
    for row in rows:
        counts.rows += 1
        if not all(row.has(field) for field in ("settlCurrency", "multiplier", "tickSize")):
            counts.set_aside += 1
            continue
        made = instrument(row)
        if found.get(made.symbol) == made:
            counts.duplicates += 1
        elif (made.kind == "inverse") != (made.multiplier < 0):
            told.append(f"{made.symbol}: multiplier {made.multiplier} does not go with isInverse")
            counts.set_aside += 1
        else:
            if made.symbol in found:
                told.append(f"{made.symbol}: two contracts of that name, the later one is taken")
                counts.set_aside += 1
                counts.kept -= 1
            found[made.symbol] = made
            counts.kept += 1
    return found


def run(paths: Sequence[Path], account: str) -> Outcome:
    """Read contracts and check that each can be held exactly, and the venue's own multiplier
    against the two it is made of."""
    counts = Counts()
    notes: list[str] = []
    rows = list(csv_rows(paths, NEEDED))
    found = read(rows, counts, notes)
    multiplier = Reconciliation("multiplier")
    for row in rows:
        if row.has("settlCurrency") and row.has("multiplier"):
            _check(row, multiplier)
    kinds: dict[str, int] = {}
    exact = []
    refused = []
    for made in found.values():
        kinds[made.kind] = kinds.get(made.kind, 0) + 1
        terms = made.contract()
        try:
            contract_spec(
                terms.symbol, terms.kind, terms.face, terms.tick, terms.settle, made.asset[1]
            )
            exact.append(terms)
        except ContractRefused as fault:
            refused.append(str(fault))
    report = printed(
        FORMAT, counts, {"multiplier": multiplier}, kinds=kinds, not_exact=refused, notes=notes
    )
    assets = {made.asset[0]: made.asset[1] for made in found.values()}
    book = VenueBook(
        "bitmex", "bitmex", "BitMEX instruments", assets, exact, [account], [],
        source={"format": FORMAT},
    )  # fmt: skip
    return Outcome(report, book if exact else None)


def _check(row: Row, multiplier: Reconciliation) -> None:
    """multiplier = quoteToSettle / underlyingToPosition, where both are given."""
    where = {"file": row.file, "row": row.number, "symbol": row.text("symbol")}
    stated = row.number_of("multiplier")
    if row.has("quoteToSettleMultiplier") and row.has("underlyingToPositionMultiplier"):
        position = row.number_of("underlyingToPositionMultiplier")
        ours = row.number_of("quoteToSettleMultiplier") / position if position else Decimal(0)
        multiplier.compare(ours, stated, where)
    else:
        multiplier.undetermined += 1
