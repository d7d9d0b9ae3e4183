"""Sending events to their endpoints: at least once, in order, until a day has passed.

Each endpoint has at most one live sender, held by an advisory lock that dies with it. The sender
takes the oldest queued delivery and never a later one before it: an engine that learnt of a lifted
gate before the closed one would stand wrong for ever, so a later event waits. (Skipping locked rows
would let a second sender overtake; that is why the lock is on the endpoint.) What waits too long is
given up on after 24 hours, or by a person who retires the endpoint, and then the next one goes.

An attempt is committed before the request leaves and its outcome after. A sender that dies between
leaves the delivery queued, and the next one sends the same event with the same id: the receiver
knows it by that id.
"""

import hashlib
import time
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from backoffice import outgoing
from backoffice.models import Delivery
from backoffice.services import audit, canonical, lifecycle, locks, nudges, webhooks
from backoffice.services.refusals import Stale
from exchange.faults import reach

TIMEOUT_SECONDS = 5
FIRST_DELAY_MS = 5_000
DELAY_MAX_MS = 3_600_000
TASK_MAX = 100
TASK_SECONDS = 20
SWEEP_MAX = 20

CLAIM = """
    UPDATE webhook_delivery SET attempts = attempts + 1, tried_at = %(now)s
    WHERE due_at <= %(now)s AND id = (
        SELECT id FROM webhook_delivery WHERE endpoint_id = %(endpoint)s AND state = 'queued'
        ORDER BY event_id LIMIT 1)
    RETURNING id
"""
DUE = """
    SELECT e.id FROM webhook_endpoint e
    CROSS JOIN LATERAL (
        SELECT due_at FROM webhook_delivery d WHERE d.endpoint_id = e.id AND d.state = 'queued'
        ORDER BY d.event_id LIMIT 1) head
    WHERE e.retired_at IS NULL AND head.due_at <= %(now)s AND e.id = coalesce(%(endpoint)s, e.id)
    ORDER BY head.due_at LIMIT %(limit)s
"""


def deliver(*, endpoint_id: int) -> int:
    """Send what is due of an endpoint, in order; returns how many attempts were made.

    After 100 of them or 20 seconds the rest is left to another task, so that a slow receiver does
    not keep a worker from executing plans. Does nothing while another sender is at it. What goes
    wrong out there is written on the delivery and never raised.
    """
    attempts, until = 0, time.monotonic() + TASK_SECONDS
    with locks.held(locks.WEBHOOKS, endpoint_id) as mine:
        if not mine:
            return 0
        while claimed := _claim(endpoint_id):
            reach("webhook.claimed")
            _attempt(claimed)
            attempts += 1
            if attempts == TASK_MAX or time.monotonic() >= until:
                break
    # Also what was queued while the lock was ours and its own nudge found it taken.
    if _due(1, endpoint_id):
        nudges.now(nudges.DELIVER_WEBHOOKS, endpoint_id)
    return attempts


def sweep() -> int:
    """Nudge the endpoints that have something due and no sender; returns how many, at most 20."""
    return nudges.where_idle(nudges.DELIVER_WEBHOOKS, locks.WEBHOOKS, _due(SWEEP_MAX))


def wait_after(delivery_id: int, attempts: int) -> timedelta:
    """How long to wait after this many attempts: 5 seconds doubled each time up to an hour, less
    up to a half of it. The part taken off follows from the delivery, so that many do not come back
    at one instant and a repetition of the sum gives the same."""
    whole = min(FIRST_DELAY_MS << min(attempts - 1, 20), DELAY_MAX_MS)
    drawn = hashlib.sha256(f"{delivery_id}.{attempts}".encode()).digest()
    return timedelta(milliseconds=whole - whole * int.from_bytes(drawn[:2]) // 2**17)


def _claim(endpoint_id: int) -> Delivery | None:
    """The oldest queued delivery, one attempt on, if it is due; committed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CLAIM, {"endpoint": endpoint_id, "now": timezone.now()})
        found = cursor.fetchone()
    if found is None:
        return None
    return Delivery.objects.select_related("endpoint", "event").get(pk=found[0])


def _attempt(delivery: Delivery) -> None:
    event, body = delivery.event, canonical.text(delivery.event.payload).encode()
    now = timezone.now()
    answer = outgoing.post(
        delivery.endpoint.url,
        body,
        {
            "Content-Type": "application/json",
            "User-Agent": "Makewhole/1",
            "Makewhole-Event": event.kind,
            "Makewhole-Event-Id": str(event.key),
            "Makewhole-Attempt": str(delivery.attempts),
            "Makewhole-Signature": webhooks.signature(delivery.endpoint, body, now),
        },
        seconds=TIMEOUT_SECONDS,
    )
    reach("webhook.answered")
    try:
        with transaction.atomic():
            _record(delivery, answer, timezone.now())
    except Stale:
        return  # retired meanwhile: what a person decided stands
    reach("webhook.recorded")


def _record(delivery: Delivery, answer: outgoing.Answer, now: datetime) -> None:
    said = {"status": answer.status, "answer": answer.text[:300]}
    if answer.status is not None and 200 <= answer.status < 300:
        lifecycle.step(delivery, Delivery.State.DELIVERED, delivered_at=now, **said)
    elif now >= delivery.give_up_at:
        lifecycle.step(delivery, Delivery.State.FAILED, **said)
        audit.record(
            by=None,
            action="webhook.failed",
            subject=f"webhook:{delivery.endpoint_id}",
            data={"event": str(delivery.event.key), "attempts": delivery.attempts},
        )
    else:
        # The last attempt is at the hour itself, so that none is made less patient than promised.
        due = min(now + wait_after(delivery.pk, delivery.attempts), delivery.give_up_at)
        lifecycle.step(delivery, Delivery.State.QUEUED, due_at=due, **said)


def _due(limit: int, endpoint_id: int | None = None) -> list[int]:
    """Endpoints whose oldest queued delivery may be tried now; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"now": timezone.now(), "limit": limit, "endpoint": endpoint_id})
        return [row[0] for row in cursor.fetchall()]
