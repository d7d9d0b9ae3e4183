"""The pictures of a cascade, drawn by the server: closes over time, and the tree of its causes.

Both stand beside tables that say the same. Coordinates are whole numbers in the units of the
picture, because a Content-Security-Policy without inline styles leaves no other place.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from backoffice.queries.cascades import Node, Step

STEP_SECONDS = (10, 20, 30, 60, 120, 300, 600, 1200, 3600, 14_400, 86_400)
STEPS_MOST = 360
SHADES = 4
BAR, GAP, HEIGHT = 4, 1, 120
ROW, INDENT, MARGIN = 26, 22, 14


class Row(NamedTuple):
    """One step of the table: closes of the first, second, third, and all later generations."""

    at: datetime
    counts: list[int]
    closes: int
    contracts: int


class Steps(NamedTuple):
    """The chart: the bars of each shade as one path within `width` x `HEIGHT`, the rows of its
    table, its scale."""

    seconds: int
    width: int
    height: int
    bars: list[str]
    rows: list[Row]
    start: datetime
    middle: datetime
    end: datetime
    most: int
    closes: int
    shades: range


class Leaf(NamedTuple):
    """One node of the tree: where its mark and its words are, and the line from its cause."""

    node: Node
    x: int
    y: int
    words_x: int
    radius: int
    line: str


class Tree(NamedTuple):
    """The tree, `width` x `height`."""

    leaves: list[Leaf]
    width: int
    height: int


def steps(found: Sequence[Step], seconds: int) -> Steps | None:
    """Bars of the closes per step, stacked by generation; None without closes.

    `found` are steps of `seconds`, which are joined to at most 360.
    """
    if not found:
        return None
    start = found[0].at
    span = int((found[-1].at - start).total_seconds()) + seconds
    wide = next((each for each in STEP_SECONDS if span <= each * STEPS_MOST), STEP_SECONDS[-1])
    wide = max(wide, seconds)
    number = -(-span // wide)
    counts = [[0] * SHADES for _ in range(number)]
    contracts = [0] * number
    for step in found:
        at = int((step.at - start).total_seconds()) // wide
        counts[at][min(max(step.generation, 1), SHADES) - 1] += step.closes
        contracts[at] += step.contracts
    most = max(sum(row) for row in counts)
    rows = [
        Row(start + timedelta(seconds=at * wide), counts[at], sum(counts[at]), contracts[at])
        for at in range(number)
        if any(counts[at])
    ]
    end = start + timedelta(seconds=number * wide)
    middle = start + timedelta(seconds=number * wide // 2)
    width = number * BAR
    return Steps(
        wide, width, HEIGHT, _bars(counts, most), rows, start, middle, end, most,
        sum(row.closes for row in rows), range(SHADES),
    )  # fmt: skip


def _bars(counts: Sequence[Sequence[int]], most: int) -> list[str]:
    """A path a shade, of pieces from the floor up; the edges of a piece are those of its
    neighbours, rounded alike. One element a piece would be thousands."""
    paths = [""] * SHADES
    for at, row in enumerate(counts):
        below = 0
        for shade, count in enumerate(row):
            if count:
                low, high = below * HEIGHT // most, (below + count) * HEIGHT // most
                tall = max(high - low, 1)
                paths[shade] += f"M{at * BAR} {HEIGHT - high}h{BAR - GAP}v{tall}h-{BAR - GAP}z"
                below += count
    return paths


def tree(nodes: Sequence[Node]) -> Tree:
    """Nodes below their causes, one a row, deeper ones further in; those with most below first.

    A node whose cause is not among them stands at the left edge.
    """
    known = {node.number for node in nodes}
    children: dict[int | None, list[Node]] = {}
    for node in nodes:
        children.setdefault(node.cause if node.cause in known else None, []).append(node)
    leaves: list[Leaf] = []
    waiting: list[tuple[Node, int, int | None]] = [
        (node, 0, None) for node in reversed(children.get(None, []))
    ]
    while waiting:
        node, depth, above = waiting.pop()
        x, y = MARGIN + depth * INDENT, MARGIN + len(leaves) * ROW
        line = "" if above is None else f"M{x - INDENT} {above}V{y}H{x}"
        radius = 3 + min(6, node.below.bit_length())
        leaves.append(Leaf(node, x, y, x + radius + 6, radius, line))
        below = children.get(node.number, [])
        waiting += [(child, depth + 1, y) for child in reversed(below)]
    deepest = max((leaf.x for leaf in leaves), default=0)
    return Tree(leaves, deepest + 420, max(len(leaves) * ROW, ROW))
