"""One row of a venue's file: every field read exactly, or refused by file, row and field."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = (2009, 2100)
"""When coins can have been traded. A count in the wrong unit lies outside."""
EARLIEST, LATEST = (
    (datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1) for year in YEARS
)
COUNT_MOST = 19
"""Digits of a count. Exponents are not read: a spreadsheet that writes 1.6E+12 lost the rest."""
DIGITS_BEFORE, PLACES_MOST = 19, 30
"""Digits a number may have before its point, and zeros after it."""
DIGITS_MOST = 60
"""Characters a number may have; longer ones are not numbers of a market."""
INTEGER_END = 2**63
AS_WRITTEN = "give the file as the venue wrote it."


class VenueRefused(Exception):
    """A venue file cannot be read; the message names file, row, field and what to do."""

    def __init__(self, file: str, row: int | None, field: str, message: str) -> None:
        self.file, self.row, self.field = file, row, field
        place = file if row is None else f"{file} row {row}"
        super().__init__(f"{place}{f', {field}' if field else ''}: {message}")


class Row:
    """One row of a venue file. `number` counts rows as people do: a CSV's header is row 1, the
    first object of a JSON file is row 1."""

    __slots__ = ("cells", "file", "number")

    def __init__(self, file: str, number: int, cells: dict[str, Any]) -> None:
        self.file, self.number, self.cells = file, number, cells

    def refuse(self, field: str, message: str) -> VenueRefused:
        """The error to raise for this row."""
        return VenueRefused(self.file, self.number, field, message)

    def has(self, field: str) -> bool:
        """Whether there is anything in the field."""
        return self.cells.get(field) not in (None, "")

    def text(self, field: str, default: str | None = None) -> str:
        """The field as words; without a default it must be there."""
        value = self.cells.get(field)
        if type(value) is str and value:
            return value
        if value is None or value == "":
            if default is not None:
                return default
            raise self.refuse(field, f"is missing; {AS_WRITTEN}")
        if isinstance(value, list | dict):
            raise self.refuse(field, f"is a list or an object; {AS_WRITTEN}")
        return str(value)

    def name(self, field: str, longest: int, default: str | None = None) -> str:
        """The field as the name of something: short, and of characters that can be shown."""
        text = self.text(field, default)
        if len(text) > longest or not text.isprintable():
            raise self.refuse(
                field, f"{text[:40]!a} is no name of at most {longest} characters; {AS_WRITTEN}"
            )
        return text

    def number_of(self, field: str, default: str | None = None) -> Decimal:
        """The field as an exact decimal; exponents are read, NaN and infinities refused."""
        text = self.text(field, default)
        try:
            plain = len(text) <= DIGITS_MOST and text.isascii() and "_" not in text
            value = Decimal(text) if plain else Decimal("nan")
        except InvalidOperation:
            value = Decimal("nan")
        if not value.is_finite() or isinstance(self.cells.get(field), bool):
            raise self.refuse(field, f'"{text[:40]}" is not a number; {AS_WRITTEN}')
        if value and not -PLACES_MOST <= value.adjusted() < DIGITS_BEFORE:
            raise self.refuse(
                field, f'"{text[:40]}" is beyond all numbers of a market; {AS_WRITTEN}'
            )
        return value

    def positive(self, field: str) -> Decimal:
        """The field as a number above zero."""
        value = self.number_of(field)
        if value <= 0:
            raise self.refuse(field, f"{value} is not above zero; {AS_WRITTEN}")
        return value

    def integer(self, field: str, default: str | None = None) -> int:
        """The field as a whole number."""
        value = self.number_of(field, default)
        if value != value.to_integral_value():
            raise self.refuse(field, f'"{value}" is not a whole number; {AS_WRITTEN}')
        if abs(value) >= INTEGER_END:
            raise self.refuse(field, f'"{value}" is too large to be true; {AS_WRITTEN}')
        return int(value)

    def natural(self, field: str, default: str | None = None) -> int:
        """The field as a whole number of zero or more."""
        value = self.integer(field, default)
        if value < 0:
            raise self.refuse(field, f"{value} is below zero; {AS_WRITTEN}")
        return value

    def choice(self, field: str, words: dict[str, int]) -> int:
        """The field as one of the words, by their numbers."""
        text = self.text(field)
        if text.lower() not in words:
            raise self.refuse(
                field, f'"{text[:40]}" is not one of {", ".join(words)}; {AS_WRITTEN}'
            )
        return words[text.lower()]

    def micros(self, field: str, *, bare_is_utc: bool = False) -> int:
        """The field as microseconds UTC: a count of s, ms, us or ns, or ISO with an offset, which
        may be missing where the venue writes UTC and leaves it out."""
        text = self.text(field).removesuffix(".0")
        if text.isdigit() and text.isascii() and len(text) <= COUNT_MOST:
            micros = _count(int(text))
        else:
            micros = (self._moment(field, text, bare_is_utc) - EPOCH) // timedelta(microseconds=1)
        if not EARLIEST <= micros < LATEST:
            raise self.refuse(
                field, f'"{text[:40]}" is no time between {YEARS[0]} and {YEARS[1]}; {AS_WRITTEN}'
            )
        return micros

    def _moment(self, field: str, text: str, bare_is_utc: bool) -> datetime:
        try:
            moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        except ValueError:
            moment = None
        if moment is None or ":" not in text:  # a date alone is no time
            raise self.refuse(
                field, f'"{text[:40]}" is not a time: ISO with an offset, or a count since 1970.'
            )
        if moment.tzinfo is None and not bare_is_utc:
            raise self.refuse(field, f'"{text[:40]}" has no offset from UTC; write Z if it is UTC.')
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _count(value: int) -> int:
    """Microseconds of a count since 1970, by its size: seconds, ms, us or ns."""
    for limit, times, over in ((10**11, 10**6, 1), (10**14, 1000, 1), (10**17, 1, 1)):
        if value < limit:
            return value * times // over
    return value // 1000
