"""Reading a cascade: its largest nodes, one node with its causes and effects, steps of time.

One function is one statement. Nodes are named by their number within the cascade.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from backoffice.models import Cascade, CascadeNode, Incident
from exchange.queries import keyset
from exchange.queries.keyset import Page
from exchange.queries.units import Unit

TREE = 30
CAUSES_MOST = 100
EDGES_AT_ONCE = 5_000
CHOICES = {
    "certain": "n.avoided = 7",
    **{name.lower(): f"n.avoided & {bit.value} <> 0" for name, bit in
       CascadeNode.Avoided.__members__.items()},
    "never": "n.avoided = 0",
}  # fmt: skip
"""Which closes a table shows: words of its filter, and what they mean."""


class Node(NamedTuple):
    """One node; prices in ticks of `tick`, the contract whose mark crossed (or was taken over)."""

    number: int
    kind: str
    account_id: int | None
    account: str | None
    symbol: str | None
    quantity: int
    recorded_at: datetime | None
    crossed_at: datetime | None
    moving: str | None
    tick: Decimal | None
    before_ticks: int
    at_ticks: int
    moved_ticks: int
    moved_tick: Decimal | None
    sold_first: datetime | None
    sold_last: datetime | None
    generation: int
    caused: int
    touched: int
    below: int
    share_ppm: int
    avoided: int
    cause: int | None
    cause_kind: str | None
    cause_account: str | None
    liquidation_id: int | None
    verdict: str | None
    loss: int | None
    asset: str | None
    decimals: int | None

    @property
    def unit(self) -> Unit:
        """What its loss is in; of closes only."""
        return Unit(self.asset or "", self.decimals or 0)

    @property
    def move(self) -> int:
        """How far the mark went from safe to due, in ticks."""
        return abs(self.at_ticks - self.before_ticks)

    @property
    def certain(self) -> bool:
        """Whether it would not have happened under any assumption."""
        return self.avoided == sum(CascadeNode.Avoided)


class Share(NamedTuple):
    """One edge seen from one of its ends: the node at the other, and its ticks of the move."""

    node: Node
    ticks: int


class Step(NamedTuple):
    """Closes of one generation recorded within one step of time."""

    at: datetime
    generation: int
    closes: int
    contracts: int


_NODE = (
    "n.number, n.kind, n.account_id, a.code, k.symbol, n.quantity, n.recorded_at, n.crossed_at,"
    " m.symbol, coalesce(m.tick, k.tick), n.before_ticks, n.at_ticks, n.moved_ticks, k.tick,"
    " n.sold_first, n.sold_last, n.generation, n.caused, n.touched, n.below, n.share_ppm,"
    " n.avoided, n.cause, p.kind, b.code, q.id, q.verdict, q.loss, s.code, s.decimals"
)
_JOINS = (
    " LEFT JOIN exchange_account a ON a.id = n.account_id"
    " LEFT JOIN exchange_contract k ON k.id = n.contract_id"
    " LEFT JOIN exchange_asset s ON s.id = k.settle_id"
    " LEFT JOIN exchange_contract m ON m.id = n.moving_id"
    " LEFT JOIN cascade_node p ON p.cascade_id = n.cascade_id AND p.number = n.cause"
    " LEFT JOIN exchange_account b ON b.id = p.account_id"
    " LEFT JOIN liquidation q ON q.tape_id = %s AND q.account_id = n.account_id"
    " AND q.contract_id = n.contract_id AND q.recorded_at = n.recorded_at"
)
_NODES = f"SELECT {_NODE} FROM cascade_node n{_JOINS}"  # noqa: S608 - fixed text
_SOURCES, _TARGETS = (
    f"SELECT {_NODE}, e.ticks FROM cascade_edge e JOIN cascade_node n"  # noqa: S608 - fixed text
    f" ON n.cascade_id = e.cascade_id AND n.number = e.{end}{_JOINS}"
    for end in ("source", "target")
)


def of_incident(incident: Incident) -> Cascade | None:
    """The incident's cascade, asked for or computed."""
    return Cascade.objects.filter(incident=incident).first()


def closes(
    incident: Incident, row: Cascade, chosen: str = "", *, after: str = "",
    limit: int = keyset.LIMIT,
) -> Page[Node]:  # fmt: skip
    """Forced closes, those with most below them first; `chosen` is one of `CHOICES`."""
    size = keyset.limited(limit)
    condition = f" AND {CHOICES[chosen]}" if chosen in CHOICES else ""
    arguments: list[Any] = [incident.tape_id, row.pk]
    if last := keyset.numbers(after, 2):
        condition += " AND n.below <= %s AND (n.below < %s OR n.number > %s)"
        arguments += [last[0], *last]
    found = _fetch(
        f"{_NODES} WHERE n.cascade_id = %s"
        f" AND n.kind = 'close'{condition} ORDER BY n.below DESC, n.number LIMIT %s",
        [*arguments, size + 1],
    )
    return keyset.page(found, size, Node, lambda node: f"{node.below}.{node.number}")


