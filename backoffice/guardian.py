"""Runs a program for as long as the command that wants it lives, however that ends.

    python guardian.py PROGRAM WORD...

Its standard input is a pipe whose other end that command holds. The system closes it when the
command is killed, too: there is no moment at which the program could be left behind.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

END_SECONDS_MAX = 30
LOOK_SECONDS = 0.1


@contextlib.contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """The program's guardian, which ends as it does; both are gone at the end of the block.

    `options` are those of subprocess. Ctrl-C in the terminal reaches neither.
    """
    guarded = [sys.executable, "-I", "-S", __file__, *command]
    reading, writing = os.pipe()
    guardian = None
    try:
        guardian = subprocess.Popen(guarded, stdin=reading, start_new_session=True, **options)
        yield guardian
    finally:
        os.close(reading)
        os.close(writing)
        # An interruption may have come before it had a name: then it ends by itself.
        if guardian is not None:
            guardian.wait()


def main(command: list[str]) -> int:
    """Politely, then not; with everything the program started. Returns its status."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: told.append(number))
    # What the command hands over open, the program gets open.
    program = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, close_fds=False, start_new_session=True
    )
    while program.poll() is None and not told:
        if select.select([sys.stdin], [], [], LOOK_SECONDS)[0]:
            break
    if program.poll() is None:
        program.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(END_SECONDS_MAX)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
    status = program.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
