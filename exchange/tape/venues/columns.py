"""Lines of a public CSV as columns, for the many that hold nothing remarkable.

Only what is plain is answered here: cells of digits, rows in order, numbers that agree. Anything
else raises `Unsure`, and the rows are read one by one, which alone refuses, sorts and words.
"""

import io
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from exchange.tape import exact
from exchange.tape.venues.lines import Lines
from exchange.tape.venues.row import COUNT_MOST, DIGITS_MOST

PLACES = 8
"""Decimals that prices and quantities are read at; finer ones are left to the rows."""
Integers = NDArray[np.int64]


class Unsure(Exception):
    """Something in these lines has to be looked at row by row."""


class Columns:
    """The cells of some lines by column; the last of two columns of one name, as in a row."""

    def __init__(self, lines: Lines) -> None:
        text = lines.text[lines.start : lines.end]
        if not lines.whole or not text.isascii():
            raise Unsure
        places = [str(place) for place in range(len(lines.header))]
        try:
            table = pacsv.read_csv(
                io.BytesIO(text.encode()),
                read_options=pacsv.ReadOptions(
                    column_names=places, block_size=len(text) + 1, use_threads=False
                ),
                parse_options=pacsv.ParseOptions(
                    delimiter=lines.delimiter, quote_char=False, ignore_empty_lines=False
                ),
                convert_options=pacsv.ConvertOptions(
                    column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid:
            raise Unsure from None
        columns = [column.combine_chunks() for column in table.columns]
        if any(pc.max(pc.binary_length(column)).as_py() > DIGITS_MOST for column in columns):
            raise Unsure
        self.count = table.num_rows
        self._cells: dict[str, pa.Array] = dict(zip(lines.header, columns, strict=True))

    def __contains__(self, name: str) -> bool:
        return name in self._cells

    def positive(self, *names: str) -> list[Integers]:
        """Numbers above zero, in units of the eighth decimal."""
        numbers = [self._numbers(name, PLACES) for name in names]
        sure(*(column > 0 for column in numbers))
        return numbers

    def integers(self, name: str) -> Integers:
        """Whole numbers."""
        return self._numbers(name, 0)

    def counts(self, name: str) -> Integers:
        """Counts since 1970 in one unit, of a microsecond or more, never falling: all are times if
        the first and the last are."""
        cells = self._cells[name]
        sizes = pc.min_max(pc.binary_length(cells)).as_py()
        values = self.integers(name)
        sure(pc.ascii_is_decimal(cells), values[1:] >= values[:-1])
        if sizes["min"] != sizes["max"] or sizes["max"] == COUNT_MOST:
            raise Unsure
        return values

    def words(self, name: str, known: Iterable[str]) -> None:
        """Words of a list, in whatever case."""
        sure(pc.is_in(pc.ascii_lower(self._cells[name]), value_set=pa.array(list(known))))

    def one(self, name: str) -> None:
        """The same word in every row."""
        sure(pc.equal(self._cells[name], self._cells[name][0]))

    def product(self, stated: str, price: Integers, quantity: Integers) -> None:
        """A stated number that is price times quantity, as far as it is printed."""
        price, places = _shortened(price)
        quantity, more = _shortened(quantity)
        scale = max(places + more, PLACES)
        up, venue_up = 10 ** (scale - places - more), 10 ** (scale - PLACES)
        venue = self._numbers(stated, PLACES)
        unit = 10 ** (scale - self._printed(stated))
        largest = max(int(price.max()) * int(quantity.max()) * up, int(abs(venue).max()) * venue_up)
        if largest >= 2**62:
            raise Unsure
        sure(np.abs(price * quantity * up - venue * venue_up) < unit)

    def _numbers(self, name: str, places: int) -> Integers:
        parsed = exact.decimals(self._cells[name], np.full(self.count, places, np.int8))
        sure(parsed.status == exact.Status.OK)
        return parsed.values

    def _printed(self, name: str) -> int:
        """The most decimals a number of the column is printed with."""
        cells = self._cells[name]
        point = pc.find_substring(cells, ".").to_numpy()
        sizes = pc.binary_length(cells).to_numpy()
        most = int(np.where(point < 0, 0, sizes - point - 1).max())
        if most > PLACES:
            raise Unsure
        return most


def sure(*claims: pa.Array | NDArray[np.bool_]) -> None:
    """Raise `Unsure` unless every claim holds in every row."""
    for claim in claims:
        if not np.all(claim):
            raise Unsure


def _shortened(numbers: Integers) -> tuple[Integers, int]:
    """Numbers of eight decimals without those that are zero in all of them, and the places left."""
    common, places = int(np.gcd.reduce(numbers)), PLACES
    while places and common % 10 == 0:
        common, places = common // 10, places - 1
    return numbers // 10 ** (PLACES - places), places
