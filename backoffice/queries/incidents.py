"""Reading incidents: the list, the page's parts, the gates. One function, one statement."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from backoffice.models import Gate, Incident, TimelineEntry


def open_ones() -> QuerySet[Incident]:
    """Incidents not closed, the worst first and then the newest."""
    return (
        Incident.objects.exclude(status=Incident.Status.CLOSED)
        .select_related("venue", "contract", "commander")
        .order_by("severity", "-opened_at")
    )


def all_ones() -> QuerySet[Incident]:
    """Every incident, newest first, with how many gates it holds closed."""
    now = timezone.now()
    closed = Q(gates__lifted_at__isnull=True, gates__expires_at__gt=now)
    return (
        Incident.objects.select_related("venue", "contract", "commander")
        .annotate(gates_closed=Count("gates", filter=closed))
        .order_by("-opened_at")
    )


def by_slug(slug: str) -> Incident:
    """One incident with what its page names. Raises Incident.DoesNotExist."""
    return Incident.objects.select_related("venue", "tape", "contract__settle", "commander").get(
        slug=slug
    )


def timeline(incident: Incident, *, public_only: bool = False) -> QuerySet[TimelineEntry]:
    """The lines of the timeline in the order of what happened."""
    lines = incident.timeline.select_related("author").order_by("at", "id")
    return lines.filter(public=True) if public_only else lines


def gates(incident: Incident) -> QuerySet[Gate]:
    """All gates of the incident, closed ones first."""
    return incident.gates.select_related("contract", "owner", "lifted_by").order_by(
        "-lifted_at", "-closed_at"
    )


def gate_state(gate: Gate, at: datetime) -> str:
    """`closed`, `expired` or `open`."""
    if gate.lifted_at is not None:
        return "open"
    return "closed" if gate.expires_at > at else "expired"


def counts(incident: Incident) -> dict[str, Any]:
    """How many plans, notices, campaigns and programmes; one statement."""
    return Incident.objects.filter(pk=incident.pk).aggregate(
        plans=Count("plans", distinct=True),
        notices=Count("notices", distinct=True),
        campaigns=Count("campaigns", distinct=True),
        programmes=Count("programmes", distinct=True),
    )
