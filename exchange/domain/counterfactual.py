"""Which forced closes would not have happened without the flagged orders: an estimate, as a range.

Nobody can know what the market would have done. Three assumptions about its liquidity bracket it;
each gives a mark path, and on each every account is judged again by the rules of its venue:

* `CAPPED` (the least that follows): only the flagged accounts' own prints change. While the last
  print was theirs, in the direction of the move and outside the band, the mark stands at the band's
  edge. Everybody else trades as they did, and every forced sale prints as it did.
* `SCALED`: besides, the market keeps the levels that flagged accounts broke first, and of those
  that forced sales broke as much as the cascade's graph traces back to flagged accounts.
* `REMOVED` (the most): besides, a forced close that does not happen on this path breaks no level at
  all; repeated until no further close disappears. The book refills as fast as it was emptied.

Each assumption contains the one before it, so for an account with one position the closes avoided
are nested. Levels and shares count from the mark at the cut-off (`levels`, `cascade`).

The limit of all three: the replay does not adapt. Until its close every account trades, deposits
and withdraws as on the tape, also where another price would have led it to do otherwise; what was
avoided may have come later for another reason. Accounts that a path closes and the tape does not
are counted beside (`instead`), because they measure how far that assumption is stretched.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain import verdicts
from exchange.domain.cascade import CLOSE, FLAGGED, PPM, Graph, Scene, base_of
from exchange.domain.holdings import I16, I64, LIQUIDATION, TRADE, reason_of
from exchange.domain.legs import total
from exchange.domain.levels import by_mover, given_back
from exchange.domain.liquidation import MarginTerms, States
from exchange.domain.mark_paths import band
from exchange.domain.prints import FALL, RISE
from exchange.domain.receipts import amount, price
from exchange.domain.verdicts import Recorded

PRINTED, CAPPED, SCALED, REMOVED = range(4)
PATHS = ("printed", "capped", "scaled", "removed")
ESTIMATES = (CAPPED, SCALED, REMOVED)
ROUNDS_MAX = 50

Search = Callable[[I64], States]
"""Crossings of paths i64[path, contract, second] over the tape, first the state then the marks."""


class Judging(NamedTuple):
    """How closes are judged: margin terms, settlement asset i16[contract], the fair reference
    i64[contract, second] in ticks, and the band around it in millionths."""

    terms: MarginTerms
    asset_of: I16
    fair: I64
    band_ppm: int


class Estimate(NamedTuple):
    """``marks`` i64[path, contract, second]; ``avoided`` bool[path, close], false on the printed
    path; ``instead`` i64[path] units due on a path in an episode without a printed crossing;
    ``rounds`` of the repetition."""

    marks: I64
    avoided: npt.NDArray[np.bool_]
    instead: I64
    rounds: int


def estimate(scene: Scene, graph: Graph, judging: Judging, search: Search) -> Estimate:
    """Judge every close again on three paths; the last search does all of them in one pass."""
    capped = _capped(scene, judging)
    weight = graph.nodes.share_ppm
    scaled = _nearer(scene, capped, given_back(graph.levels, weight, base_of(scene), scene.marks))
    gone, rounds = np.zeros(scene.closes.time.size, np.bool_), 0
    removed = scaled
    while rounds < ROUNDS_MAX:
        rounds += 1
        found = ~_due(scene, judging, search(removed[None]), 0) & (scene.crossed >= 0)
        if not (found & ~gone).any():
            break
        gone |= found
        without = weight.copy()
        without[: gone.size][gone] = PPM
        lifted = given_back(graph.levels, without, base_of(scene), scene.marks)
        removed = _nearer(scene, capped, lifted)
    marks = np.stack((scene.marks, capped, scaled, removed))
    due = search(marks)
    avoided = np.stack(
        [~_due(scene, judging, due, path) & (scene.crossed >= 0) for path in range(len(PATHS))]
    )
    return Estimate(marks, avoided, _instead(due), rounds)


def _due(scene: Scene, judging: Judging, due: States, path: int) -> npt.NDArray[np.bool_]:
    closes = scene.closes
    recorded = Recorded(closes.time, closes.account, closes.contract, closes.quantity, closes.price)
    return verdicts.reached(recorded, due, path, judging.terms, judging.asset_of, scene.times) >= 0


def _instead(due: States) -> I64:
    """Crossings of each path in episodes of units that the printed marks leave alone."""
    key = np.column_stack((due.account, due.asset, due.contract, due.episode)).astype(np.int64)
    _, number = np.unique(key, axis=0, return_inverse=True)
    number = number.reshape(-1)
    new = ~np.isin(number, number[due.path == PRINTED])
    return np.bincount(due.path[new], minlength=len(PATHS)).astype(np.int64)


def _capped(scene: Scene, judging: Judging) -> I64:
    """The printed marks, at the band's edge while the last print was a flagged one outside it."""
    low, high = band(judging.fair, judging.band_ppm)
    path = scene.marks.copy()
    fills, reason = scene.fills, reason_of(scene.fills.flags)
    market = (reason == TRADE) | (reason == LIQUIDATION)
    for side, edge in ((FALL, low), (RISE, high)):
        for contract in range(len(scene.specs)):
            rows = np.flatnonzero(
                market & (fills.quantity * side > 0) & (fills.contract == contract)
            )
            if not rows.size:
                continue
            last = np.searchsorted(fills.time[rows], scene.times, side="right") - 1
            row = rows[np.maximum(last, 0)]
            theirs = (last >= 0) & scene.flagged[fills.account[row]]
            theirs &= fills.time[row] > scene.cutoff_us
            beyond = (scene.marks[contract] - edge[contract]) * side > 0
            path[contract] = np.where(theirs & beyond, edge[contract], path[contract])
    return path


