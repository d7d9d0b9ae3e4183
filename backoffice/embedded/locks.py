"""One command at a time: a lock on a file, which the system frees however its holder ends."""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

from backoffice.embedded.places import refusal


@contextlib.contextmanager
def alone(file: Path, busy: Callable[[], object]) -> Iterator[int]:
    """The lock on a file of the data folder, for the time of the block; its descriptor.

    Who inherits the descriptor holds the lock as well, until it ends. `busy` is called when
    somebody else has it: it raises, or says what is waited for. Raises EmbeddedError.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("a")
    except OSError as error:
        raise refusal("write in the data folder", file.parent, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            busy()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()
