"""Pages by key: the next page begins after the last row shown, so all pages cost the same.

A cursor is the key of that row, readable in a URL. It is data from outside: one that does not parse
is refused, never guessed at.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

Row = TypeVar("Row")

LIMIT = 50
LIMIT_MAX = 500


class BadCursor(ValueError):
    """The cursor is not one that a page gave out."""


class Page(NamedTuple, Generic[Row]):
    """Some rows in order, and the cursor of the page after them, empty on the last."""

    rows: list[Row]
    after: str


def numbers(cursor: str, count: int) -> list[int] | None:
    """The whole numbers of a cursor, None for the first page. Raises `BadCursor`."""
    if not cursor:
        return None
    parts = cursor.split(".")
    if len(parts) != count or not all(_whole(part) for part in parts):
        raise BadCursor(f"{cursor!r} is not a place in this list")
    return [int(part) for part in parts]


def page(
    found: Sequence[Any], limit: int, row: Callable[..., Row], key: Callable[[Row], object]
) -> Page[Row]:
    """A page of the raw rows found, of which there is one more than `limit` if there is another."""
    rows = [row(*values) for values in found[:limit]]
    more = len(found) > limit
    return Page(rows, str(key(rows[-1])) if more else "")


def limited(limit: int) -> int:
    """A page size within bounds."""
    return max(1, min(limit, LIMIT_MAX))


def _whole(part: str) -> bool:
    digits = part.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 18
