"""CSV of a venue, some lines at a time: given as rows, or as text that columns are read from.

Lines are cut apart where a line ends, which only a file without quotes says for sure: from the
first quote or unusual line end on, all the rest is given at once.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from exchange.tape.venues.row import AS_WRITTEN, Row, VenueRefused

Aliases = Mapping[str, str]
LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
"""A line with its end, one at a time: a file object over the text would hold it four times over."""
BLOCK_CHARACTERS = 2**20


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines text[start:end] of a file, below `before` others, as rows. `whole` says that every
    row is one line, as it stands between its delimiters."""

    file: str
    header: Sequence[str]
    delimiter: str
    text: str
    start: int
    end: int
    before: int
    whole: bool = False

    def __iter__(self) -> Iterator[Row]:
        lines = (line[0] for line in LINE.finditer(self.text, self.start, self.end))
        reader = csv.reader(lines, strict=True, delimiter=self.delimiter)
        try:
            for cells in reader:
                number = self.before + reader.line_num
                if not cells:
                    continue
                if len(cells) != len(self.header):
                    raise VenueRefused(
                        self.file, number, "",
                        f"has {len(cells)} cells where the header has {len(self.header)}.",
                    )  # fmt: skip
                yield Row(self.file, number, dict(zip(self.header, cells, strict=True)))
        except csv.Error as fault:
            raise _not_csv(self.file, self.before + reader.line_num, fault) from None

    def last(self) -> Row:
        """The last row, if every row is a line."""
        text = self.text[self.start : self.end].rstrip("\r\n")
        cells = text[text.rfind("\n") + 1 :].split(self.delimiter)
        number = self.before + text.count("\n") + 1
        return Row(self.file, number, dict(zip(self.header, cells, strict=True)))


def blocks(
    name: str, text: str, needed: Sequence[str], default_header: Sequence[str], aliases: Aliases
) -> Iterator[Lines]:
    """The lines below the header, which must have the `needed` columns; a file whose first line has
    none of them, or a number, is one without a header, if `default_header` is enough."""
    delimiter = _delimiter(text)
    reader = csv.reader((line[0] for line in LINE.finditer(text)), strict=True, delimiter=delimiter)
    try:
        first = next((cells for cells in reader if cells), [])
    except csv.Error as fault:
        raise _not_csv(name, reader.line_num, fault) from None
    header = _named(first, aliases)
    if not header:
        raise VenueRefused(name, 1, "", "has no header line; it is empty.")
    named = set(header) & set(needed) and not any(cell.isdigit() for cell in first)
    if not named and enough(first, needed, default_header):
        yield from _cut(Lines(name, default_header[: len(first)], delimiter, text, 0, len(text), 0))
        return
    for field in needed:
        if field not in header:
            raise VenueRefused(
                name, 1, field,
                f"is missing from the header, which has {', '.join(header)[:200]}.",
            )  # fmt: skip
        if header.count(field) > 1:
            raise VenueRefused(
                name, 1, field, "is twice in the header; leave the column that is meant."
            )
    below = next(islice(LINE.finditer(text), reader.line_num - 1, None)).end()
    yield from _cut(Lines(name, header, delimiter, text, below, len(text), reader.line_num))


def _cut(lines: Lines) -> Iterator[Lines]:
    """Lines in parts whose rows each are a line, then what remains where that is not sure."""
    text, at, before = lines.text, lines.start, lines.before
    while at < lines.end:
        end = text.find("\n", at + BLOCK_CHARACTERS) + 1 or lines.end
        if text.count('"', at, end) or text.count("\r", at, end) != text.count("\r\n", at, end):
            yield replace(lines, start=at, before=before)
            return
        yield replace(lines, start=at, end=end, before=before, whole=True)
        before += text.count("\n", at, end)
        at = end


def _delimiter(text: str) -> str:
    """The comma, or what a spreadsheet wrote in its place, by the first line that has anything."""
    first = re.search(r"[^\r\n]+", text)
    return max(",;\t", key=first.group().count) if first else ","


def _named(header: Sequence[str], aliases: Aliases) -> list[str]:
    """Column names without spaces, without a translation after a slash, in the usual spelling."""
    names = [cell.split("/")[0].strip() for cell in header]
    return [aliases.get(name, name) for name in names]


def enough(cells: Sequence[Any], needed: Sequence[str], default_header: Sequence[str]) -> bool:
    """Whether cells named from the left by the default header hold all that is needed."""
    return len(cells) <= len(default_header) and set(needed) <= set(default_header[: len(cells)])


def _not_csv(name: str, row: int, fault: csv.Error) -> VenueRefused:
    return VenueRefused(name, row, "", f"is not CSV ({fault}); {AS_WRITTEN}")
