"""What is wrong with a bundle, said so that the person who made the file can repair it.

Every problem names the file, the row, the field, what is wrong and how to fix it. All problems are
counted; of each kind only the first few are kept, so a column that is wrong in five million rows
costs fifty sentences and one number.
"""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHOWN_PER_KIND = 50


class BundleProblem(NamedTuple):
    """One thing wrong. `row` is the line in a CSV (the header is 1), the row from 1 in a Parquet
    file, and None when the whole file is meant. `kind` is a stable code for machines."""

    file: str
    row: int | None
    field: str
    message: str
    fix: str
    kind: str

    def __str__(self) -> str:
        place = self.file if self.row is None else f"{self.file} row {self.row}"
        field = f", {self.field}" if self.field else ""
        return f"{place}{field}: {self.message} {self.fix}".rstrip()


class BundleRefused(Exception):
    """The bundle was not stored. `problems` holds at most 50 of a kind, `counts` all of them."""

    def __init__(self, problems: list[BundleProblem], counts: dict[str, int]) -> None:
        self.problems = problems
        self.counts = counts
        total = sum(counts.values())
        lines = [f"The bundle was refused: {total} problem{'s' if total != 1 else ''}."]
        lines += [str(problem) for problem in problems]
        hidden = total - len(problems)
        if hidden:
            lines.append(f"... and {hidden} more of the same kinds.")
        super().__init__("\n".join(lines))


class Problems:
    """Collects problems while a bundle is read; `refuse()` raises when there are any."""

    def __init__(self) -> None:
        self.kept: list[BundleProblem] = []
        self.counts: Counter[str] = Counter()

    def __bool__(self) -> bool:
        return bool(self.counts)

    def add(
        self,
        kind: str,
        file: str,
        message: str,
        fix: str,
        *,
        row: int | None = None,
        field: str = "",
    ) -> None:
        """Count one problem and keep it unless fifty of its kind are kept already."""
        self.counts[kind] += 1
        if self.counts[kind] <= SHOWN_PER_KIND:
            self.kept.append(BundleProblem(file, row, field, message, fix, kind))

    def add_rows(
        self,
        kind: str,
        file: str,
        rows: NDArray[np.int64],
        message: Callable[[int], str],
        fix: str,
        *,
        field: str = "",
        row_number: Callable[[int], int],
    ) -> None:
        """Count a problem for every index in `rows`; `message` words it for those that are kept."""
        room = max(0, SHOWN_PER_KIND - self.counts[kind])
        for index in rows[:room].tolist():
            self.kept.append(
                BundleProblem(file, row_number(index), field, message(index), fix, kind)
            )
        if len(rows):
            self.counts[kind] += len(rows)

    def refuse(self) -> None:
        """Raise `BundleRefused` if anything was found."""
        if self.counts:
            raise BundleRefused(self.kept, dict(self.counts))
