"""A plan's way to approval: computed, proposed, and the ways it can end before it is executed.

Computing one is `remedies`, executing is `executions`; their verbs are named here too, so
that a reader finds all of a plan's verbs on one noun.
"""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from backoffice.models import Person, Plan, Role
from backoffice.services import approvals, audit, lifecycle, recusals, staleness
from backoffice.services.endings import end
from backoffice.services.executions import execute, reconcile, request_execution, sweep
from backoffice.services.people import require
from backoffice.services.refusals import NotAllowed, Refused, Stale
from backoffice.services.remedies import compute_remedy

__all__ = [
    "compute_remedy",
    "execute",
    "expire_due",
    "propose",
    "reconcile",
    "request_execution",
    "rival",
    "sweep",
    "withdraw",
]

MAY_MAKE = (Role.Name.ANALYST, Role.Name.FINANCE)
HOURS_DEFAULT = 4
HOURS_MAX = 48
EXPIRE_MAX = 100
OFFICERS_MIN = 2
ONE_REMEDY = "plan_one_remedy_at_a_time"


def propose(
    *, plan: Plan, by: Person, hours: int = HOURS_DEFAULT, supersedes: int | None = None
) -> Plan:
    """Put a computed plan before the officers, for `hours`; its content was frozen when computed.

    Only its maker proposes it. One remedy of an incident is before the officers at a time: where
    another is, `supersedes` names it and it ends with this step. Raises NotAllowed, also when they
    are recused by now, Stale, Moved when what it was computed from moved, Refused for a time
    outside 1 to 48 hours, when fewer than two officers could ever decide on it, and for a plan in
    the way that is not named or is being executed.
    """
    require(by, *MAY_MAKE, at=plan.incident.venue)
    if plan.maker_id != by.pk:
        raise NotAllowed("A plan is proposed by the person who made it.")
    if not 1 <= hours <= HOURS_MAX:
        raise Refused(f"Officers get between 1 and {HOURS_MAX} hours to decide.")
    recusals.require_free(by, plan.incident)
    if approvals.eligible_officers(plan) < OFFICERS_MIN:
        raise Refused("Fewer than two officers could decide on it, whatever their roles.")
    staleness.require_fresh(plan)
    try:
        return _propose(plan, by=by, hours=hours, supersedes=supersedes)
    except IntegrityError as error:
        if ONE_REMEDY not in str(error):
            raise
        raise Stale("Another plan of this incident was proposed at the same moment.") from error


def _propose(plan: Plan, *, by: Person, hours: int, supersedes: int | None) -> Plan:
    now = timezone.now()
    with transaction.atomic(durable=True):
        if (other := rival(plan)) is not None:
            _supersede(other, plan=plan, named=supersedes, by=by)
        lifecycle.step(
            plan, Plan.State.PROPOSED, proposed_at=now, expires_at=now + timedelta(hours=hours)
        )
        audit.record(
            by=by,
            action="plan.proposed",
            subject=f"plan:{plan.pk}",
            data={"digest": plan.digest, "hours": hours},
        )
    return plan


def withdraw(*, plan: Plan, by: Person, reason: str) -> Plan:
    """Take a plan back before it is executed; its staged legs are dropped."""
    require(by, *MAY_MAKE)
    if plan.maker_id != by.pk:
        raise NotAllowed("A plan is withdrawn by the person who made it.")
    if not reason.strip():
        raise Refused("Say why you take it back.")
    with transaction.atomic(durable=True):
        return end(plan, Plan.State.WITHDRAWN, by=by, reason=reason)


def expire_due() -> int:
    """End the plans whose time is over; returns how many, at most 100. The expiry itself is
    computed wherever it matters, so nothing depends on this having run."""
    due = Plan.objects.filter(
        state__in=[Plan.State.PROPOSED, Plan.State.APPROVED], expires_at__lte=timezone.now()
    ).order_by("expires_at")[:EXPIRE_MAX]
    ended = 0
    for plan in due:
        try:
            with transaction.atomic(durable=True):
                end(plan, Plan.State.EXPIRED, by=None, reason="Its time was over.")
            ended += 1
        except Stale:
            continue
    return ended


def rival(plan: Plan) -> Plan | None:
    """The remedy of the same incident that is before the officers or approved, which proposing
    this one would supersede; one statement. Goodwill is paid beside a remedy and has no rival."""
    if plan.remedy == Plan.Remedy.GOODWILL:
        return None
    return (
        Plan.objects.filter(
            incident=plan.incident_id, state__in=[Plan.State.PROPOSED, Plan.State.APPROVED]
        )
        .exclude(remedy=Plan.Remedy.GOODWILL)
        .exclude(pk=plan.pk)
        .select_related("batch")
        .first()
    )


def _supersede(other: Plan, *, plan: Plan, named: int | None, by: Person) -> None:
    if named != other.pk:
        raise Refused(
            f"Plan {other.pk} is {other.state}; proposing this one supersedes it. Say that you"
            " mean it."
        )
    execution = getattr(other, "execution", None)
    if execution is not None and execution.under_way:
        raise Refused(f"Plan {other.pk} is being executed; wait for its end.")
    end(other, Plan.State.SUPERSEDED, by=by, reason=f"Plan {plan.pk} took its place.")
