"""Breaking the glass: deciding on one plan without the roles its quorum asks for.

For when somebody it needs cannot be had in time. Two officers who could decide, neither of them the
maker or recused, open it together within half an hour; then any two officers decide on the digest
they opened it for. It never makes do with one person. A third reviews it within a day, and it is
told in public without names. The rules are in the database (`migrations/sql/0007_break_glass.sql`)
and asked here first, so that a refusal comes with words.
"""

from django.db import connection, transaction
from django.utils import timezone

from backoffice.models import (
    Approval,
    BreakGlass,
    BreakGlassReview,
    BreakGlassSecond,
    Person,
    Plan,
    Role,
)
from backoffice.services import approvals, audit, proven, quorums
from backoffice.services.approvals import Proof
from backoffice.services.proven import OPEN, SECOND
from backoffice.services.refusals import NotAllowed, Refused, Stale


def open_glass(
    *, plan: Plan, by: Person, reason: str, proof: Proof, role: str | None = None
) -> BreakGlass:
    """Say why the quorum cannot be met in time; another officer has half an hour to second it.

    Alone it changes nothing. Raises NotAllowed, WrongCode, Moved, Stale or Refused.
    """
    if not reason.strip():
        raise Refused(
            "Say why the quorum cannot be met in time: it is reviewed, and told in public."
        )
    with transaction.atomic(durable=True):
        stored = Plan.objects.select_for_update().get(pk=plan.pk)
        role = _check(stored, seen_digest=plan.digest, by=by, role=role)
        if live(stored) is not None:
            raise Stale("It is open already.")
        row = BreakGlass.objects.create(
            plan=stored,
            officer=by,
            role=role,
            reason=reason.strip()[:300],
            digest=stored.digest,
            method=proof.method,
            evidence=_evidence(stored, by, role, OPEN, proof),
        )
        _record(by, "opened", stored, {"role": role, "break_glass": row.pk})
    row.refresh_from_db()
    return row


def second(*, plan: Plan, by: Person, proof: Proof, role: str | None = None) -> BreakGlassSecond:
    """Agree to the one that is open, and break the glass: from now on any two officers decide.

    Approvals given before count too, so this may approve the plan. Raises what `open_glass` raises.
    """
    with transaction.atomic(durable=True):
        stored = Plan.objects.select_for_update().get(pk=plan.pk)
        role = _check(stored, seen_digest=plan.digest, by=by, role=role)
        opened = live(stored)
        if opened is None or hasattr(opened, "second"):
            raise Stale("Nothing is open to be seconded: half an hour after its opening it lapses.")
        if opened.officer_id == by.pk:
            raise NotAllowed("You opened it; somebody else has to second it.")
        row = BreakGlassSecond.objects.create(
            break_glass=opened,
            officer=by,
            role=role,
            method=proof.method,
            evidence=_evidence(stored, by, role, SECOND, proof),
        )
        approvals.advance(stored)
        _record(by, "seconded", stored, {"role": role, "break_glass": opened.pk})
    plan.refresh_from_db()
    row.refresh_from_db()
    return row


def review(
    *,
    break_glass: BreakGlass,
    by: Person,
    outcome: str,
    finding: str,
    role: str | None = None,
) -> BreakGlassReview:
    """Say whether it was right, as somebody who had no part in it; once, and it stands.

    Raises NotAllowed, Stale when it was reviewed or never seconded, Refused without a finding.
    """
    if outcome not in BreakGlassReview.Outcome.values:
        raise Refused("Say whether it was justified.")
    if not finding.strip():
        raise Refused("Say what you found: what was needed, who was missing, what was decided.")
    with transaction.atomic(durable=True):
        stored = Plan.objects.select_for_update().get(pk=break_glass.plan_id)
        row = BreakGlass.objects.select_related("second", "review").get(pk=break_glass.pk)
        if not hasattr(row, "second") or hasattr(row, "review"):
            raise Stale("Only what was seconded is reviewed, and once.")
        if why := not_reviewer(break_glass=row, by=by):
            raise NotAllowed(why)
        made = BreakGlassReview.objects.create(
            break_glass=row,
            officer=by,
            role=role or _role(by),
            outcome=outcome,
            finding=finding.strip()[:1000],
        )
        _record(by, "reviewed", stored, {"outcome": outcome, "break_glass": row.pk})
    return made


def live(plan: Plan) -> BreakGlass | None:
    """The break-glass of the plan that holds, or that can still be seconded; two statements."""
    holds = approvals.standing(plan).break_glass
    rows = BreakGlass.objects.filter(plan=plan).select_related("second").order_by("-pk")
    now = timezone.now()
    return next(
        (
            row
            for row in rows
            if row.pk == holds or (not hasattr(row, "second") and row.lapses_at > now)
        ),
        None,
    )


def ineligible(*, plan: Plan, by: Person) -> str | None:
    """Why `by` may not open or second it, in words; None when they may. Two statements."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT officer_ineligible(%s, %s, %s)", [plan.pk, by.pk, _role(by)])
        return cursor.fetchone()[0]


def roles(by: Person) -> list[str]:
    """The deciding roles the person holds; one statement."""
    held = set(Role.objects.filter(person=by).values_list("name", flat=True))
    return [role for role in quorums.DECIDING if role in held]


def not_reviewer(*, break_glass: BreakGlass, by: Person) -> str | None:
    """Why `by` may not review it, in words; None when they may. Three statements."""
    if by.pk in (break_glass.officer_id, break_glass.second.officer_id):
        return "You broke the glass; somebody who did not has to review it."
    if Approval.objects.filter(plan=break_glass.plan_id, officer=by).exists():
        return "You decided on this plan; somebody who did not has to review it."
    why = ineligible(plan=break_glass.plan, by=by)
    return f"You cannot review it: {why}." if why else None


def _check(stored: Plan, *, seen_digest: str, by: Person, role: str | None) -> str:
    """The role `by` acts in. Raises when the plan is not open to it, or `by` is not."""
    approvals.check_open(stored, seen_digest=seen_digest)
    role = role or _role(by)
    with connection.cursor() as cursor:
        cursor.execute("SELECT officer_ineligible(%s, %s, %s)", [stored.pk, by.pk, role])
        why = cursor.fetchone()[0]
    if why:
        raise NotAllowed(f"You cannot break the glass for this plan: {why}.")
    return role


def _role(by: Person) -> str:
    """The first deciding role the person holds; risk officer, to be refused, when there is none."""
    return next(iter(roles(by)), quorums.RISK)


def _evidence(
    stored: Plan, by: Person, role: str, decision: str, proof: Proof
) -> dict[str, object]:
    return {**proof.spend(stored, by, role, decision), "seal": proven.seal(stored)}


def _record(by: Person, what: str, plan: Plan, data: dict[str, object]) -> None:
    audit.record(
        by=by,
        action=f"break_glass.{what}",
        subject=f"plan:{plan.pk}",
        data={"digest": plan.digest, "state": plan.state, **data},
    )
