"""Timing in turns, and tables of ratios."""

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
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
    """Best seconds of each case over some rounds, after one untimed call of each.

    Says how busy other programs kept the processors meanwhile.
    """
    for case in cases.values():
        case()
    best = dict.fromkeys(cases, float("inf"))
    gc.collect()
    before = _processors()
    for _ in range(rounds):
        for name, case in cases.items():
            begun = time.perf_counter()
            case()
            best[name] = min(best[name], time.perf_counter() - begun)
    total, ours = (b - a for a, b in zip(before, _processors(), strict=True))
    share = max(0.0, 1 - ours / total) if total else 0.0
    console.print(f"\nother programs took {share:.0%} of the busy processor time of this table")
    return best


def _processors() -> tuple[float, float]:
    """Seconds all processors have been busy, and those of this process and what it waited for."""
    with Path("/proc/stat").open() as file:
        user, nice, system, _idle, _io, irq, soft, steal = map(int, file.readline().split()[1:9])
    busy = (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")
    return busy, sum(os.times()[:4])


def copy_of(columns: Sequence[np.ndarray]) -> Case:
    """The limit: the same bytes moved once, into memory that is already there."""
    targets = [np.empty_like(column) for column in columns]

    def run() -> None:
        for target, column in zip(targets, columns, strict=True):
            np.copyto(target, column)

    return run


@dataclass(frozen=True, slots=True)
class Row:
    """One line: ``seconds`` for ``units`` of work; ``note`` says what the case leaves out."""

    name: str
    seconds: float
    units: int
    note: str = ""


def show(title: str, rows: list[Row], limit: Row, unit: str, multiple: str = "x limit") -> None:
    """Print rows with their rate and their multiple of the limit, work for work."""
    table = Table(title=title, title_justify="left")
    for heading in ("case", "seconds", f"M {unit}/s", multiple, ""):
        table.add_column(heading, justify="left" if heading in ("case", "") else "right")
    each = limit.seconds / limit.units
    for row in [limit, *rows]:
        rate = row.units / row.seconds / 1e6
        times = row.seconds / row.units / each
        table.add_row(
            row.name, f"{row.seconds:.4f}", f"{rate:,.2f}" if rate >= 0.01 else f"{rate:.5f}",
            f"{times:,.1f}", row.note,
        )  # fmt: skip
    console.print(table)


def claim(text: str, value: float, bound: float, *, at_least: bool = False) -> None:
    """Print a number to reach and whether it was."""
    met = value >= bound if at_least else value <= bound
    word = "at least" if at_least else "at most"
    console.print(f"{'met ' if met else 'MISSED'}  {text}: {value:,.2f} ({word} {bound:g})")
