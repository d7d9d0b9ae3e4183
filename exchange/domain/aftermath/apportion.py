"""Splitting a whole number fairly without losing a unit."""

from collections.abc import Sequence


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` (>= 0) in proportion to whole weights (>= 0), by largest remainder.

    Each part is the exact share rounded down, and the units left over go one each to the
    largest remainders, earlier rows first; so the parts always sum to ``total`` and no part
    is more than one unit from its exact share. Raises `ValueError` when there is something
    to split and nobody to bear it.
    """
    if total < 0 or any(weight < 0 for weight in weights):
        raise ValueError("a split needs a total and weights that are not below zero")
    whole = sum(weights)
    if whole == 0:
        if total:
            raise ValueError(f"nobody can bear {total}: all weights are zero")
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]
    left = total - sum(parts)
    by_remainder = sorted(
        range(len(weights)), key=lambda row: (-(total * weights[row] % whole), row)
    )
    for row in by_remainder[:left]:
        parts[row] += 1
    return parts
