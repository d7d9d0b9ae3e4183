"""The unit of an amount in a row: what a screen needs to write it exactly."""

from typing import NamedTuple


class Unit(NamedTuple):
    """An asset's code, and how many decimals its amounts have."""

    code: str
    decimals: int
