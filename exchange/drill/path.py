"""Prices the scenario prescribes: index, and the target the informed lean towards.

An index is a slow diffusion between fixed points (a Brownian bridge in log price). A target
is a chain of anchors joined by bridges whose volatility changes from stretch to stretch,
reflected at the published extremes. Nothing here is a traded price: the target only tells
agents which way to lean, and trades come from the book.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


class Anchor(NamedTuple):
    """A point of a path; ``noise`` is the log volatility per square root of a second up to it."""

    second: int
    price: float
    noise: float


def bridge(rng: np.random.Generator, steps: int, noise: float) -> F64:
    """A Brownian bridge of ``steps`` steps from 0 to 0, ``noise`` per step; steps + 1 values."""
    walk = np.concatenate([[0.0], np.cumsum(rng.standard_normal(steps) * noise)])
    return np.asarray(walk - walk[-1] * np.arange(steps + 1) / max(1, steps))


def chain(rng: np.random.Generator, anchors: Sequence[Anchor]) -> F64:
    """Join anchors by bridges in log price; one value per second from the first to the last."""
    pieces = [np.array([anchors[0].price])]
    for a, b in zip(anchors, anchors[1:], strict=False):
        steps = b.second - a.second
        line = np.linspace(np.log(a.price), np.log(b.price), steps + 1)
        pieces.append(np.exp(line + bridge(rng, steps, b.noise))[1:])
    return np.concatenate(pieces)


def reflect(path: F64, low: F64 | float, high: F64 | float) -> F64:
    """Fold excursions beyond ``low`` and ``high`` back inside, once, then clip."""
    inside = np.where(path < low, 2 * low - path, path)
    inside = np.where(inside > high, 2 * high - inside, inside)
    return np.clip(inside, low, high)


def wobble(rng: np.random.Generator, steps: int, size: float, memory: float) -> F64:
    """A mean reverting wobble around 0: ``memory`` seconds long, ``size`` its deviation."""
    keep = np.exp(-1.0 / memory)
    shocks = rng.standard_normal(steps) * size * np.sqrt(1.0 - keep * keep)
    out = np.empty(steps)
    level = 0.0
    for i in range(steps):
        level = level * keep + shocks[i]
        out[i] = level
    return out


def detour(
    rng: np.random.Generator, start: Anchor, end: Anchor, stations: int, roughness: float
) -> list[Anchor]:
    """Anchors between two points: flushes and pauses instead of a straight line.

    ``stations`` random stops; each makes a random share of the way in a random share of the
    time, some step back by up to ``roughness`` of the way. The start is left out, the end is
    last.
    """
    steps = rng.dirichlet(np.full(stations + 1, 4.0))
    shares = rng.dirichlet(np.full(stations + 1, 3.0)) * 0.5 + steps * 0.5
    way = np.cumsum(shares)[:-1] + rng.uniform(-roughness, roughness * 0.4, stations)
    length, span = end.second - start.second, np.log(end.price / start.price)
    stops = []
    for share, progress in zip(np.cumsum(steps)[:-1], way, strict=True):
        price = start.price * np.exp(span * min(0.92, max(0.0, progress)))
        stops.append(Anchor(start.second + int(share * length), float(price), end.noise))
    return [*stops, end]
