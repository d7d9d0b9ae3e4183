"""Hyperliquid fills of one account and coin put in order and replayed.

Fills of one millisecond can often be ordered in more than one way that fits their start positions,
and the way decides the entry price. All ways that the printed profits do not contradict are carried
along, a limited number of them, until later profits tell them apart.
"""

from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from exchange.tape.venues import chain
from exchange.tape.venues.hyperliquid_state import (
    MICRO,
    Coin,
    Fill,
    State,
    Verdict,
    closing,
    learn,
)
from exchange.tape.venues.report import Reconciliation

WAYS_MOST = 64
"""Ways of ordering carried from one millisecond to the next."""
ORDERS_MOST = 200
"""Orders of one millisecond's fills tried for each way so far."""


class Step(NamedTuple):
    """A fill in its place; `hole` is the signed size that is missing just before it."""

    fill: Fill
    hole: Decimal


class _Way(NamedTuple):
    """One way of ordering the fills so far: what it contradicts, where it stands, how it came."""

    differ: int
    holes: int
    position: Decimal | None
    state: State | None
    fills: list[Fill]
    before: "_Way | None"


class Found:
    """The reconciliations of one replay. `impossible` counts profits no entry price gives."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.starts_agree = self.holes = self.begun = self.impossible = 0
        self.profit = Reconciliation("closedPnl")
        self.openings: dict[tuple[str, str], int] = {}


def replay(fills: list[Fill], coin: Coin, found: Found) -> None:
    """Order and replay one user's fills in one coin, into `found`."""
    state: State | None = None
    position: Decimal | None = None
    opening = _Opening()
    for fill in in_order(fills, coin):
        hole = Decimal(0) if position is None else fill.start - position
        if state is None or hole:
            state = coin.begun(fill.start)
        found.begun += position is None and fill.start != 0
        found.holes += bool(hole)
        found.starts_agree += not hole
        found.steps.append(Step(fill, hole))
        opening.see(state, fill, hole, coin)
        state, verdict = coin.step(state, fill)
        _count(verdict, fill, found)
        position = chain.after(fill)
    if opening.notional is not None:
        found.openings[fills[0].user, fills[0].coin] = opening.notional


def in_order(fills: list[Fill], coin: Coin) -> list[Fill]:
    """One user's fills in one coin in the order that contradicts the venue's profits least and
    has the fewest holes; among equals the order of the file."""
    groups = chain.stamps(fills)
    ways = [_Way(0, 0, None, None, [], None)]
    for stamp, after in zip(groups, [*groups[1:], []], strict=True):
        following = chain.sources(after)
        reached: dict[tuple[Decimal | None, State | None], _Way] = {}
        for way in ways:
            for order in _orders(stamp, way, following, coin):
                on = _extended(way, order, coin)
                known = reached.get((on.position, on.state))
                if known is None or on[:2] < known[:2]:
                    reached[on.position, on.state] = on
        ways = sorted(reached.values(), key=lambda way: way[:2])[:WAYS_MOST]
    parts: list[list[Fill]] = []
    at: _Way | None = ways[0]
    while at is not None:
        parts.append(at.fills)
        at = at.before
    return [fill for part in reversed(parts) for fill in part]


def _orders(stamp: list[Fill], way: _Way, following: set[Decimal], coin: Coin) -> list[list[Fill]]:
    """Orders of one stamp worth trying: with the fewest holes; and with one more only where rows
    are evidently missing, so that a profit that differs is not explained away."""
    first = chain.ordered(stamp, way.position, following)
    if len(stamp) == 1:
        return [first]
    fewest = chain.holes(first, way.position)
    missing = fewest > 0 or (bool(following) and chain.after(first[-1]) not in following)
    if not missing and not chain.branches(stamp):
        return [first]
    orders = [first]
    for most in (fewest, fewest + 1) if missing else (fewest,):
        orders += islice(chain.search(first, way.position, way.state, most, coin), ORDERS_MOST)
    return orders


def _extended(way: _Way, order: list[Fill], coin: Coin) -> _Way:
    """A way gone on by one stamp's fills."""
    differ, holes, position, state = way.differ, way.holes, way.position, way.state
    for fill in order:
        if state is None or fill.start != position:
            holes += position is not None and fill.start != position
            state = coin.begun(fill.start)
        state, verdict = coin.step(state, fill)
        differ += not coin.accepts(verdict, fill)
        position = chain.after(fill)
    return _Way(differ, holes, position, state, order, way)


class _Opening:
    """Works out the entry notional before the first fill, from the first close if no hole and no
    other close came before it."""

    def __init__(self) -> None:
        self.notional: int | None = None
        self._added = 0
        self._open = True

    def see(self, before: State, fill: Fill, hole: Decimal, coin: Coin) -> None:
        """Take in one fill."""
        self._open = self._open and not hole
        if not self._open:
            return
        dq, price = int(fill.size * coin.scale), int(fill.price * coin.price_scale)
        closed = closing(before.size, dq)
        if not closed:
            self._added += abs(dq) * price
            return
        self._open = False
        learned, possible = learn(before, price, closed, fill.closed_pnl * MICRO)
        if before.notional is None and possible and learned.notional is not None:
            self.notional = learned.notional[0] - self._added


def _count(verdict: Verdict, fill: Fill, found: Found) -> None:
    """Count one closedPnl as agreeing, differing or undetermined."""
    found.impossible += not verdict.possible
    if verdict.ours is None:
        found.profit.undetermined += 1
        return
    where = {"file": fill.file, "row": fill.row, "coin": fill.coin, "time": fill.time_ms}
    found.profit.compare(verdict.ours, fill.closed_pnl, where)
