"""Tables as CSV, a row at a time, safe to open in a spreadsheet (`backoffice.spreadsheet`)."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from django.http import StreamingHttpResponse

from backoffice.spreadsheet import BYTE_ORDER_MARK, Cell, cell


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


def _lines(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield BYTE_ORDER_MARK + writer.writerow(head)
    for row in rows:
        yield writer.writerow([cell(value) for value in row])
