"""A plan's way to approval: computed, proposed, and the ways it can end before it is executed.

Computing one is `remedies`, executing is `executions`; their verbs are named here too, so
that a reader finds all of a plan's verbs on one noun.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from backoffice.models import Person, Plan, Role
from backoffice.services import approvals, audit, lifecycle, recusals
from backoffice.services.executions import execute, reconcile, request_execution, sweep
from backoffice.services.people import require
from backoffice.services.refusals import NotAllowed, Refused, Stale
from backoffice.services.remedies import compute_remedy
from exchange.services import batches

__all__ = [
    "compute_remedy",
    "execute",
    "expire_due",
    "propose",
    "reconcile",
    "request_execution",
    "supersede",
    "sweep",
    "withdraw",
]

MAY_MAKE = (Role.Name.ANALYST, Role.Name.FINANCE)
HOURS_DEFAULT = 4
HOURS_MAX = 48
EXPIRE_MAX = 100
OFFICERS_MIN = 2


def propose(*, plan: Plan, by: Person, hours: int = HOURS_DEFAULT) -> Plan:
    """Put a computed plan before the officers, for `hours`; its content was frozen when computed.

    Only its maker proposes it. Raises NotAllowed, also when they are recused by now, Stale, Refused
    for a time outside 1 to 48 hours, or when fewer than two officers could ever decide on it.
    """
    require(by, *MAY_MAKE)
    if plan.maker_id != by.pk:
        raise NotAllowed("A plan is proposed by the person who made it.")
    if not 1 <= hours <= HOURS_MAX:
        raise Refused(f"Officers get between 1 and {HOURS_MAX} hours to decide.")
    recusals.require_free(by, plan.incident)
    if approvals.eligible_officers(plan) < OFFICERS_MIN:
        raise Refused("Fewer than two officers could decide on it, whatever their roles.")
    now = timezone.now()
    with transaction.atomic(durable=True):
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
    return _end(plan, Plan.State.WITHDRAWN, by=by, reason=reason)


def supersede(*, plan: Plan, by: Person, reason: str) -> Plan:
    """End a plan because another takes its place."""
    require(by, *MAY_MAKE)
    return _end(plan, Plan.State.SUPERSEDED, by=by, reason=reason)


def expire_due() -> int:
    """End the plans whose time is over; returns how many, at most 100. The expiry itself is
    computed wherever it matters, so nothing depends on this having run."""
    due = Plan.objects.filter(
        state__in=[Plan.State.PROPOSED, Plan.State.APPROVED], expires_at__lte=timezone.now()
    ).order_by("expires_at")[:EXPIRE_MAX]
    ended = 0
    for plan in due:
        try:
            _end(plan, Plan.State.EXPIRED, by=None, reason="Its time was over.")
            ended += 1
        except Stale:
            continue
    return ended


def _end(plan: Plan, state: str, *, by: Person | None, reason: str) -> Plan:
    with transaction.atomic(durable=True):
        lifecycle.step(plan, state, reason=reason.strip()[:300])
        if plan.batch is not None:
            batches.discard(plan.batch)
        audit.record(
            by=by, action=f"plan.{state}", subject=f"plan:{plan.pk}", data={"reason": reason[:300]}
        )
    return plan
