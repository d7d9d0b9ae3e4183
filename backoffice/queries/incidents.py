"""Reading incidents: the list, the page's parts, the gates. One function, one statement."""

from datetime import datetime
from typing import Any

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Prefetch, Q, QuerySet
from django.utils import timezone

from backoffice.models import Gate, GateProlongation, Incident, Plan, TimelineEntry
from exchange.queries import keyset
from exchange.queries.keyset import Page


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
    """All gates of the incident with whether they ran out (`expired`) and their prolongations,
    closed ones first; two statements."""
    ran_out = Q(lifted_at__isnull=True, expires_at__lte=timezone.now())
    return (
        incident.gates.select_related("contract", "owner", "lifted_by")
        .prefetch_related(
            Prefetch(
                "prolongations",
                GateProlongation.objects.select_related("officer").order_by("-decided_at"),
            )
        )
        .annotate(expired=ExpressionWrapper(ran_out, BooleanField()))
        .order_by(F("lifted_at").desc(nulls_first=True), "-closed_at")
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


def page(*, status: str = "", words: str = "", after: str = "") -> Page[Incident]:
    """Incidents newest first, of a status, with words in the title; one statement."""
    rows = Incident.objects.select_related("venue", "contract", "commander")
    if status:
        rows = rows.filter(status=status)
    if words:
        rows = rows.filter(title__icontains=words)
    if below := keyset.numbers(after, 1):
        rows = rows.filter(pk__lt=below[0])
    found = list(rows.order_by("-pk")[: keyset.LIMIT + 1])
    more = len(found) > keyset.LIMIT
    return Page(found[: keyset.LIMIT], str(found[keyset.LIMIT - 1].pk) if more else "")


def gates_closed(incidents: list[int]) -> dict[int, set[tuple[str, int | None]]]:
    """(kind, contract or None for all) of the gates closed now, by incident; one statement."""
    rows = Gate.objects.filter(
        incident__in=incidents, lifted_at__isnull=True, expires_at__gt=timezone.now()
    ).values_list("incident_id", "kind", "contract_id")
    found: dict[int, set[tuple[str, int | None]]] = {pk: set() for pk in incidents}
    for incident, kind, contract in rows:
        found[incident].add((kind, contract))
    return found


def plan_states(incidents: list[int]) -> dict[int, tuple[int, str]]:
    """(id, state) of the newest plan of each incident that has one; one statement."""
    rows = (
        Plan.objects.filter(incident__in=incidents)
        .order_by("incident_id", "-pk")
        .distinct("incident_id")
        .values_list("incident_id", "pk", "state")
    )
    return {incident: (pk, state) for incident, pk, state in rows}
