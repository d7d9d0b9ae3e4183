"""Executing an approved plan: one transaction, everything re-checked in it, then reconciliation.

The `Execution` row is the truth and a Celery message only a nudge: `execute` may be called by any
number of workers, any number of times, and the plan is posted once. A worker killed at any step
leaves the plan wholly absent or wholly there; the next call, or the sweeper's, finishes.
"""

import time
from contextlib import suppress

from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from backoffice import remedy_words
from backoffice.models import Execution, Person, Plan, Reconciliation, Role
from backoffice.services import (
    approvals,
    audit,
    canonical,
    events,
    findings,
    gates,
    incidents,
    lifecycle,
    locks,
    nudges,
    staleness,
)
from backoffice.services.people import require
from backoffice.services.refusals import Moved, Refused, Stale
from exchange.faults import reach
from exchange.services import batches, reconciliation
from exchange.services.refusals import BooksRefused, Busy

MAY_REQUEST = (Role.Name.ANALYST, Role.Name.RISK, Role.Name.FINANCE)
SWEEP_MAX = 100
ALONE = "of this incident is being executed"


def request_execution(*, plan: Plan, by: Person) -> Execution:
    """Queue an approved plan and nudge a worker once that is committed.

    Asking twice gives the same row; asking after a refusal queues it again while the plan is still
    approved. Raises NotAllowed, Stale, Moved when what it was computed from moved, or Refused when
    the gates it needs are not closed or another plan of the incident is being executed.
    """
    stored = Plan.objects.select_related("incident__venue", "incident__tape").get(pk=plan.pk)
    require(by, *MAY_REQUEST, at=stored.incident.venue)
    _require_approved(stored)
    staleness.require_fresh(stored)
    try:
        return _queue(plan, by)
    except IntegrityError as error:
        if ALONE not in str(error):
            raise
        raise Refused("Another plan of this incident was asked for at the same moment.") from error


def _queue(plan: Plan, by: Person) -> Execution:
    with transaction.atomic(durable=True):
        stored = Plan.objects.select_for_update().get(pk=plan.pk)
        _require_approved(stored)
        gates.require_closed(stored)
        _require_alone(stored)
        execution, new = Execution.objects.get_or_create(plan=stored, defaults={"requested_by": by})
        if execution.state == Execution.State.REFUSED:
            lifecycle.step(
                execution,
                Execution.State.QUEUED,
                requested_by=by,
                requested_at=timezone.now(),
                message="",
                finished_at=None,
            )
            new = True
        if new:
            audit.record(
                by=by,
                action="execution.requested",
                subject=f"plan:{stored.pk}",
                data={"digest": stored.digest},
            )
        nudges.after_commit(nudges.EXECUTE_PLAN, stored.pk)
    return execution


def execute(*, plan_id: int) -> Execution:
    """Execute the plan if it is queued, finish what a dead worker left, or do nothing.

    Returns the row as it is afterwards. A refusal is written on the row and never raised; only
    what a retry can cure (a lost connection) is raised.
    """
    with locks.held(locks.EXECUTION, plan_id) as mine:
        execution = Execution.objects.select_related("plan").get(plan=plan_id)
        if not mine:
            return execution
        if execution.under_way:
            _attempt(execution)
        plan = Plan.objects.get(pk=plan_id)
        if execution.state == Execution.State.DONE and not plan.reconciliations.exists():
            reconcile(plan=plan)
    return execution


def reconcile(*, plan: Plan) -> Reconciliation | None:
    """Rebuild every balance and position of the venue from entries and store the comparison.

    An executed plan becomes reconciled when all agree. Returns None when that was done before.
    Where they do not agree the plan stays executed, and a person looks and asks again.
    """
    if plan.state != Plan.State.EXECUTED:
        return None
    report = reconciliation.reconcile(plan.incident.venue)
    with transaction.atomic():
        row = Reconciliation.objects.create(
            plan=plan,
            ledger_ok=report.ledger_ok,
            positions_ok=report.positions_ok,
            details=report.details,
        )
        if report.ledger_ok and report.positions_ok:
            lifecycle.step(plan, Plan.State.RECONCILED)
            events.plan_reconciled(plan)
            findings.of_executed(plan=plan)
        audit.record(
            by=None,
            action="plan.reconciled",
            subject=f"plan:{plan.pk}",
            data={"ledger_ok": report.ledger_ok, "positions_ok": report.positions_ok},
        )
    reach("execution.reconciled")
    return row


def sweep() -> int:
    """Nudge again what no worker is at: queued, begun and died, or executed but not reconciled.

    Returns how many were nudged, at most 100.
    """
    waiting = (
        Execution.objects.filter(state__in=Execution.UNDER_WAY)
        | Execution.objects.filter(
            plan__state=Plan.State.EXECUTED, plan__reconciliations__isnull=True
        )
    ).values_list("plan_id", flat=True)
    return nudges.where_idle(nudges.EXECUTE_PLAN, locks.EXECUTION, waiting[:SWEEP_MAX])


