"""The cascade as a graph: which close moved the mark that caused which others.

Nodes are the forced closes on record, the flagged accounts, and five causes that are nobody in
particular. An edge from a mover to a close is a number of ticks: its share of the move that took
the mark from where the unit was last safe to where it was due. Defined exactly:

* A close's *move* lies between the last mark at which its unit was not due and the first at which
  it was, on the printed marks. Of a unit with several positions it is the contract whose move cost
  the unit most, in minor units; the others are left out.
* The move is shared out among the prints in between that set new extremes, each from the extreme
  before it (the safe mark at first) to its own price, cut at the mark it was due at. A fall is put
  down to the sellers, a rise to the buyers (`prints`). The shares are whole ticks and sum to the
  move. A mark that moved without a print leaves a rest, which is `UNPRINTED`.
* `START`: due at the first mark there is. `OWN`: no mark moved against the unit, its own trades or
  transfers made it due. `VENUE`: not due on the printed marks at all. These edges weigh nothing.
* The *cause* of a close is the mover with the largest share; of equal shares the first node.
  Causes make a forest: a close's *generation* is one more than its cause's, and the *cluster* of a
  node is every close below it. A close is only ever caused by closes taken over before it.

Assumptions, which no tape can prove: the mark is made by prints alone; whoever traded in the
direction of a move made it, though others might have traded there a moment later; and the last
step across a threshold counts, however long the way to it had been.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16, I32, I64, Fills, Holdings
from exchange.domain.levels import Levels, broken
from exchange.domain.liquidation import States
from exchange.domain.prints import FALL, RISE, Mask, Prints, forced_sales, parts, prints_of
from exchange.domain.remedies.facts import Closes
from exchange.domain.valuation import each_value
from exchange.domain.value import ContractSpec

CLOSE, FLAGGED, OTHER, UNPRINTED, START, OWN, VENUE = range(7)
KINDS = ("close", "flagged", "other", "unprinted", "start", "own", "venue")
NONE = -1
PPM = 1_000_000


class Scene(NamedTuple):
    """What the graph is made from.

    ``closes`` in the order recorded; ``due`` are crossings of the printed marks, ``crossed`` the
    row of each close's among them (-1: not due). ``marks`` i64[contract, second] are the printed
    ones in ticks at ``times``. ``holders`` bool[account] are insurance accounts; trading of
    ``flagged`` bool[account] counts as theirs after the cut-off. ``opening`` are the holdings
    before the first fill.
    """

    specs: list[ContractSpec]
    fills: Fills
    opening: Holdings
    closes: Closes
    due: States
    crossed: I64
    times: I64
    marks: I64
    holders: Mask
    flagged: Mask
    cutoff_us: int


class Nodes(NamedTuple):
    """Closes in the order recorded, flagged accounts by number, then one of each other kind.

    ``account`` and ``contract`` are -1 where there is none. Of a close: ``contract`` is the one
    taken over, ``moving`` the one whose mark crossed, from ``before`` to ``at`` ticks up to
    ``second``; ``cause`` a node. Of every node: ``caused`` counts the closes it is the cause of,
    ``touched`` those it has a share in, ``cluster`` all below it; ``share_ppm`` is how much of
    what it did goes back to flagged accounts. Of a close: ``moved`` are the ticks by which its
    sales set new extremes beyond the mark of the second before the first of them, between
    ``sold_first`` and ``sold_last`` (microseconds, 0 where nothing was sold).
    """

    kind: npt.NDArray[np.uint8]
    account: I32
    contract: I16
    moving: I16
    second: I32
    before: I64
    at: I64
    cause: I64
    generation: I32
    caused: I64
    touched: I64
    cluster: I64
    moved: I64
    share_ppm: I64
    sold_first: I64
    sold_last: I64


class Edges(NamedTuple):
    """``source`` moved the mark by ``ticks`` of the move of ``target``; by target, then source."""

    source: I64
    target: I64
    ticks: I64


class Graph(NamedTuple):
    """The cascade, and the levels its movers broke."""

    nodes: Nodes
    edges: Edges
    levels: Levels


class _Moves(NamedTuple):
    """The move of each crossing state: ``side`` 0 where no mark moved against the unit."""

    contract: I64
    side: I64
    second: I64
    before: I64
    at: I64


def build(scene: Scene) -> Graph:
    """The graph of a tape's cascade; 8,000 closes among 5,000,000 fills are seconds.

    Raises nothing: a tape without closes is a graph without any.
    """
    closes = scene.closes.time.size
    suspects = np.flatnonzero(scene.flagged)
    special = closes + suspects.size
    named = np.full(scene.flagged.size, special, np.int64)
    named[suspects] = closes + np.arange(suspects.size)
    pieces = forced_sales(scene.fills, scene.opening, scene.holders, scene.closes.fill)
    sides = {
        side: prints_of(
            scene.fills, side, len(scene.specs), named, scene.cutoff_us, pieces, special
        )
        for side in (FALL, RISE)
    }
    moves = _moves(scene)
    edges = _edges(scene, moves, sides, special)
    levels = broken(sides.values(), base_of(scene), scene.cutoff_us, special + UNPRINTED - OTHER)
    nodes = _nodes(scene, moves, suspects)
    nodes = _with_sales(scene, nodes, sides)
    return Graph(_with_causes(scene, nodes, edges), edges, levels)


def base_of(scene: Scene) -> I64:
    """The marks at the cut-off, which levels are counted from, ticks i64[contract]."""
    second = int(np.searchsorted(scene.times, scene.cutoff_us, side="right")) - 1
    return scene.marks[:, max(0, second)]


def _moves(scene: Scene) -> _Moves:
    """The move that made each crossing: the position it cost most, at the mark before it."""
    due, marks = scene.due, scene.marks
    size = due.second.size
    second = due.second.astype(np.int64)
    row = np.repeat(np.arange(size), np.diff(due.leg_start))
    contract, quantity = due.leg_contract.astype(np.int64), due.leg_quantity
    now = marks[contract, second[row]]
    before = marks[contract, np.maximum(second[row] - 1, 0)]
    gain = each_value(scene.specs, due.leg_contract, quantity, now) - each_value(
        scene.specs, due.leg_contract, quantity, before
    )
    against = np.flatnonzero((now - before) * np.sign(quantity) < 0)
    against = against[np.lexsort((contract[against], gain[against], row[against]))]
    which, first = np.unique(row[against], return_index=True)
    chosen = against[first]
    found = np.zeros((4, size), np.int64)
    found[:, which] = (
        contract[chosen], np.sign(now - before)[chosen], before[chosen], now[chosen],
    )  # fmt: skip
    return _Moves(found[0], found[1], second, found[2], found[3])


def _edges(scene: Scene, moves: _Moves, sides: dict[int, Prints], special: int) -> Edges:
    """Every share of every close's move, and one edge without weight where there is none."""
    other, unprinted, start, own, venue = range(special, special + 5)
    assert (other, unprinted) == (special, special + UNPRINTED - OTHER)
    crossed, closes = scene.crossed, np.arange(scene.crossed.size)
    due = crossed >= 0
    at = np.maximum(crossed, 0)
    side = np.where(due, moves.side[at] if moves.side.size else 0, 0)
    first = due & ((moves.second[at] if moves.second.size else 0) == 0)
    root = np.where(~due, venue, np.where(first, start, own))
    still = closes[(side == 0) | ~due]
    found = [np.column_stack((root[still], still, np.zeros(still.size, np.int64)))]
    for each in (FALL, RISE):
        mine = closes[due & (side == each)]
        if mine.size:
            found.append(_shared(scene, moves, sides[each], mine, unprinted))
    table = np.concatenate(found)
    fill = scene.closes.fill
    source, target = table[:, 0], table[:, 1]
    forced = source < closes.size
    # A sale in the very instant of a later take-over cannot have caused an earlier one.
    late = forced & (fill[np.where(forced, source, 0)] >= fill[target])
    table[late, 0] = unprinted
    return _summed(table)


