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
    """One way of ordering the fills so far: what it contradicts, where it stands, how it came.

    `guessed` when orders were left untried since the position was last flat: a profit that
    contradicts then tells of the order, not of the venue.
    """

    differ: int
    holes: int
    position: Decimal | None
    state: State | None
    fills: list[Fill]
    before: "_Way | None"
    guessed: bool = False


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
    opening, doubt = _Opening(), _Doubt(coin)
    for fill, guessed in in_order(fills, coin):
        hole = Decimal(0) if position is None else fill.start - position
        if state is None or hole:
            state, doubt.other = coin.begun(fill.start), None
        found.begun += position is None and fill.start != 0
        found.holes += bool(hole)
        found.starts_agree += not hole
        found.steps.append(Step(fill, hole))
        opening.see(state, fill, hole, coin)
        state, verdict = doubt.step(state, fill, guessed=guessed)
        _count(verdict, fill, found)
        position = chain.after(fill)
    if opening.notional is not None:
        found.openings[fills[0].user, fills[0].coin] = opening.notional


def in_order(fills: list[Fill], coin: Coin) -> list[tuple[Fill, bool]]:
    """One user's fills in one coin in the order that contradicts the venue's profits least and
    has the fewest holes, among equals that of the file; and whether the order is a guess."""
    groups = chain.stamps(fills)
    ways = [_Way(0, 0, None, None, [], None)]
    for stamp, after in zip(groups, [*groups[1:], []], strict=True):
        following = chain.sources(after)
        reached: dict[tuple[Decimal | None, State | None], _Way] = {}
        for way in ways:
            orders, all_tried = _orders(stamp, way, following, coin)
            for order in orders:
                on = _extended(way, order, coin, guessed=way.guessed or not all_tried)
                known = reached.get((on.position, on.state))
                if known is None or on[:2] < known[:2]:
                    reached[on.position, on.state] = on
        ways = sorted(reached.values(), key=lambda way: way[:2])
        if len(ways) > WAYS_MOST:
            ways = [way._replace(guessed=True) for way in ways[:WAYS_MOST]]
    parts: list[list[tuple[Fill, bool]]] = []
    at: _Way | None = ways[0]
    while at is not None:
        parts.append([(fill, at.guessed) for fill in at.fills])
        at = at.before
    return [fill for part in reversed(parts) for fill in part]


def _orders(
    stamp: list[Fill], way: _Way, following: set[Decimal], coin: Coin
) -> tuple[list[list[Fill]], bool]:
    """(orders of one stamp worth trying, whether these are all): with the fewest holes; and with
    one more, that after the stamp counted, only where rows are evidently missing, so that a profit
    that differs is not explained away."""
    first = chain.ordered(stamp, way.position, following)
    if len(stamp) == 1:
        return [first], True
    fewest = chain.holes(first, way.position)
    astray = bool(following) and chain.after(first[-1]) not in following
    missing = fewest > 0 or astray
    anywhere = way.position is None  # a history may begin at any fill of a loop
    if not missing and not anywhere and not chain.branches(stamp):
        return [first], True
    orders, all_tried = [first], True
    for more in range(1 + missing + astray):
        tries = chain.Tries()
        found = chain.search(first, way.position, way.state, fewest + more, coin, tries)
        if more == 2:  # two within the stamp, in place of one within and one after it
            found = (order for order in found if chain.after(order[-1]) in following)
        accepted = list(islice(found, ORDERS_MOST))
        all_tried &= tries.left > 0 and len(accepted) < ORDERS_MOST
        orders += accepted
    return orders, all_tried


def _step(state: State, fill: Fill, coin: Coin, *, guessed: bool) -> tuple[State, Verdict]:
    """The state after a fill and what its profit was worth; where the order before is a guess, a
    profit that contradicts is undetermined, and the entry starts anew from it."""
    reached, verdict = coin.step(state, fill)
    if guessed and not coin.accepts(verdict, fill):
        return coin.step(State(state.size, None), fill)
    return reached, verdict


def _extended(way: _Way, order: list[Fill], coin: Coin, *, guessed: bool) -> _Way:
    """A way gone on by one stamp's fills; a flat position leaves nothing of a guess behind."""
    differ, holes, position, state = way.differ, way.holes, way.position, way.state
    for fill in order:
        if state is None or fill.start != position:
            holes += position is not None and fill.start != position
            state = coin.begun(fill.start)
        differ += not coin.accepts(coin.step(state, fill)[1], fill)
        state, _ = _step(state, fill, coin, guessed=guessed)
        position = chain.after(fill)
    flat = state is not None and state.size == 0
    made = _Way(differ, holes, position, state, order, way, guessed)
    return made if not (flat and guessed) else _flat(made)


def _flat(way: _Way) -> _Way:
    """The same way with its guess behind it: the stamp keeps it, what follows does not."""
    return _Way(way.differ, way.holes, way.position, way.state, [], way)


class _Doubt:
    """After a profit that differs, two states: ours, and the one the venue's profit implies.

    The next profits tell which was right: a wrong number in the file is one difference and ours
    goes on; rows missing in pairs that cancel are one difference and the venue's goes on.
    """

    def __init__(self, coin: Coin) -> None:
        self.coin = coin
        self.other: State | None = None

    def step(self, state: State, fill: Fill, *, guessed: bool) -> tuple[State, Verdict]:
        """The state after a fill, and what its profit was worth under the better of the two."""
        reached, verdict = _step(state, fill, self.coin, guessed=guessed)
        agrees = self.coin.accepts(verdict, fill)
        if self.other is not None:
            other, second = self.coin.step(self.other, fill)
            fits = self.coin.accepts(second, fill)
            if fits and not agrees:
                reached, verdict, agrees, self.other = other, second, True, None
            else:
                self.other = other if fits else None
        if not agrees and verdict.ours is not None:
            self.other, _ = self.coin.step(State(state.size, None), fill)
        if reached.size == 0:
            self.other = None
        return reached, verdict


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
        if fill.closed_pnl is None:
            return
        learned, possible = learn(before, price, closed, fill.closed_pnl * MICRO)
        if before.notional is None and possible and learned.notional is not None:
            self.notional = learned.notional[0] - self._added


def _count(verdict: Verdict, fill: Fill, found: Found) -> None:
    """Count one closedPnl as agreeing, differing or undetermined."""
    found.impossible += not verdict.possible
    if verdict.ours is None or fill.closed_pnl is None:
        found.profit.undetermined += 1
        return
    where = {"file": fill.file, "row": fill.row, "coin": fill.coin, "time": fill.time_ms}
    found.profit.compare(verdict.ours, fill.closed_pnl, where)
