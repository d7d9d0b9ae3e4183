"""Fills of one position put in the order they happened, where only their start positions tell.

A venue stamps whole milliseconds, and an order that sweeps a book makes many fills in one. A fill
leads from its start position to start plus signed size, so the fills of a stamp are edges of a
graph and their order is a walk along all of them, begun where the fill before left off. Where
several walks are possible, the one whose fills the caller accepts one after the other is taken.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Protocol, TypeVar


class Placed(Protocol):
    """What ordering needs to know of a fill."""

    @property
    def time_ms(self) -> int: ...
    @property
    def start(self) -> Decimal: ...
    @property
    def size(self) -> Decimal: ...


P = TypeVar("P", bound=Placed)
S = TypeVar("S")
F = TypeVar("F", contravariant=True)

TRIES_MOST = 20_000
"""Steps a search for an acceptable walk may take in one stamp before the first walk is taken."""


def stamps(fills: Sequence[P]) -> list[list[P]]:
    """Fills by time, those of one stamp together in the order of the file; a file printed newest
    first is turned round."""
    rows = list(fills)
    if len(rows) > 1 and rows[0].time_ms > rows[-1].time_ms:
        rows.reverse()
    rows.sort(key=lambda fill: fill.time_ms)
    return [list(group) for _, group in groupby(rows, key=lambda fill: fill.time_ms)]


def after(fill: Placed) -> Decimal:
    """The position a fill leaves."""
    return fill.start + fill.size


def ordered(stamp: list[P], before: Decimal | None, following: set[Decimal]) -> list[P]:
    """A stamp in an order with the fewest holes, begun at `before` when that is possible and ended,
    after a hole, at one of the positions that `following` fills start from."""
    if len(stamp) == 1:
        return stamp
    if before is None:
        before = _begin(stamp)
    for order in (stamp, stamp[::-1]):
        if order[0].start == before and _leads_on(order):
            return order
    walks = _walks(stamp, before)
    done: list[P] = []
    position = before
    while walks:
        at = next((i for i, walk in enumerate(walks) if walk[0].start == position), None)
        if at is None:
            at = min(range(len(walks)), key=lambda i: (after(walks[i][-1]) in following, i))
        done += walks.pop(at)
        position = after(done[-1])
    return done


def holes(fills: Sequence[P], before: Decimal | None) -> int:
    """How often a fill does not start where the one before it ended."""
    position, count = before, 0
    for fill in fills:
        count += position is not None and fill.start != position
        position = after(fill)
    return count


class Follow(Protocol[S, F]):
    """What a search asks of the caller."""

    def begun(self, start: Decimal) -> S:
        """The state when only the position is known."""

    def follow(self, state: S, fill: F) -> S | None:
        """The state after a fill, None when the fill contradicts the state before."""


class Tries:
    """Steps a search may still take; none left means that orders were left untried."""

    def __init__(self) -> None:
        self.left = TRIES_MOST


def branches(fills: Sequence[Placed]) -> bool:
    """Whether more than one fill leaves some position, so that several walks are possible."""
    starts = {fill.start for fill in fills}
    return len(starts) < len(fills)


def search(
    fills: list[P], before: Decimal | None, state: S | None, holes_most: int, book: Follow[S, P],
    tries: Tries,
) -> Iterator[list[P]]:  # fmt: skip
    """Orders with at most that many holes whose every fill `book` accepts, those nearest to the
    given one first, until there are none or no tries are left."""
    used = [False] * len(fills)
    path: list[int] = []
    levels = [_next(fills, used, before, state, holes_most, book)]
    while tries.left:
        tries.left -= 1
        step = next(levels[-1], None)
        if step is None:
            levels.pop()
            if not levels:
                return
            used[path.pop()] = False
            continue
        at, reached, left = step
        used[at] = True
        path.append(at)
        if len(path) == len(fills):
            yield [fills[number] for number in path]
            used[path.pop()] = False
        else:
            levels.append(_next(fills, used, after(fills[at]), reached, left, book))


def _next(
    fills: list[P], used: list[bool], position: Decimal | None, state: S | None, left: int,
    book: Follow[S, P],
) -> Iterator[tuple[int, S, int]]:  # fmt: skip
    """(fill, state after it, holes left) of every fill that may come next: those that lead on,
    then those across a hole."""
    free = [at for at, taken in enumerate(used) if not taken]
    for at in free:
        if position is None or fills[at].start == position:
            known = state if state is not None else book.begun(fills[at].start)
            reached = book.follow(known, fills[at])
            if reached is not None:
                yield at, reached, left
    for at in free if left and position is not None else ():
        if fills[at].start != position:
            reached = book.follow(book.begun(fills[at].start), fills[at])
            if reached is not None:
                yield at, reached, left - 1


def _leads_on(fills: Sequence[P]) -> bool:
    return all(after(a) == b.start for a, b in zip(fills, fills[1:], strict=False))


def sources(stamp: Sequence[P]) -> set[Decimal]:
    """Where a walk along a stamp may begin: at positions that more fills leave than reach, or,
    when there is none, anywhere on the loop."""
    balance: dict[Decimal, int] = defaultdict(int)
    for fill in stamp:
        balance[fill.start] += 1
        balance[after(fill)] -= 1
    begins = {position for position, more in balance.items() if more > 0}
    return begins or {fill.start for fill in stamp}


def _begin(stamp: Sequence[P]) -> Decimal | None:
    """Where a history begins when nothing came before; a loop through zero begins there."""
    begins = sources(stamp)
    if Decimal(0) in begins:
        return Decimal(0)
    return begins.pop() if len(begins) == 1 else None


def _walks(stamp: list[P], before: Decimal | None) -> list[list[P]]:
    """The fewest walks that use every fill once (Hierholzer's algorithm), as the file has them."""
    leaving: dict[Decimal, list[P]] = defaultdict(list)
    balance: dict[Decimal, int] = defaultdict(int)
    for fill in reversed(stamp):
        leaving[fill.start].append(fill)
        balance[fill.start] += 1
        balance[after(fill)] -= 1
    begins = [fill.start for fill in stamp if balance[fill.start] > 0]
    if before is not None and leaving.get(before) and balance[before] >= 0:
        begins.insert(0, before)
    walks: list[list[P]] = []
    for source in begins:
        if leaving[source]:
            walks += _cut(_walk(source, leaving))
    for fill in stamp:
        if leaving[fill.start]:
            walks += _cut(_walk(fill.start, leaving))
    return walks


def _walk(source: Decimal, leaving: dict[Decimal, list[P]]) -> list[P]:
    """One walk from a position for as long as fills lead on, side loops taken in."""
    path: list[P] = []
    stack: list[tuple[Decimal, P | None]] = [(source, None)]
    while stack:
        position, came_by = stack[-1]
        if leaving[position]:
            fill = leaving[position].pop()
            stack.append((after(fill), fill))
        else:
            stack.pop()
            if came_by is not None:
                path.append(came_by)
    path.reverse()
    return path


def _cut(walk: list[P]) -> list[list[P]]:
    """A walk cut where it does not lead on, as after a dead end."""
    parts = [[walk[0]]]
    for fill in walk[1:]:
        if fill.start == after(parts[-1][-1]):
            parts[-1].append(fill)
        else:
            parts.append([fill])
    return parts
