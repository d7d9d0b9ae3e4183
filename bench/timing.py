"""Timing in turns, and tables of ratios."""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

Case = Callable[[], object]
console = Console(width=110)


@dataclass(frozen=True, slots=True)
class Options:
    """How long and how large."""

    rounds: int = 5
    scale: float = 1.0
    large: bool = False

    def size(self, full: int) -> int:
        return max(2, int(full * self.scale))


def in_turns(cases: Mapping[str, Case], rounds: int) -> dict[str, float]:
    """Best seconds of each case over some rounds, after one untimed call of each."""
    for case in cases.values():
        case()
    best = dict.fromkeys(cases, float("inf"))
    gc.collect()
    for _ in range(rounds):
        for name, case in cases.items():
            begun = time.perf_counter()
            case()
            best[name] = min(best[name], time.perf_counter() - begun)
    return best


@dataclass(frozen=True, slots=True)
class Row:
    """One line: ``seconds`` for ``units`` of work; ``note`` says what the case leaves out."""

    name: str
    seconds: float
    units: int
    note: str = ""


def show(title: str, rows: list[Row], limit: Row, unit: str) -> None:
    """Print rows with their rate and their multiple of the limit, work for work."""
    table = Table(title=title, title_justify="left")
    for heading in ("case", "seconds", f"M {unit}/s", "x limit", ""):
        table.add_column(heading, justify="left" if heading in ("case", "") else "right")
    each = limit.seconds / limit.units
    for row in [limit, *rows]:
        rate = row.units / row.seconds / 1e6
        multiple = row.seconds / row.units / each
        table.add_row(
            row.name, f"{row.seconds:.4f}", f"{rate:,.2f}" if rate >= 0.01 else f"{rate:.5f}",
            f"{multiple:,.1f}", row.note,
        )  # fmt: skip
    console.print(table)


def claim(text: str, value: float, bound: float, *, at_least: bool = False) -> None:
    """Print a number to reach and whether it was."""
    met = value >= bound if at_least else value <= bound
    word = "at least" if at_least else "at most"
    console.print(f"{'met ' if met else 'MISSED'}  {text}: {value:,.2f} ({word} {bound:g})")
