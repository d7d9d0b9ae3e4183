"""Progress of long work on a terminal: one bar a stage on the error stream, silence elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed


@contextmanager
def bars() -> Iterator[Callable[[str, int, int], None]]:
    """A progress callback `(stage, done, total)` that draws while the block runs."""
    tasks: dict[str, TaskID] = {}
    columns = (
        TextColumn("{task.description:<34}"), BarColumn(), TaskProgressColumn(), Elapsed(),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as drawn:

        def tell(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = drawn.add_task(stage, total=total)
            drawn.update(tasks[stage], completed=done, total=total)

        yield tell
