"""The audit chain: what was done, by whom, in the transaction that did it.

An event without its deed, or a deed without its event, cannot be committed. The head row is locked
for the rest of the transaction, so `record` comes last in a verb. No personal data: people are ids,
everything else is a reference.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from backoffice.models import AuditEvent, AuditHead, Person
from backoffice.services import canonical

GENESIS = "0" * 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Report:
    """What a check of the whole chain found. `broken` is the first number that does not hold."""

    events: int
    ok: bool
    broken: int | None
    reason: str


def event_hash(
    *,
    number: int,
    at: datetime,
    actor: int | None,
    action: str,
    subject: str,
    data: dict[str, object],
    previous: str,
) -> str:
    """The hash of one event; `audit_hash` in the database computes the same."""
    microseconds = (at - _EPOCH) // timedelta(microseconds=1)
    return canonical.digest([number, microseconds, actor, action, subject, data, previous])


def record(
    *, by: Person | None, action: str, subject: str, data: dict[str, object] | None = None
) -> AuditEvent:
    """Append one event in the caller's transaction; two statements. `by` None: the desk itself."""
    assert connection.in_atomic_block, "an audit event commits with what it records"
    head = AuditHead.objects.select_for_update().get(pk=1)
    event = AuditEvent(
        number=head.number + 1,
        at=timezone.now(),
        actor=by,
        action=action,
        subject=subject,
        data=data or {},
        previous=head.hash,
    )
    event.hash = event_hash(
        number=event.number,
        at=event.at,
        actor=by.pk if by else None,
        action=action,
        subject=subject,
        data=event.data,
        previous=event.previous,
    )
    event.save(force_insert=True)
    return event


def verify() -> Report:
    """Recompute every hash from the first event on, in Python, and compare with the head row.

    One statement, streamed, in one snapshot; the database computes hashes of its own when events
    are written, so this is a second opinion and not an echo.
    """
    with transaction.atomic():
        previous, number = GENESIS, 0
        for event in _events():
            number += 1
            if event.number != number:
                return Report(number - 1, ok=False, broken=number, reason="a number is missing")
            if event.previous != previous:
                return Report(number - 1, ok=False, broken=number, reason="the link is broken")
            if _recomputed(event) != event.hash:
                return Report(number - 1, ok=False, broken=number, reason="the content changed")
            previous = event.hash
        head = AuditHead.objects.get(pk=1)
    if (head.number, head.hash) != (number, previous):
        return Report(number, ok=False, broken=head.number, reason="events are missing at the end")
    return Report(number, ok=True, broken=None, reason="")


def _events() -> Iterator[AuditEvent]:
    return AuditEvent.objects.order_by("number").iterator(chunk_size=2000)


def _recomputed(event: AuditEvent) -> str:
    return event_hash(
        number=event.number,
        at=event.at,
        actor=event.actor_id,
        action=event.action,
        subject=event.subject,
        data=event.data,
        previous=event.previous,
    )
