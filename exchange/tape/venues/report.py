"""What an import prints: counts, and how far our numbers agree with those the venue states itself.

Every number of the venue falls into one of three: it agrees to the last printed digit, it differs,
or the file does not hold enough to work it out, which is counted and never guessed.
"""

from decimal import Decimal
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

    def compare(self, ours: Decimal, venue: Decimal, where: dict[str, Any]) -> bool:
        """Count one number; returns whether it agrees."""
        if ours == venue:
            self.agree += 1
            return True
        self.differ += 1
        self.largest = max(self.largest, abs(ours - venue))
        if len(self.first) < FIRST_DIFFERING:
            self.first.append(
                {"number": self.name, **where, "venue": plain(venue), "ours": plain(ours)}
            )
        return False

    def as_dict(self) -> dict[str, Any]:
        """The counts as they are printed."""
        return {
            "agree": self.agree,
            "differ": self.differ,
            "undetermined": self.undetermined,
            "largest_difference": plain(self.largest),
        }


def plain(value: Decimal) -> str:
    """A decimal without an exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
