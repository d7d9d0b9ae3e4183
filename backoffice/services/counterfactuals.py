"""The cascade of an incident and what might not have happened: traced by a worker, kept as rows.

The `Cascade` row is the truth: it is there and without a time while it is asked for, and gets its
time in the transaction that leaves its nodes and edges, so a worker killed on the way leaves
neither. Tracing again is harmless: the same facts give the same rows. A comparison of remedies
traces it too, from the facts it has frozen already.
"""

import numpy as np
from django.db import transaction
from django.utils import timezone

from backoffice.models import Cascade, CascadeEdge, CascadeNode, Incident, Person
from backoffice.services import audit, ledger_places, locks, nudges, remedies
from backoffice.services.people import require
from backoffice.services.remedies import MAY_COMPUTE, REFUSALS
from backoffice.services.timeline import moment
from exchange.domain import cascade, counterfactual
from exchange.services import cascades
from exchange.services.copying import copy_columns, copy_rows
from exchange.services.incident_facts import FLAG_RULE

SWEEP_MAX = 20
NODE_COLUMNS = (
    "cascade_id", "number", "kind", "account_id", "contract_id", "moving_id", "recorded_at",
    "crossed_at", "quantity", "before_ticks", "at_ticks", "moved_ticks", "sold_first", "sold_last",
    "cause", "generation", "caused", "touched", "below", "share_ppm", "avoided",
)  # fmt: skip


def request(*, incident: Incident, by: Person) -> Cascade:
    """Ask for the cascade, again if need be, and nudge a worker. Raises NotAllowed.

    What was traced before stays readable until the new rows are there.
    """
    require(by, *MAY_COMPUTE)
    with transaction.atomic(durable=True):
        row, _ = Cascade.objects.get_or_create(incident=incident)
        if row.refusal:
            Cascade.objects.filter(pk=row.pk).update(refusal="")
        audit.record(by=by, action="cascade.requested", subject=f"incident:{incident.pk}")
        nudges.after_commit(nudges.TRACE_CASCADE, incident.pk)
    return row


def run(*, incident_id: int) -> None:
    """Trace the cascade of an incident, unless another worker is at it.

    A refusal is written on the row and never raised.
    """
    with locks.held(locks.CASCADE, incident_id) as mine:
        if mine:
            rows = Incident.objects.select_related("venue", "tape", "contract")
            incident = rows.get(pk=incident_id)
            try:
                compute(incident=incident)
            except REFUSALS as error:
                Cascade.objects.filter(incident=incident).update(refusal=f"{error}"[:400])


def sweep() -> int:
    """Nudge again what was asked for and no worker is at; returns how many, at most 20."""
    waiting = Cascade.objects.filter(computed_at__isnull=True, refusal="")
    ids = waiting.values_list("incident_id", flat=True)[:SWEEP_MAX]
    return nudges.where_idle(nudges.TRACE_CASCADE, locks.CASCADE, ids)


def compute(*, incident: Incident, past: remedies.Past | None = None) -> Cascade:
    """Trace the cascade of an incident and keep it, with its summary; returns the row.

    `past` are facts frozen already, else the tape is loaded: seconds for millions of fills, outside
    any transaction. Nine statements. Raises one of `remedies.REFUSALS`.
    """
    past = past or remedies.freeze(incident, incident.effective_cutoff, lambda *told: None)
    traced = cascades.trace(past.tape, past.facts, incident.contract.tape_index)
    with transaction.atomic():
        row, _ = Cascade.objects.get_or_create(incident=incident)
        row = Cascade.objects.select_for_update().get(pk=row.pk)
        CascadeNode.objects.filter(cascade=row).delete()
        CascadeEdge.objects.filter(cascade=row).delete()
        known = ledger_places.numbers(incident.venue, past.tape.assets.code)
        copy_rows(CascadeNode._meta.db_table, NODE_COLUMNS, _node_rows(row, traced, known))
        _copy_edges(row, traced)
        row.computed_at, row.refusal = timezone.now(), ""
        row.tape_digest, row.rule = past.tape.digest, FLAG_RULE
        row.summary = traced.summary
        row.save()
    return row


def _node_rows(
    row: Cascade, traced: cascades.Traced, known: ledger_places.Numbers
) -> list[tuple[object, ...]]:
    """Rows of the table, in the order of the graph's nodes."""
    scene, nodes = traced.scene, traced.graph.nodes
    closes, bits = scene.closes, _avoided(traced)
    account, contract = known.account.tolist(), known.contract.tolist()
    columns = [column.tolist() for column in nodes]
    rows: list[tuple[object, ...]] = []
    for number, values in enumerate(zip(*columns, strict=True)):
        node = cascade.Nodes(*values)
        close = node.kind == cascade.CLOSE
        rows.append((
            row.pk, number, cascade.KINDS[node.kind],
            None if node.account < 0 else account[node.account],
            None if node.contract < 0 else contract[node.contract],
            None if node.moving < 0 else contract[node.moving],
            moment(closes.time[number]) if close else None,
            moment(scene.times[node.second]) if node.second >= 0 else None,
            int(closes.quantity[number]) if close else 0, node.before, node.at, node.moved,
            moment(node.sold_first) if node.sold_first else None,
            moment(node.sold_last) if node.sold_last else None,
            None if node.cause < 0 else node.cause, node.generation, node.caused, node.touched,
            node.cluster, node.share_ppm, bits[number] if close else 0,
        ))  # fmt: skip
    return rows


def _avoided(traced: cascades.Traced) -> list[int]:
    """A bit for each assumption under which a close would not have happened."""
    avoided = traced.estimate.avoided.astype(np.int64)
    bits = (
        avoided[counterfactual.CAPPED] * CascadeNode.Avoided.CAPPED
        + avoided[counterfactual.SCALED] * CascadeNode.Avoided.SCALED
        + avoided[counterfactual.REMOVED] * CascadeNode.Avoided.REMOVED
    )
    found: list[int] = bits.tolist()
    return found


def _copy_edges(row: Cascade, traced: cascades.Traced) -> None:
    edges = traced.graph.edges
    copy_columns(
        CascadeEdge._meta.db_table,
        [
            ("cascade_id", np.full(edges.source.size, row.pk, np.int64)),
            ("source", edges.source.astype(np.int32)),
            ("target", edges.target.astype(np.int32)),
            ("ticks", edges.ticks),
        ],
    )
