"""Reading endpoints and their deliveries."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from backoffice.models import Delivery, Endpoint
from exchange.queries import keyset
from exchange.queries.keyset import Page

QUEUED, DELIVERED, FAILED = Delivery.State.values


def endpoints() -> QuerySet[Endpoint]:
    """Every endpoint with how its deliveries stand, those in use first; one statement."""
    return (
        Endpoint.objects.select_related("venue", "created_by", "retired_by")
        .annotate(
            queued=Count("deliveries", filter=Q(deliveries__state=QUEUED)),
            delivered=Count("deliveries", filter=Q(deliveries__state=DELIVERED)),
            failed=Count("deliveries", filter=Q(deliveries__state=FAILED)),
            oldest=Min("deliveries__event__at", filter=Q(deliveries__state=QUEUED)),
            last_delivered=Max("deliveries__delivered_at"),
        )
        .order_by("-retired_at", "venue", "name")
    )


def deliveries(endpoint: Endpoint, *, state: str = "", after: str = "") -> Page[Delivery]:
    """A page of an endpoint's deliveries, the newest event first; one statement."""
    (last,) = keyset.numbers(after, 1) or [2**62]
    rows = endpoint.deliveries.filter(event_id__lt=last).select_related("event__plan")
    if state:
        rows = rows.filter(state=state)
    found = list(rows.order_by("-event_id")[: keyset.LIMIT + 1])
    more = len(found) > keyset.LIMIT
    return Page(found[: keyset.LIMIT], str(found[keyset.LIMIT - 1].event_id) if more else "")


class Waiting(NamedTuple):
    """Deliveries that no endpoint has taken yet, and since when the oldest waits; those given up
    on."""

    queued: int
    oldest: datetime | None
    failed: int


def waiting() -> Waiting:
    """How all webhooks stand; one statement."""
    return Waiting(
        **Delivery.objects.aggregate(
            queued=Count("pk", filter=Q(state=QUEUED)),
            oldest=Min("event__at", filter=Q(state=QUEUED)),
            failed=Count("pk", filter=Q(state=FAILED)),
        )
    )


def seconds_waiting(found: Waiting) -> float:
    """Age of the oldest delivery that waits; 0 when none does."""
    return (timezone.now() - found.oldest).total_seconds() if found.oldest else 0.0
