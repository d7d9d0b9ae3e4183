"""What an import prints: counts, and how far our numbers agree with those the venue states itself.

Every number of the venue falls into one of three: it agrees to the last printed digit, it differs,
or the file does not hold enough to work it out, which is counted and never guessed.
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

FIRST_DIFFERING = 10


class Reconciliation:
    """One kind of number the venue states, compared row by row."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.agree = 0
        self.differ = 0
        self.undetermined = 0
        self.largest = Decimal(0)
        self.first: list[dict[str, Any]] = []

    def compare(self, ours: Decimal | int, venue: Decimal | int, where: dict[str, Any]) -> bool:
        """Count one number; returns whether it agrees."""
        if ours == venue:
            self.agree += 1
            return True
        self.differ += 1
        self.largest = max(self.largest, abs(Decimal(ours) - Decimal(venue)))
        if len(self.first) < FIRST_DIFFERING:
            told = {"venue": plain(Decimal(venue)), "ours": plain(Decimal(ours))}
            self.first.append({"number": self.name, **where, **told})
        return False

    def as_dict(self) -> dict[str, Any]:
        """The counts as they are printed."""
        return {
            "agree": self.agree,
            "differ": self.differ,
            "undetermined": self.undetermined,
            "largest_difference": plain(self.largest),
        }


class Counts:
    """Rows of an import: all of them, those that count, and those that do not."""

    def __init__(self) -> None:
        self.rows = self.kept = self.set_aside = self.duplicates = 0
        self.out_of_order = self.gaps = self.missing = 0

    def gap(self, found: bool) -> None:
        """Count a place where at least one row is missing."""
        self.gaps += found
        self.missing += found


def printed(
    format_name: str, counts: Counts, numbers: dict[str, Reconciliation], **more: Any
) -> dict[str, Any]:
    """A report in the one shape every format prints: start positions and closed profits are zero
    where the venue's file has none; `numbers` are the format's own."""
    first = [row for number in numbers.values() for row in number.first][:FIRST_DIFFERING]
    blank = Reconciliation("").as_dict()
    return {
        "format": format_name,
        "rows": counts.rows,
        "kept": counts.kept,
        "set_aside": counts.set_aside,
        "duplicates": counts.duplicates,
        "out_of_order": counts.out_of_order,
        "gaps": {"count": counts.gaps, "missing": counts.missing},
        "start_positions": {"agree": 0, "holes": 0},
        "closed_pnl": blank,
        **{name: number.as_dict() for name, number in numbers.items()},
        **more,
        "first_holes": [],
        "first_differing": first,
    }


def turns(times: Sequence[int]) -> tuple[int, bool]:
    """How many rows are earlier than one before them, and whether the file is printed newest first,
    so that it is those that are later."""
    newest_first = bool(times) and times[0] > times[-1]
    upwards = [-time for time in times] if newest_first else times
    behind = sum(time < most for time, most in zip(upwards, accumulate(upwards, max), strict=True))
    return behind, newest_first


def plain(value: Decimal) -> str:
    """A decimal without an exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