def _nearer(scene: Scene, capped: I64, lifted: I64) -> I64:
    """Whichever of two paths is further from the printed marks, towards the base."""
    below = scene.marks <= base_of(scene)[:, None]
    return np.where(below, np.maximum(capped, lifted), np.minimum(capped, lifted))


class Names(NamedTuple):
    """What a summary calls things: codes of accounts and assets, the incident's contract."""

    accounts: Sequence[str]
    assets: Sequence[str]
    contract: int


def summary(
    scene: Scene, graph: Graph, found: Estimate, judging: Judging, names: Names
) -> dict[str, Any]:
    """What a page and a comparison say of it. Counts are integers; contracts, prices and amounts
    decimal strings, amounts in coins. Every number of ``paths``, ``certain`` and ``range`` is an
    estimate, which ``label`` says."""
    counts = found.avoided[list(ESTIMATES)].sum(axis=1).tolist()
    nodes = graph.nodes
    certain = found.avoided[CAPPED] & found.avoided[SCALED] & found.avoided[REMOVED]
    closes = nodes.kind == CLOSE
    generations = np.bincount(nodes.generation[closes], minlength=1)
    return {
        "label": "estimate",
        "flagged": [names.accounts[at] for at in np.flatnonzero(scene.flagged).tolist()],
        "band_ppm": judging.band_ppm,
        "closes": int(closes.sum()),
        "range": {"low": min(counts), "high": max(counts), "certain": int(certain.sum())},
        "paths": [
            {"path": PATHS[path], **_sums(scene, found.avoided[path], judging, names),
             "instead": int(found.instead[path])}
            for path in ESTIMATES
        ],
        "certain": _sums(scene, certain, judging, names),
        "rounds": found.rounds,
        "depth": generations.size - 1,
        "generations": generations[1:].tolist(),
        "levels": [
            _broken(scene, graph, names.contract, side)
            for side in (FALL, RISE)
        ],
    }  # fmt: skip


def _sums(
    scene: Scene, chosen: npt.NDArray[np.bool_], judging: Judging, names: Names
) -> dict[str, Any]:
    """How many closes these are, of how many accounts, and what they took at a fair price."""
    closes = scene.closes
    asset = judging.asset_of[closes.contract]
    scale = {int(a): spec.scale for a, spec in zip(judging.asset_of, scene.specs, strict=True)}
    return {
        "closes": int(chosen.sum()),
        "accounts": int(np.unique(closes.account[chosen]).size),
        "contracts": str(total(np.abs(closes.quantity[chosen]))),
        "loss": {
            names.assets[each]: amount(total(closes.loss[chosen & (asset == each)]), scale[each])
            for each in np.unique(asset[chosen]).tolist()
        },
    }


def _broken(scene: Scene, graph: Graph, contract: int, side: int) -> dict[str, str]:
    """How far a contract's price went to one side since the cut-off, and by whom, in its quote."""
    spec, kind = scene.specs[contract], graph.nodes.kind
    ticks = by_mover(graph.levels, contract, side, kind.size)
    base = int(base_of(scene)[contract])
    flagged, forced = ticks[kind == FLAGGED], ticks[kind == CLOSE]
    parts = {"flagged": flagged, "closes": forced, "others": ticks[kind > FLAGGED]}
    return {
        "contract": spec.symbol,
        "side": "fall" if side == FALL else "rise",
        "start": price(base, spec.tick),
        "end": price(base + side * total(ticks), spec.tick),
        **{name: price(total(part), spec.tick) for name, part in parts.items()},
    }