def every_close(incident: Incident, row: Cascade, chosen: str = "") -> Iterator[Node]:
    """All closes that were chosen, in the same order; a statement for each 500."""
    after = ""
    while True:
        found = closes(incident, row, chosen, after=after, limit=keyset.LIMIT_MAX)
        yield from found.rows
        if not found.after:
            return
        after = found.after


def movers(incident: Incident, row: Cascade) -> list[Node]:
    """Flagged accounts and nobodies with a share in some close, those with most below first."""
    found = _fetch(
        f"{_NODES} WHERE n.cascade_id = %s AND n.kind <> 'close' AND (n.below > 0 OR n.touched > 0)"
        " ORDER BY n.below DESC, n.number LIMIT %s",
        [incident.tape_id, row.pk, CAUSES_MOST],
    )
    return [Node(*values) for values in found]


def tree(incident: Incident, row: Cascade, *, limit: int = TREE) -> list[Node]:
    """The nodes with most below them; a node's cause has more, so it is among them."""
    found = _fetch(
        f"{_NODES} WHERE n.cascade_id = %s"
        " AND n.below > 0 ORDER BY n.below DESC, n.number LIMIT %s",
        [incident.tape_id, row.pk, limit],
    )
    return [Node(*values) for values in found]


def node(incident: Incident, row: Cascade, number: int) -> Node | None:
    """One node, or None."""
    found = _fetch(
        f"{_NODES} WHERE n.cascade_id = %s AND n.number = %s",
        [incident.tape_id, row.pk, number],
    )
    return Node(*found[0]) if found else None


def causes(incident: Incident, row: Cascade, number: int) -> list[Share]:
    """Who moved the mark that made this close due, the largest share first; at most 100."""
    found = _fetch(
        f"{_SOURCES} WHERE e.cascade_id = %s AND e.target = %s"
        " ORDER BY e.ticks DESC, n.number LIMIT %s",
        [incident.tape_id, row.pk, number, CAUSES_MOST],
    )
    return [Share(Node(*values[:-1]), values[-1]) for values in found]


def effects(incident: Incident, row: Cascade, number: int, *, after: str = "") -> Page[Share]:
    """The closes whose move this node has a share in, in the order recorded."""
    (last,) = keyset.numbers(after, 1) or [-1]
    found = _fetch(
        f"{_TARGETS} WHERE e.cascade_id = %s AND e.source = %s AND e.target > %s"
        " ORDER BY e.target LIMIT %s",
        [incident.tape_id, row.pk, number, last, keyset.LIMIT + 1],
    )
    shares = [(Node(*values[:-1]), values[-1]) for values in found]
    return keyset.page(shares, keyset.LIMIT, Share, lambda share: share.node.number)


def steps(incident: Incident, row: Cascade, *, seconds: int) -> list[Step]:
    """Closes since the cut-off per step of time and generation; quiet steps are absent."""
    found = _fetch(
        "SELECT date_bin(make_interval(secs => %s), recorded_at, %s), generation, count(*),"
        " sum(abs(quantity))::bigint FROM cascade_node WHERE cascade_id = %s AND kind = 'close'"
        " AND recorded_at > %s GROUP BY 1, 2 ORDER BY 1, 2",
        [seconds, incident.tape.starts_at, row.pk, incident.effective_cutoff],
    )
    return [Step(*values) for values in found]


def edges(row: Cascade) -> Iterator[tuple[Any, ...]]:
    """Every edge with the names at both ends, by target and source; a statement for each 5,000.

    (target, source, source kind, source account, source time, account, contract, time, moving,
    tick, before, at, ticks).
    """
    last = (-1, -1)
    while True:
        found = _fetch(
            "SELECT e.target, e.source, p.kind, b.code, p.recorded_at, a.code, k.symbol,"
            " n.recorded_at, m.symbol, m.tick, n.before_ticks, n.at_ticks, e.ticks"
            " FROM cascade_edge e"
            " JOIN cascade_node n ON n.cascade_id = e.cascade_id AND n.number = e.target"
            " JOIN cascade_node p ON p.cascade_id = e.cascade_id AND p.number = e.source"
            " LEFT JOIN exchange_account a ON a.id = n.account_id"
            " LEFT JOIN exchange_account b ON b.id = p.account_id"
            " LEFT JOIN exchange_contract k ON k.id = n.contract_id"
            " LEFT JOIN exchange_contract m ON m.id = n.moving_id"
            " WHERE e.cascade_id = %s AND (e.target, e.source) > (%s, %s)"
            " ORDER BY e.target, e.source LIMIT %s",
            [row.pk, *last, EDGES_AT_ONCE],
        )
        yield from found
        if len(found) < EDGES_AT_ONCE:
            return
        last = (found[-1][0], found[-1][1])


def _fetch(statement: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