def _shared(scene: Scene, moves: _Moves, prints: Prints, mine: I64, unprinted: int) -> I64:
    """(source, target, ticks) of closes whose mark moved to one side.

    Closes due at one mark of one contract share one move, so each move is shared out once.
    """
    rows = scene.crossed[mine]
    key = np.column_stack((moves.contract[rows], moves.second[rows]))
    unique, one, move_of = np.unique(key, axis=0, return_index=True, return_inverse=True)
    move_of = move_of.reshape(-1)
    at = rows[one]
    second = unique[:, 1]
    shares, _ = parts(
        prints, unique[:, 0], scene.times[second - 1], scene.times[second],
        moves.before[at], moves.at[at], unprinted,
    )  # fmt: skip
    begins = np.searchsorted(shares[:, 0], np.arange(len(unique) + 1))
    lengths = np.diff(begins)[move_of]
    picked = _ranges(begins[move_of], lengths)
    return np.column_stack((shares[picked, 1], np.repeat(mine, lengths), shares[picked, 2]))


def _summed(table: I64) -> Edges:
    """One edge a pair of nodes."""
    pairs, which = np.unique(table[:, 1::-1], axis=0, return_inverse=True)
    ticks = np.zeros(len(pairs), np.int64)
    np.add.at(ticks, which.reshape(-1), table[:, 2])
    return Edges(pairs[:, 1].copy(), pairs[:, 0].copy(), ticks)


