"""A place in a venue's adjustment feed, written so that a client keeps it and asks no questions.

A place is (event number, how many of that event's records were read): everything before it has
been seen. Filters do not change it, and what is added later comes after it, so a cursor is good
for ever. It names its venue: one of another venue would silently skip.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

from exchange.queries import keyset
from exchange.queries.keyset import BadCursor

VERSION = 1


class Place(NamedTuple):
    """The event's number and the offset of its next record. (0, 0) is the beginning."""

    number: int
    offset: int


START = Place(0, 0)


def write(venue: int, place: Place) -> str:
    """The cursor of a place in the feed of the venue with this id."""
    text = f"{VERSION}.{venue}.{place.number}.{place.offset}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(venue: int, cursor: str) -> Place:
    """The place a cursor names; the beginning for an empty one. Raises `BadCursor`."""
    if not cursor:
        return START
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError:
        raise BadCursor("this cursor is none that the feed gave out") from None
    found = keyset.numbers(text, 4)
    if found is None or found[0] != VERSION or min(found) < 0:
        raise BadCursor("this cursor is none that the feed gave out")
    if found[1] != venue:
        raise BadCursor("this cursor is of another venue's feed")
    return Place(found[2], found[3])
