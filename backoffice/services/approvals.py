"""Decisions on a plan by people who did not make it.

The rules are in the database (`migrations/sql/0002_approvals.sql`) and asked here first, so that a
refusal comes with words. The decision, the spent code, the plan's step and the audit event are one
transaction.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import connection, transaction
from django.utils import timezone

from backoffice.models import Approval, BreakGlassSecond, Person, Plan, Role
from backoffice.services import audit, lifecycle, proven, quorums, staleness
from backoffice.services.proven import Forged
from backoffice.services.refusals import Moved, NotAllowed, Refused, Stale
from exchange.faults import reach

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


@dataclass(frozen=True)
class Standing:
    """How far a plan has come to its quorum: officers by role who count, and who are missing.

    While the glass is broken any officers do, and `missing` has the one key "any".
    """

    given: quorums.Quorum
    missing: quorums.Quorum
    break_glass: int | None

    @property
    def valid(self) -> int:
        """How many people count."""
        return sum(self.given.values())


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

    `role` is the one of their roles that `by` decides in, by default the first that is missing.
    The approval that completes the quorum approves the plan; one rejection rejects it. Raises
    NotAllowed, WrongCode, Moved, Stale or Refused, and then nothing has changed.
    """
    if decision not in DECISIONS:
        raise Refused("A decision is to approve or to reject.")
    if decision == Approval.Decision.REJECT and not reason.strip():
        raise Refused("Say why you reject it: the maker and the auditors will read it.")
    if decision == Approval.Decision.APPROVE:
        staleness.require_fresh(plan)
    with transaction.atomic(durable=True):
        stored = Plan.objects.select_for_update().get(pk=plan.pk)
        reach("approval.locked")
        check_open(stored, seen_digest=plan.digest)
        role = role or default_role(plan=stored, by=by)
        _check(stored, by=by, role=role)
        approval = Approval.objects.create(
            plan=stored,
            officer=by,
            role=role,
            decision=decision,
            reason=reason.strip(),
            digest=stored.digest,
            method=proof.method,
            evidence={**proof.spend(stored, by, role, decision), "seal": proven.seal(stored)},
        )
        reach("approval.written")
        if decision == Approval.Decision.REJECT:
            lifecycle.step(stored, Plan.State.REJECTED, reason=reason.strip()[:300])
        else:
            advance(stored)
        reach("approval.advanced")
        audit.record(
            by=by,
            action=f"plan.{decision}",
            subject=f"plan:{stored.pk}",
            data={"digest": stored.digest, "role": role, "state": stored.state},
        )
        reach("approval.audited")
    reach("approval.committed")
    plan.refresh_from_db()
    return approval


def advance(stored: Plan) -> None:
    """Approve the plan when its quorum is met, in the transaction of what may have met it."""
    if not standing(stored).missing:
        lifecycle.step(stored, Plan.State.APPROVED)


def roles(*, plan: Plan, by: Person) -> list[str]:
    """The roles `by` holds that the plan asks for, first those that are missing. Two statements."""
    now = standing(plan)
    asked = (
        quorums.DECIDING if now.break_glass else [r for r in quorums.DECIDING if r in plan.quorum]
    )
    held = set(Role.objects.filter(person=by).values_list("name", flat=True))
    return sorted(
        (role for role in asked if role in held), key=lambda role: role not in now.missing
    )


def default_role(*, plan: Plan, by: Person) -> str:
    """The role `by` decides in when they do not say. Who holds none that is asked for is measured
    by the first the plan asks for, and refused in its name. Two statements."""
    return next(iter(roles(plan=plan, by=by)), quorums.RISK)


def ineligible(*, plan: Plan, by: Person, role: str | None = None) -> str | None:
    """Why `by` may not decide on the plan, in words; None when they may. At most three statements;
    one when the role is given."""
    role = role or default_role(plan=plan, by=by)
    with connection.cursor() as cursor:
        cursor.execute("SELECT plan_ineligible(%s, %s, %s)", [plan.pk, by.pk, role])
        return cursor.fetchone()[0]


def standing(plan: Plan) -> Standing:
    """Who counts and who is missing, derived anew from the approvals; a decision that is proven in
    name only does not count. At most seven statements, five without passkeys."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT plan_approvals(%s), plan_missing(%s), plan_break_glass(%s)", [plan.pk] * 3
        )
        given, missing, break_glass = cursor.fetchone()
    told = Standing(json.loads(given), json.loads(missing), break_glass)
    found = proven.forged(plan) if told.given or told.break_glass else []
    return _without(plan, told, found) if found else told


def _without(plan: Plan, told: Standing, found: Sequence[Forged]) -> Standing:
    """The same without what is forged, as far as the database counts it. One statement."""
    votes = [one.row.pk for one in found if isinstance(one.row, Approval)]
    glasses = {
        one.row.break_glass_id if isinstance(one.row, BreakGlassSecond) else one.row.pk
        for one in found
        if not isinstance(one.row, Approval)
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT role FROM approval WHERE id = ANY (%s) AND decision = 'approve'"
            " AND digest = %s AND evidence->>'seal' = %s"
            " AND plan_ineligible(plan_id, officer_id, role) IS NULL",
            [votes, plan.digest, proven.seal(plan)],
        )
        counted = Counter(role for (role,) in cursor.fetchall())
    given = {role: n - counted[role] for role, n in told.given.items() if n > counted[role]}
    if told.break_glass is None or told.break_glass in glasses:
        asked = {role: n for role, n in given.items() if role in plan.quorum}
        return Standing(asked, quorums.missing(plan.quorum, asked), None)
    everyone = {quorums.ANY: sum(given.values())}
    return Standing(given, quorums.missing(quorums.BREAK_GLASS, everyone), told.break_glass)


def valid_approvals(plan: Plan) -> int:
    """How many distinct officers who may decide approved this digest; statements as `standing`."""
    return standing(plan).valid


def eligible_officers(plan: Plan) -> int:
    """How many people could take part in deciding on the plan, in any role. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT person_id) FROM role WHERE name = ANY (%s)"
            " AND officer_ineligible(%s, person_id, name) IS NULL",
            [list(quorums.DECIDING), plan.pk],
        )
        return cursor.fetchone()[0]


def blocked(plan: Plan) -> str | None:
    """Why the plan may not be approved or executed now; None when it may. It names nobody, because
    those who are recused may read it. At most five statements."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT plan_blocked(%s)", [plan.pk])
        why: str | None = cursor.fetchone()[0]
    if why is None and (found := proven.forged(plan)):
        why = f"a decision is not proven: {found[0].why}"
    return why


def check_open(stored: Plan, *, seen_digest: str) -> None:
    """Raises Stale, Moved or Refused unless the plan can be decided on, as it was looked at."""
    if stored.state != Plan.State.PROPOSED:
        raise Stale(f"This plan is {stored.state}; only a proposed plan is decided on.")
    if stored.digest != seen_digest:
        raise Moved("The plan you looked at is not the plan that is here. Look again.")
    if stored.expires_at is None or stored.expires_at <= timezone.now():
        raise Refused("The time to decide on this plan is over.")


def _check(stored: Plan, *, by: Person, role: str) -> None:
    if why := ineligible(plan=stored, by=by, role=role):
        raise NotAllowed(f"You cannot decide on this plan: {why}.")
    if Approval.objects.filter(plan=stored, officer=by).exists():
        raise NotAllowed("You have decided on this plan already.")
