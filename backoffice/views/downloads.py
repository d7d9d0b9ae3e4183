"""Tables as CSV, a row at a time, safe to open in a spreadsheet.

A spreadsheet runs a cell that begins with = + - @ as a formula, and customers choose their own
names. Text that begins so gets an apostrophe; numbers are numbers and stay as they are. Amounts and
prices are written exactly, as plain decimals.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from django.http import StreamingHttpResponse

Cell = str | int | Decimal | datetime | None
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def table(name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> StreamingHttpResponse:
    """`rows` under `head` as an attachment called `name`.csv."""
    response = StreamingHttpResponse(_lines(head, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def units(amount: int | None, decimals: int) -> Decimal | None:
    """Minor units as a decimal with all its places."""
    return None if amount is None else Decimal(amount).scaleb(-decimals)


def cell(value: Cell) -> str:
    """One cell: text disarmed, numbers without an exponent, times as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.lstrip(" ").startswith(STARTS_A_FORMULA):
        return f"'{value}"
    return str(value)


def _lines(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow(head)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])
