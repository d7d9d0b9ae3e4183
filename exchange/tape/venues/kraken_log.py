"""Kraken Futures account log, as the API answers it or as the website exports it.

A trade is two rows: one of the contract, whose balance is the signed position, and one of the
cash, whose balance is the wallet's. Both print the balance after them; the API prints the one
before, the export what was added. Compared with the venue:

* a balance begins where the one before it, of the same account and asset, ended;
* what a trade or funding adds to the cash is profit and funding less the fees;
* the average entry price is the mean of what was added, weighed by size, or by value in an inverse
  contract;
* realised profit is the size closed times what the price is beyond the entry price.

The export says nothing of the zone of its whole seconds; it is UTC.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from exchange.tape.venues import Outcome, chain
from exchange.tape.venues.files import csv_rows
from exchange.tape.venues.kraken import Fill, Opening, book, once
from exchange.tape.venues.kraken_entries import ALIASES, NEEDED, Entry, Trade, read
from exchange.tape.venues.kraken_position import Position
from exchange.tape.venues.report import (
    FIRST_DIFFERING,
    Counts,
    Reconciliation,
    plain,
    printed,
    turns,
)
from exchange.tape.venues.row import Row

FORMAT = "kraken-account-log"
FORCED = ("liquidation", "assignor", "unwind bankrupt")
NUMBERS = {
    "new_balance": "new_balance", "change": "change",
    "new_average_entry_price": "new_average_entry_price", "closed_pnl": "realized_pnl",
}  # fmt: skip
"""What is compared, and how the venue calls it."""
CHANGES = (("realized_pnl", 1), ("realized_funding", 1), ("fee", -1), ("liquidation_fee", -1))


class Found:
    """What the log was found to say."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.numbers = {name: Reconciliation(venues) for name, venues in NUMBERS.items()}
        self.starts: Counter[str] = Counter(agree=0, holes=0, started_mid_position=0)
        self.holes: list[dict[str, Any]] = []
        self.fills: list[Fill] = []
        self.openings: dict[str, Opening] = {}


def run(paths: Sequence[Path], account: str) -> Outcome:
    """Read, order and compare the log; its trades as a book."""
    found = Found()
    entries = _entries(paths, found.counts)
    cash = _paired(entries)
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.account, entry.asset].append(entry)
    for group in groups.values():
        if group[0].held:
            _positions(_in_order(group), cash, found)
        else:
            _balances(_in_order(group), found)
    kinds = Counter(entry.kind for entry in entries)
    report = printed(FORMAT, found.counts, found.numbers, kinds=dict(sorted(kinds.items()))) | {
        "start_positions": dict(found.starts),
        "first_holes": found.holes[:FIRST_DIFFERING],
    }
    found.fills.sort(key=lambda fill: fill.time_us)
    made = book(found.fills, account, found.openings) if found.fills else None
    return Outcome(report, made)


def _entries(paths: Sequence[Path], counts: Counts) -> list[Entry]:
    """Every row once."""
    rows = csv_rows(paths, NEEDED, (), ("logs",), ALIASES)
    entries = [read(row) for row in once(rows, "booking_uid", counts, exported="uid")]
    counts.kept = len(entries)
    counts.out_of_order, _ = turns([entry.time_us for entry in entries])
    return entries


def _in_order(group: list[Entry]) -> list[tuple[Entry, bool]]:
    """One asset's rows, each with whether it begins where the one before ended."""
    done: list[tuple[Entry, bool]] = []
    stamps = chain.stamps(group)
    for stamp, after in zip(stamps, [*stamps[1:], []], strict=True):
        before = chain.after(done[-1][0]) if done else None
        for entry in chain.ordered(stamp, before, chain.sources(after)):
            joins = not done or entry.start == chain.after(done[-1][0])
            done.append((entry, joins))
    return done


def _paired(entries: Sequence[Entry]) -> dict[Trade, Row]:
    """The row of the cash of each trade, where it is plain which one it is."""
    sides: dict[Trade, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.price is not None:
            sides[entry.trade].append(entry)
    return {
        trade: next(entry.row for entry in both if not entry.held)
        for trade, both in sides.items()
        if sorted(entry.held for entry in both) == [False, True]
    }


def _balances(rows: Sequence[tuple[Entry, bool]], found: Found) -> None:
    """Running balance of one wallet, and what each row says it is made of."""
    position = rows[0][0].start
    for number, (entry, joins) in enumerate(rows):
        found.counts.gap(not joins)
        if number == 0 and entry.start:
            found.numbers["new_balance"].undetermined += 1
        else:
            ours, venue = position + entry.size, chain.after(entry)
            found.numbers["new_balance"].compare(ours, venue, entry.place)
        position = chain.after(entry)
        parts = [sign * entry.row.number_of(name) for name, sign in CHANGES if entry.row.has(name)]
        if parts:
            found.numbers["change"].compare(sum(parts), entry.size, entry.place)


def _positions(rows: Sequence[tuple[Entry, bool]], cash: dict[Trade, Row], found: Found) -> None:
    """One contract's position, its entry price and what was realised of it."""
    first = rows[0][0]
    found.starts["started_mid_position"] += first.start != 0
    state = Position.begun(first)
    if first.start:
        found.openings[first.asset] = Opening(first.start, first.stated_before())
    for number, (entry, joins) in enumerate(rows):
        found.counts.gap(not joins)
        found.starts["agree" if joins else "holes"] += 1
        if not joins:
            before = chain.after(rows[number - 1][0])
            found.holes.append(entry.place | {"missing": plain(entry.start - before)})
            state = Position.begun(entry)
        if entry.price is None or not entry.size:
            state = state._replace(size=state.size + Fraction(entry.size))
            continue
        paid = cash.get(entry.trade)
        if paid is not None and paid.has("realized_pnl"):
            state.realised(entry, paid, found.numbers["closed_pnl"])
        else:
            found.numbers["closed_pnl"].undetermined += 1
        state = state.moved(entry)
        state = state.compared(entry, found.numbers["new_average_entry_price"])
        found.fills.append(_fill(entry, paid))


def _fill(entry: Entry, paid: Row | None) -> Fill:
    assert entry.price is not None
    forced = any(word in entry.kind for word in FORCED)
    return Fill(
        entry.row.text("booking_uid"), entry.asset, entry.time_us, entry.size, entry.price,
        "liquidation" if forced else "taker", "", entry.row.file, entry.row.number,
        paid.number_of("fee", "0") if paid is not None else None,
    )  # fmt: skip
