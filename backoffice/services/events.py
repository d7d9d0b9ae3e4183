"""Telling other systems, in the transaction of what they are told.

An event, and a delivery for every endpoint that asked for its kind, commit with the deed or not at
all. Events of a venue are numbered under a lock that is held until the commit, after all other
locks and before the audit head: the order of the numbers is the order of the commits.
"""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from backoffice import cursors
from backoffice.models import Event, Gate, Incident, Plan
from backoffice.services import nudges

GIVE_UP_HOURS = 24
ADJUSTING = (Event.Kind.PLAN_EXECUTED, Event.Kind.PLAN_UNDONE)
DELIVERIES = """
    INSERT INTO webhook_delivery
        (endpoint_id, event_id, state, attempts, due_at, give_up_at, answer)
    SELECT id, %(event)s, 'queued', 0, %(now)s, %(give_up)s, ''
    FROM webhook_endpoint
    WHERE venue_id = %(venue)s AND retired_at IS NULL AND %(kind)s = ANY (kinds)
    ORDER BY id
    RETURNING endpoint_id
"""


def plan_executed(plan: Plan) -> Event:
    """A plan has been posted; one that reverses another has undone it."""
    undone = _undone(plan)
    kind = Event.Kind.PLAN_EXECUTED if undone is None else Event.Kind.PLAN_UNDONE
    event = _write(
        kind,
        plan.incident,
        _of_plan(plan) | ({"undoes": undone.plan.digest} if undone and undone.plan else {}),
        plan=plan,
        source=plan if undone is None else undone.source,
        reversed=undone is not None,
        refers=undone,
    )
    nudges.after_commit(nudges.PREPARE_FEED, event.pk)
    return event


def plan_reconciled(plan: Plan) -> Event:
    """The books were rebuilt from their entries after a plan, and every one agreed."""
    executed = Event.objects.filter(plan=plan, kind__in=ADJUSTING).first()
    extra = {"executed": str(executed.key)} if executed else {}
    return _write(Event.Kind.PLAN_RECONCILED, plan.incident, _of_plan(plan) | extra, plan=plan)


def gate_closed(gate: Gate) -> Event:
    """Trading or withdrawals stop, or do for longer than was said before. The gate opens by itself
    when its time is over: no event."""
    return _write(Event.Kind.GATE_CLOSED, gate.incident, _of_gate(gate), gate=gate)


def gate_lifted(gate: Gate) -> Event:
    """A person opened a gate again."""
    return _write(Event.Kind.GATE_LIFTED, gate.incident, _of_gate(gate), gate=gate)


def _write(
    kind: Event.Kind, incident: Incident, about: dict[str, object], **links: object
) -> Event:
    assert connection.in_atomic_block, "an event commits with what it tells of"
    venue, now = incident.venue, timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT event_lock(%s)", [venue.pk])
    last = Event.objects.filter(venue=venue).aggregate(last=Max("number"))["last"] or 0
    event = Event(
        venue=venue, number=last + 1, kind=kind, at=now, incident=incident, **links
    )  # fmt: skip
    event.payload = {
        "id": str(event.key),
        "type": str(kind),
        "number": event.number,
        "time": now.isoformat(),
        "venue": venue.code,
        "incident": incident.slug,
        # Where the feed stood: read on from here and this event's records are the first to come.
        "cursor": cursors.write(venue.pk, cursors.Place(event.number, 0)),
        **about,
    }
    event.save(force_insert=True)
    _queue(event, now)
    return event


def _queue(event: Event, now: datetime) -> None:
    """A delivery for every endpoint that wants it, one statement; their workers are nudged."""
    with connection.cursor() as cursor:
        cursor.execute(
            DELIVERIES,
            {
                "event": event.pk,
                "venue": event.venue_id,
                "kind": event.kind,
                "now": now,
                "give_up": now + timedelta(hours=GIVE_UP_HOURS),
            },
        )
        endpoints = [row[0] for row in cursor.fetchall()]
    for endpoint in endpoints:
        nudges.after_commit(nudges.DELIVER_WEBHOOKS, endpoint)


def _undone(plan: Plan) -> Event | None:
    """The event of the plan that this one reverses; None when it reverses none."""
    batch = plan.batch
    if batch is None or batch.reverses_id is None:
        return None
    return (
        Event.objects.filter(plan__batch=batch.reverses_id, kind__in=ADJUSTING)
        .select_related("plan", "source")
        .first()
    )


def _of_plan(plan: Plan) -> dict[str, object]:
    legs = plan.manifest.get("legs", {})
    return {
        "plan": {"digest": plan.digest, "remedy": plan.remedy},
        "counts": {
            "accounts": plan.totals.get("accounts", 0),
            "cash_legs": legs.get("cash", 0),
            "position_legs": legs.get("positions", 0),
        },
    }


def _of_gate(gate: Gate) -> dict[str, object]:
    return {
        "gate": {
            "kind": gate.kind,
            "contract": gate.contract.symbol if gate.contract else None,
            "reason": gate.reason,
            "expires_at": gate.expires_at.isoformat(),
            "lifted_at": gate.lifted_at.isoformat() if gate.lifted_at else None,
        }
    }
