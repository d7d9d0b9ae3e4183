"""Opening the books of an imported tape once, however often it is imported."""

from typing import NamedTuple

from exchange.models import Tape
from exchange.services import books
from exchange.tape import arrays

DRILL = "drill"
"""What a drill writes as the `kind` of its bundle's source."""


class Kept(NamedTuple):
    """The tape's row, and whether its books were opened just now or stood already."""

    record: Tape
    opened: bool


def keep(
    *, tape: arrays.Tape, venue: str, name: str, progress: books.Progress | None = None
) -> Kept:
    """Open the books of `tape` as the venue of code `venue`, unless that venue has this very tape.

    A bundle that a drill made opens a drill's venue, which every screen watermarks: rehearsal
    money never passes for real money. One query, and those of `books.open_books`. Raises
    `BooksRefused` when the code belongs to another tape; nothing changes then.
    """
    standing = Tape.objects.filter(venue__code=venue, digest=tape.digest).first()
    if standing is not None:
        return Kept(standing, opened=False)
    drilled = tape.manifest.get("source", {}).get("kind") == DRILL
    record = books.open_books(
        tape=tape, venue=venue, name=name, is_drill=drilled, progress=progress
    )
    return Kept(record, opened=True)
