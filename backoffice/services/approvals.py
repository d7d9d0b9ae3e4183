"""Decisions on a plan by people who did not make it.

The rules are in the database (`migrations/sql/0002_approvals.sql`) and asked here first, so that a
refusal comes with words. The decision, the spent code, the plan's step and the audit event are one
transaction.
"""

from typing import Any, Protocol

from django.db import connection, transaction
from django.utils import timezone

from backoffice.models import Approval, Person, Plan, Role
from backoffice.services import audit, canonical, lifecycle
from backoffice.services.refusals import Moved, NotAllowed, Refused, Stale

DECISIONS = frozenset(Approval.Decision.values)


class Proof(Protocol):
    """Something fresh that proves who decides, and is good for this decision only.

    `method` is one of `Approval.Method`. `approval_proof` in the database checks the evidence
    again.
    """

    @property
    def method(self) -> str: ...

    def spend(self, plan: Plan, officer: Person, role: str, decision: str) -> dict[str, Any]:
        """Use it up in the caller's transaction; returns the evidence to keep.

        Raises WrongCode, or another refusal, when it proves nothing.
        """
        ...


def decide(
    *,
    plan: Plan,
    by: Person,
    decision: str,
    proof: Proof,
    reason: str = "",
    role: str | None = None,
) -> Approval:
    """Approve or reject the plan as `by` saw it: `plan.digest` must still be the stored one.

    `role` is the one of their roles that `by` decides in; by default risk officer.
    The approval that completes the quorum approves the plan; one rejection rejects it. Raises
    NotAllowed, WrongCode, Moved, Stale or Refused, and then nothing has changed.
    """
    if decision not in DECISIONS:
        raise Refused("A decision is to approve or to reject.")
    if decision == Approval.Decision.REJECT and not reason.strip():
        raise Refused("Say why you reject it: the maker and the auditors will read it.")
    role = role or Role.Name.RISK
    with transaction.atomic(durable=True):
        stored = Plan.objects.select_for_update().get(pk=plan.pk)
        _check(stored, seen_digest=plan.digest, by=by)
        approval = Approval.objects.create(
            plan=stored,
            officer=by,
            role=role,
            decision=decision,
            reason=reason.strip(),
            digest=stored.digest,
            method=proof.method,
            evidence={**proof.spend(stored, by, role, decision), "seal": seal(stored)},
        )
        _advance(stored, decision, reason)
        audit.record(
            by=by,
            action=f"plan.{decision}",
            subject=f"plan:{stored.pk}",
            data={"digest": stored.digest, "state": stored.state},
        )
    plan.refresh_from_db()
    return approval


def ineligible(*, plan: Plan, by: Person) -> str | None:
    """Why `by` may not decide on the plan, in words; None when they may. One statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT plan_ineligible(%s, %s, %s)", [plan.pk, by.pk, Role.Name.RISK])
        return cursor.fetchone()[0]


def valid_approvals(plan: Plan) -> int:
    """How many distinct officers who may decide approved this digest. One statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT plan_valid_approvals(%s)", [plan.pk])
        return cursor.fetchone()[0]


def blocked(plan: Plan) -> str | None:
    """Why the plan may not be approved or executed now; None when it may. One statement."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT plan_blocked(%s)", [plan.pk])
        return cursor.fetchone()[0]


def seal(plan: Plan) -> str:
    """The hash of the digests its staged rows were sealed with; `batch_seal` is its twin."""
    batch = plan.batch
    return canonical.digest([batch.cash_digest, batch.position_digest, batch.precondition_digest])


def _check(stored: Plan, *, seen_digest: str, by: Person) -> None:
    if stored.state != Plan.State.PROPOSED:
        raise Stale(f"This plan is {stored.state}; only a proposed plan is decided on.")
    if stored.digest != seen_digest:
        raise Moved("The plan you looked at is not the plan that is here. Look again.")
    if stored.expires_at is None or stored.expires_at <= timezone.now():
        raise Refused("The time to decide on this plan is over.")
    if why := ineligible(plan=stored, by=by):
        raise NotAllowed(f"You cannot decide on this plan: {why}.")
    if Approval.objects.filter(plan=stored, officer=by).exists():
        raise NotAllowed("You have decided on this plan already.")


def _advance(stored: Plan, decision: str, reason: str) -> None:
    if decision == Approval.Decision.REJECT:
        lifecycle.step(stored, Plan.State.REJECTED, reason=reason.strip()[:300])
    elif valid_approvals(stored) >= stored.quorum:
        lifecycle.step(stored, Plan.State.APPROVED)
