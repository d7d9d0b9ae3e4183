"""Reading broken glasses: of a plan, of an incident for the public, and those nobody reviewed."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, QuerySet

from backoffice.models import BreakGlass, Incident, Plan

OPEN, LAPSED, REVIEWED = "glass_open", "glass_lapsed", "reviewed"
UNREVIEWED, OVERDUE = "unreviewed", "review_overdue"


class Glass(NamedTuple):
    """A break-glass and where it stands at an instant."""

    row: BreakGlass
    state: str


def of_plan(plan: Plan, now: datetime) -> list[Glass]:
    """All of a plan, the newest first; one statement."""
    return _told(_rows().filter(plan=plan).order_by("-pk"), now)


def of_incident(incident: Incident, now: datetime) -> list[Glass]:
    """Those of an incident that were seconded, which the public is told of; one statement."""
    rows = _rows().filter(plan__incident=incident, second__isnull=False)
    return _told(rows.order_by("-pk"), now)


def unfinished(now: datetime) -> list[Glass]:
    """Those that wait for a second or for their review, the oldest first; one statement."""
    waits = Q(second__isnull=False, review__isnull=True)
    rows = _rows().filter(waits | Q(second__isnull=True)).order_by("pk")
    return [glass for glass in _told(rows, now) if glass.state != LAPSED]


def _rows() -> QuerySet[BreakGlass]:
    return BreakGlass.objects.select_related(
        "plan__incident__venue", "officer", "second__officer", "review__officer"
    )


def _told(rows: QuerySet[BreakGlass], now: datetime) -> list[Glass]:
    return [Glass(row, _state(row, now)) for row in rows]


def _state(row: BreakGlass, now: datetime) -> str:
    if not hasattr(row, "second"):
        return OPEN if row.lapses_at > now else LAPSED
    if hasattr(row, "review"):
        return REVIEWED
    return UNREVIEWED if row.second.review_due_at > now else OVERDUE