def _nodes(scene: Scene, moves: _Moves, suspects: I64) -> Nodes:
    """All nodes with what is known of them before anything is counted."""
    closes, named = scene.closes, suspects.size
    size = closes.time.size
    count = size + named + len(KINDS) - OTHER
    kind = np.concatenate((
        np.full(size, CLOSE), np.full(named, FLAGGED), np.arange(OTHER, len(KINDS)),
    ))  # fmt: skip
    account = np.concatenate((closes.account, suspects, np.full(len(KINDS) - OTHER, NONE)))
    contract = np.full(count, NONE, np.int64)
    contract[:size] = closes.contract
    state = np.zeros((4, count), np.int64)
    state[:2] = NONE
    due = np.flatnonzero(scene.crossed >= 0)
    rows = scene.crossed[due]
    state[1, due] = moves.second[rows]
    moved = moves.side[rows] != 0
    for at, column in ((0, moves.contract), (2, moves.before), (3, moves.at)):
        state[at, due[moved]] = column[rows[moved]]
    none = np.zeros(count, np.int64)
    return Nodes(
        kind.astype(np.uint8), account.astype(np.int32), contract.astype(np.int16),
        state[0].astype(np.int16), state[1].astype(np.int32), state[2], state[3],
        np.full(count, NONE, np.int64), none.astype(np.int32), none, none, none, none,
        np.where(kind == FLAGGED, PPM, 0), none, none,
    )  # fmt: skip


def _with_sales(scene: Scene, nodes: Nodes, sides: dict[int, Prints]) -> Nodes:
    """How far each close's own sales took the mark, and from when to when they lasted."""
    from exchange.domain.cascade_kernels import own_moves  # loads the compiler

    size = scene.closes.time.size
    moved = np.zeros(nodes.kind.size, np.int64)
    sold = np.zeros((2, nodes.kind.size), np.int64)
    for side, prints in sides.items():
        shared = np.flatnonzero(prints.many)
        print_of = np.repeat(shared, prints.many[shared])
        owner = prints.owner[_ranges(prints.piece[shared], prints.many[shared])]
        mine = owner < size
        if not mine.any():
            continue
        owner, print_of = owner[mine], print_of[mine]
        order = np.lexsort((print_of, owner))
        node, first = np.unique(owner[order], return_index=True)
        last = np.append(first[1:], owner.size) - 1
        begin, end = print_of[order][first], print_of[order][last]
        sold[:, node] = prints.time[begin], prints.time[end]
        second = np.searchsorted(scene.times, prints.time[begin]) - 1
        before = scene.marks[scene.closes.contract[node], np.maximum(second, 0)]
        found = np.zeros(nodes.kind.size, np.int64)
        own_moves(*prints[3:], node, begin, end + 1, before, side, found)
        moved += found
    return nodes._replace(moved=moved, sold_first=sold[0], sold_last=sold[1])


def _ranges(start: I64, lengths: I64) -> I64:
    """start[0] .. start[0] + lengths[0] - 1, then those of the next, and so on."""
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(start, lengths) + within


def _with_causes(scene: Scene, nodes: Nodes, edges: Edges) -> Nodes:
    """Causes, generations, clusters and the flagged accounts' share, in the order taken over."""
    size, count = scene.closes.time.size, nodes.kind.size
    begins = np.searchsorted(edges.target, np.arange(size + 1)).tolist()
    source, ticks = edges.source.tolist(), edges.ticks.tolist()
    cause, generation = [NONE] * count, [0] * count
    caused, cluster, share = [0] * count, [0] * count, nodes.share_ppm.tolist()
    order = np.argsort(scene.closes.fill, kind="stable").tolist()
    for close in order:
        mine = range(begins[close], begins[close + 1])
        most = max(mine, key=lambda edge: (ticks[edge], -source[edge]))
        cause[close] = by = source[most]
        generation[close] = generation[by] + 1
        caused[by] += 1
        if whole := sum(ticks[edge] for edge in mine):
            share[close] = sum(ticks[edge] * share[source[edge]] for edge in mine) // whole
    for close in reversed(order):
        cluster[cause[close]] += 1 + cluster[close]
    touched = np.bincount(edges.source[edges.ticks > 0], minlength=count)
    return nodes._replace(
        cause=np.array(cause, np.int64),
        generation=np.array(generation, np.int32),
        caused=np.array(caused, np.int64),
        touched=touched.astype(np.int64),
        cluster=np.array(cluster, np.int64),
        share_ppm=np.array(share, np.int64),
    )
