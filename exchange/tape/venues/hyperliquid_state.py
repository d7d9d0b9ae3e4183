"""One Hyperliquid position: what a fill does to it, and what its printed profit tells.

See `hyperliquid` for the venue's method. Everything is integers: sizes in 10**-d coins, prices in
10**-(6-d), notional and profit in 1e-6. What is not known exactly is an interval of whole numbers.
"""

from decimal import Decimal
from typing import NamedTuple

DECIMALS = 6
MICRO = Decimal(1_000_000)


class Fill(NamedTuple):
    """One fill as the venue printed it; `size` is signed, + bought, `closed_pnl` None where the
    file does not tell it."""

    file: str
    row: int
    user: str
    coin: str
    time_ms: int
    price: Decimal
    size: Decimal
    start: Decimal
    closed_pnl: Decimal | None
    fee: Decimal
    fee_token: str
    taker: bool
    order: int
    trade: int
    liquidated: bool


class State(NamedTuple):
    """A position: signed size in lots, and the interval its entry notional lies in, in 1e-6;
    None when nothing is known of it."""

    size: int
    notional: tuple[int, int] | None


class Verdict(NamedTuple):
    """What one closedPnl turned out to be: `ours` None when it is undetermined; `possible` False
    when no entry price at all would give it."""

    ours: Decimal | None
    possible: bool


class Coin:
    """The arithmetic of one coin, whose sizes have `decimals` places."""

    def __init__(self, decimals: int) -> None:
        self.scale = 10**decimals
        self.price_scale = 10 ** (DECIMALS - decimals)

    def begun(self, start: Decimal) -> State:
        """Take the venue's word for a size: at zero the notional is known, else it is not."""
        size = int(start * self.scale)
        return State(size, (0, 0) if size == 0 else None)

    def step(self, state: State, fill: Fill) -> tuple[State, Verdict]:
        """The state after a fill, and what its closedPnl was worth. A profit that contradicts
        what is known does not change what is known."""
        dq, price = int(fill.size * self.scale), int(fill.price * self.price_scale)
        closed = closing(state.size, dq)
        if fill.closed_pnl is None:
            return _moved(state, price, dq, closed), Verdict(None, possible=True)
        printed = fill.closed_pnl * MICRO
        possible = _profit(state, price, closed)
        reachable = True
        if closed:
            learned, reachable = learn(state, price, closed, printed)
            if reachable and (possible is None or possible[0] <= printed <= possible[1]):
                state = learned
        ours: Decimal | None = None
        if possible is not None and possible[0] == possible[1]:
            ours = Decimal(possible[0]) / MICRO
        elif possible is not None and not possible[0] <= printed <= possible[1]:
            ours = Decimal(possible[0] if printed < possible[0] else possible[1]) / MICRO
        return _moved(state, price, dq, closed), Verdict(ours, reachable)

    def follow(self, state: State, fill: Fill) -> State | None:
        """The state after a fill, None when its closedPnl contradicts the state before."""
        state, verdict = self.step(state, fill)
        return state if self.accepts(verdict, fill) else None

    @staticmethod
    def accepts(verdict: Verdict, fill: Fill) -> bool:
        """Whether a closedPnl is what it must be, or may be."""
        return verdict.possible and (verdict.ours is None or verdict.ours == fill.closed_pnl)


def closing(size: int, dq: int) -> int:
    """How much of a fill closes, signed like the position."""
    if size * dq >= 0:
        return 0
    return size if abs(dq) >= abs(size) else -dq


def _profit(state: State, price: int, closed: int) -> tuple[int, int] | None:
    """(least, most) closed profit in 1e-6 that is possible, None when nothing is known."""
    if closed == 0:
        return 0, 0
    if state.notional is None:
        return None
    ends = [(price - bound // abs(state.size)) * closed for bound in state.notional]
    return min(ends), max(ends)


def learn(state: State, price: int, closed: int, printed: Decimal) -> tuple[State, bool]:
    """Narrow the notional by a printed profit; False when no entry price gives it."""
    size = abs(state.size)
    entry, rest = divmod(price * closed - printed, Decimal(closed))
    if rest:
        return State(state.size, None), False
    least, most = int(entry) * size, (int(entry) + 1) * size - 1
    known = state.notional or (least, most)
    least, most = max(least, known[0]), min(most, known[1])
    return State(state.size, (least, most) if least <= most else None), True


def _moved(state: State, price: int, dq: int, closed: int) -> State:
    """Move on by a fill. A bound stands for everything up to the next whole 1e-6, so the interval
    holds whether the venue keeps or cuts what a reduction leaves over."""
    size, notional = state
    opened = dq + closed
    if closed and notional is not None:
        rest = abs(size) - abs(closed)
        least, most = notional
        notional = (least * rest // abs(size), -(-(most + 1) * rest // abs(size)) - 1)
    if size + dq == 0 or (closed and opened):
        notional = (0, 0)
    if opened and notional is not None:
        added = abs(opened) * price
        notional = (notional[0] + added, notional[1] + added)
    return State(size + dq, notional)
