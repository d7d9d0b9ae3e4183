"""Reading incidents: the list, the page's parts, the gates. One function, one statement."""

from django.db.models import BooleanField, ExpressionWrapper, F, Prefetch, Q, QuerySet
from django.utils import timezone

from backoffice.models import Gate, GateProlongation, Incident, Plan, TimelineEntry
from exchange.queries import keyset
from exchange.queries.keyset import Page


def timeline(incident: Incident) -> QuerySet[TimelineEntry]:
    """The lines of the timeline in the order of what happened."""
    return incident.timeline.select_related("author").order_by("at", "id")


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