def _attempt(execution: Execution) -> None:
    started = time.monotonic()
    lifecycle.step(
        execution,
        Execution.State.RUNNING,
        attempts=execution.attempts + 1,
        started_at=timezone.now(),
    )
    reach("execution.claimed")
    try:
        _post(execution, started)
    except Busy as error:
        _refuse(execution, Refused(f"It could not be posted now: {error}."))
    except BooksRefused as error:
        # The books say it in numbers of their own; what a person reads names account and balance.
        _refuse(execution, Moved(staleness.books_moved(execution.plan) or str(error)))
    except Refused as error:
        _refuse(execution, error)
    except IntegrityError as error:
        _refuse(execution, Moved(str(error).partition("\n")[0]))
    except Exception as error:
        # Not a refusal: a lost connection or a defect. Nothing was posted; the row says what
        # happened and stays running, for the next attempt.
        with suppress(DatabaseError):
            Execution.objects.filter(pk=execution.pk).update(message=f"{error}"[:400])
        raise
    reach("execution.committed")


def _post(execution: Execution, started: float) -> None:
    """The whole of it. Either this commits or nothing of it was ever there."""
    with transaction.atomic(durable=True):
        plan = Plan.objects.select_for_update().get(pk=execution.plan_id)
        reach("execution.locked")
        _require_approved(plan)
        if why := approvals.blocked(plan):
            raise Moved(f"It may not be executed any more: {why}.")
        lifecycle.step(plan, Plan.State.EXECUTING)
        reach("execution.executing")
        if why := staleness.inputs_moved(plan):
            raise Moved(why)
        gates.require_closed(plan, hold=True)
        reach("execution.gated")
        expected = _check_digest(plan)
        reach("execution.checked")
        batches.post(plan.batch, expected)
        reach("execution.posted")
        now = timezone.now()
        lifecycle.step(plan, Plan.State.EXECUTED, executed_at=now)
        lifecycle.step(
            execution,
            Execution.State.DONE,
            finished_at=now,
            seconds=round(time.monotonic() - started, 3),
            message="",
        )
        reach("execution.marked")
        events.plan_executed(plan)
        incidents.desk_line(
            plan.incident,
            f"plan-{plan.pk}-executed",
            f"Plan {plan.pk} executed: {remedy_words.name_of(plan.remedy, plan.parameters)}",
            execution.requested_by,
            public=False,  # what the public is told of it is a notice
        )
        audit.record(
            by=execution.requested_by,
            action="plan.executed",
            subject=f"plan:{plan.pk}",
            data={"digest": plan.digest, "attempt": execution.attempts},
        )
        reach("execution.audited")


def _require_approved(plan: Plan) -> None:
    if plan.state != Plan.State.APPROVED:
        # Why an officer rejected it is a vote, and who is recused may ask for an execution too.
        told = plan.reason and plan.state != Plan.State.REJECTED
        because = f" {plan.reason}" if told else ""
        raise Stale(f"This plan is {plan.state}; only an approved plan is executed.{because}")


def _require_alone(plan: Plan) -> None:
    """Plans of one incident touch the same accounts, so they are executed one after the other; the
    trigger `execution_alone` settles a race."""
    other = (
        Execution.objects.filter(plan__incident=plan.incident_id, state__in=Execution.UNDER_WAY)
        .exclude(plan=plan)
        .values_list("plan_id", flat=True)
        .first()
    )
    if other is not None:
        raise Refused(f"Plan {other} of this incident is being executed; wait for its end.")


def _check_digest(plan: Plan) -> batches.Digests:
    """The manifest still hashes to what was approved. Returns what the approvals are sealed to:
    the digests that posting must find again in the staged rows."""
    batch = plan.batch
    if canonical.digest(plan.manifest) != plan.digest:
        raise Moved("The plan's manifest is not what was approved.")
    return batches.Digests(batch.cash_digest, batch.position_digest, batch.precondition_digest)


def _refuse(execution: Execution, error: Refused) -> None:
    """Write the reason down, in a second transaction; the first one left nothing behind.

    What has moved never comes back, so a plan refused for that is stale for good; one refused for
    an open gate or a session in the way stays approved and may be asked for again.
    """
    with transaction.atomic():
        execution.refresh_from_db()
        plan = Plan.objects.select_for_update().get(pk=execution.plan_id)
        if execution.state == Execution.State.DONE:
            return
        lifecycle.step(
            execution,
            Execution.State.REFUSED,
            finished_at=timezone.now(),
            message=str(error)[:400],
        )
        if plan.state == Plan.State.APPROVED and isinstance(error, Moved):
            over = plan.expires_at is not None and plan.expires_at <= timezone.now()
            lifecycle.step(
                plan, Plan.State.EXPIRED if over else Plan.State.STALE, reason=str(error)[:300]
            )
        audit.record(
            by=None,
            action="execution.refused",
            subject=f"plan:{plan.pk}",
            data={"reason": str(error)[:400], "state": plan.state},
        )
