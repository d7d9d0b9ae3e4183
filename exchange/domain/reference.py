"""The fair reference price: what the contract would have been marked at without the incident.

fair(t) = index(t) + mean premium of the contract over the ten minutes before the effective
cut-off, rounded to the tick half to even; up to the cut-off itself the printed mark stands.
The premium rule is the venue's own of 2018 (its price limits used the ten-minute mean of
contract less index), frozen at the last instant nobody disputes.
"""

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

MINUTE_US = 60_000_000


class NoReference(ValueError):
    """There are no marks or no index in the minutes the premium is measured over."""


def premium(
    times: I64, mark: I64, index: I64, cutoff_us: int, minutes: int = 10
) -> tuple[I64, int]:
    """Sum of ``mark - index`` in ticks per contract, i64[C], and over how many samples.

    Samples lie after ``cutoff - minutes`` and up to the cut-off. ``mark`` and ``index`` are
    i64[contract, second] in ticks. Raises `NoReference`.
    """
    first, last = np.searchsorted(
        times, [cutoff_us - minutes * MINUTE_US, cutoff_us], side="right"
    ).tolist()
    if first == last:
        raise NoReference(f"no marks in the {minutes} minutes before the cut-off")
    window = slice(first, last)
    if (mark[:, window] <= 0).any() or (index[:, window] <= 0).any():
        raise NoReference(f"a mark or index is missing in the {minutes} minutes before the cut-off")
    return (mark[:, window] - index[:, window]).sum(axis=1), last - first


def fair_path(times: I64, mark: I64, index: I64, cutoff_us: int, minutes: int = 10) -> I64:
    """Fair reference in ticks, i64[contract, second]; never below one tick."""
    total, samples = premium(times, mark, index, cutoff_us, minutes)
    exact = index * samples + total[:, None]
    whole, rest = np.divmod(exact, samples)
    up = (2 * rest > samples) | ((2 * rest == samples) & (whole % 2 == 1))
    fair = np.maximum(whole + up, 1)
    return np.where(times <= cutoff_us, mark, fair)
