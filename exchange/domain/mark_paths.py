"""Alternative mark paths: what the marks would have been under another rule.

All are i64[contract, second] in ticks, made from the printed marks and the index, and can be
searched side by side (`liquidation.first_crossings`). Bounds are rounded inwards, so a capped
mark is never outside the band it is capped to.
"""

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

PPM = 1_000_000
MINUTE_US = 60_000_000
LIMIT_PPM, GUARD_PPM = 30_000, 250_000


def banded(mark: I64, index: I64, band_ppm: int) -> I64:
    """The mark held within ``index * (1 - band) .. index * (1 + band)``; never below one tick."""
    low, high = band(index, band_ppm)
    return np.maximum(np.clip(mark, low, high), 1)


def band(centre: I64, band_ppm: int) -> tuple[I64, I64]:
    """The edges ``centre * (1 - band)`` and ``centre * (1 + band)``, rounded inwards."""
    return -(-centre * (PPM - band_ppm) // PPM), centre * (PPM + band_ppm) // PPM


def trailing_median(mark: I64, samples: int) -> I64:
    """Median of the last ``samples`` marks; fewer at the beginning. Ties between two: the lower.

    A few prints cannot move it, and it follows a price that stays.
    """
    if samples < 1:
        raise ValueError(f"a median needs at least one sample, not {samples}")
    result = np.empty_like(mark)
    for contract, path in enumerate(mark):
        head = min(samples - 1, path.size)
        for second in range(head):
            result[contract, second] = np.sort(path[: second + 1])[second // 2]
        if path.size >= samples:
            windows = np.lib.stride_tricks.sliding_window_view(path, samples)
            middle = (samples - 1) // 2
            result[contract, samples - 1 :] = np.partition(windows, middle, axis=1)[:, middle]
    return result


def limits_2018(times: I64, mark: I64, index: I64, minutes: int = 10) -> tuple[I64, I64]:
    """OKEx's price limits of 2018 in ticks: (lower, upper), i64[contract, second] each.

    ``mean premium of the last ten minutes + index * 0.97 .. + index * 1.03``; where a limit is
    below zero or more than 25 % off the index, ``index * 0.75 .. index * 1.25`` (help pages of
    the venue, English and Chinese). Rounded inwards.
    """
    premium = np.cumsum(mark - index, axis=1)
    since = np.searchsorted(times, times - minutes * MINUTE_US, side="right")
    before = np.where(since > 0, premium[:, np.maximum(since - 1, 0)], 0)
    total, count = premium - before, np.arange(1, times.size + 1) - since
    upper = _scaled(total, count, index, PPM + LIMIT_PPM)
    lower = -_scaled(-total, count, -index, PPM - LIMIT_PPM)
    widest = index * (PPM + GUARD_PPM) // PPM
    lowest = -(-index * (PPM - GUARD_PPM) // PPM)
    off = (upper > widest) | (lower < lowest) | (lower < 0)
    return np.where(off, lowest, lower), np.where(off, widest, upper)


def within_limits_2018(times: I64, mark: I64, index: I64) -> I64:
    """The printed mark held within the venue's own price limits of the time."""
    lower, upper = limits_2018(times, mark, index)
    return np.maximum(np.clip(mark, lower, upper), 1)


def _scaled(total: I64, count: I64, index: I64, factor_ppm: int) -> I64:
    """``total / count + index * factor`` rounded down, exactly."""
    mean, rest = np.divmod(total, count)
    whole, part = np.divmod(index * factor_ppm, PPM)
    carried = (rest * PPM + part * count) // (count * PPM)
    result: I64 = mean + whole + carried
    return result
