"""One position of a Kraken account log: its average entry price and what a trade realises."""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from exchange.tape.venues.kraken import is_inverse
from exchange.tape.venues.kraken_entries import Entry
from exchange.tape.venues.report import Reconciliation
from exchange.tape.venues.row import Row

ENTRY_DIGITS = 12
"""Digits of an entry price that are compared: the API prints it as a binary float."""
PROFIT_PLACES = {True: 8, False: 4}
"""Places a profit is printed to at least: of inverse contracts in coins, of others in dollars."""


class Position(NamedTuple):
    """A signed size and its exact average entry price; None while nothing tells it."""

    size: Fraction
    entry: Fraction | None

    @classmethod
    def begun(cls, entry: Entry) -> "Position":
        """What the venue says was held before a row."""
        return cls(Fraction(entry.start), None)

    def moved(self, entry: Entry) -> "Position":
        """The position after a trade."""
        assert entry.price is not None
        added, price = Fraction(entry.size), Fraction(entry.price)
        size = self.size + added
        if self.size == 0 or self.size * size < 0:
            return Position(size, price)
        if self.size * added < 0 or self.entry is None:
            return Position(size, self.entry)
        if is_inverse(entry.asset):
            return Position(size, size / (self.size / self.entry + added / price))
        return Position(size, (self.size * self.entry + added * price) / size)

    def compared(self, entry: Entry, numbers: Reconciliation) -> "Position":
        """Compare the entry price after a trade; one that is not known is taken from the venue."""
        stated = entry.stated()
        if stated is None or self.size == 0:
            return self
        if self.entry is None:
            numbers.undetermined += 1
            return Position(self.size, Fraction(stated))
        near = abs(self.entry - Fraction(stated)) <= self.entry / 10**ENTRY_DIGITS
        ours = stated if near else _decimal(self.entry)
        numbers.compare(ours, stated, entry.place)
        return self

    def realised(self, entry: Entry, paid: Row, numbers: Reconciliation) -> None:
        """Compare the profit that the row of the cash prints."""
        assert entry.price is not None
        stated, price = paid.number_of("realized_pnl"), Fraction(entry.price)
        closed = self.size * Fraction(entry.size) < 0
        part = min(abs(self.size), abs(Fraction(entry.size))) if closed else Fraction(0)
        if part and self.entry is None:
            numbers.undetermined += 1
            return
        gain = Fraction(0)
        if part and self.entry is not None:
            inverse = is_inverse(entry.asset)
            gain = 1 / self.entry - 1 / price if inverse else price - self.entry
        ours = part * gain * (1 if self.size > 0 else -1)
        places = max(PROFIT_PLACES[is_inverse(entry.asset)], -int(stated.as_tuple().exponent))
        near = abs(ours - Fraction(stated)) * 2 * 10**places <= 1
        where = {"file": paid.file, "row": paid.number, "asset": entry.asset}
        numbers.compare(stated if near else _decimal(ours), stated, where)


def _decimal(exact: Fraction) -> Decimal:
    """An exact number to ten places, to be shown."""
    return Decimal(round(exact * 10**10)).scaleb(-10)
