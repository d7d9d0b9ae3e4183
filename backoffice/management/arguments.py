"""Types of arguments that more than one command takes."""

from argparse import ArgumentTypeError

PORTS = range(65536)


def port(value: str) -> int:
    """The number of a TCP port; 0 is any free one. Raises ArgumentTypeError."""
    if not (value.isascii() and value.isdigit() and int(value) in PORTS):
        raise ArgumentTypeError(f"{value!r} is no port from {PORTS[0]} to {PORTS[-1]}")
    return int(value)
