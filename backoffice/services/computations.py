"""Computing a remedy out of sight of any request: asked for by a person, done by a worker.

A `Computation` is a job (`jobs.py`) that leaves a plan. One of an incident runs at a time.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from backoffice.models import Computation, Incident, Person, Plan
from backoffice.services import audit, jobs, lifecycle, locks, nudges, recusals, undo
from backoffice.services.people import require
from backoffice.services.refusals import Refused, Stale
from backoffice.services.remedies import MAY_COMPUTE, compute_remedy, require_not_done
from exchange.domain.remedies.catalogue import REMEDIES, Step

SWEEP_MAX = 20


def request(
    *,
    incident: Incident,
    by: Person,
    steps: Sequence[Step],
    cutoff: datetime | None = None,
) -> Computation:
    """Queue a remedy (or several, one after the other) and nudge a worker.

    `cutoff` is the incident's effective one by default. Raises NotAllowed, Refused for an unknown
    remedy, a cut-off outside the tape or when a remedy was executed, Stale while another is
    computed.
    """
    require(by, *MAY_COMPUTE)
    recusals.require_free(by, incident)
    require_not_done(incident)
    at = cutoff or incident.effective_cutoff
    if not incident.tape.starts_at <= at <= incident.tape.ends_at:
        raise Refused("The tape says nothing of that time: choose a cut-off within it.")
    if not steps or any(step.remedy not in REMEDIES for step in steps):
        raise Refused(f"A remedy is one of {', '.join(REMEDIES)}.")
    parameters = {
        "cutoff": at.isoformat(),
        "steps": [[step.remedy, dict(step.parameters)] for step in steps],
    }
    return _queue(incident, by, steps[0].remedy, parameters)


def request_undo(*, plan: Plan, by: Person, reason: str) -> Computation:
    """Queue the undo of a reconciled plan and nudge a worker.

    Raises what `undo.require_undoable` does, and Stale while something else is computed.
    """
    undo.require_undoable(plan=plan, by=by, reason=reason)
    parameters: dict[str, object] = {"plan": plan.pk, "reason": reason.strip()}
    return _queue(plan.incident, by, Plan.Remedy.UNDO, parameters)


def _queue(
    incident: Incident, by: Person, remedy: str, parameters: dict[str, object]
) -> Computation:
    try:
        with transaction.atomic(durable=True):
            row = Computation.objects.create(
                incident=incident, remedy=remedy, parameters=parameters, requested_by=by
            )
            audit.record(
                by=by,
                action="remedy.requested",
                subject=f"incident:{incident.pk}",
                data={"remedy": row.remedy, **row.parameters},
            )
            nudges.after_commit(nudges.COMPUTE_REMEDY, row.pk)
    except IntegrityError as error:
        raise Stale("A remedy of this incident is being computed already.") from error
    return row


def run(*, computation_id: int) -> Computation:
    """Compute what was asked for, or do nothing when it is done or another worker is at it.

    A refusal is written on the row and never raised.
    """
    with locks.held(locks.COMPUTATION, computation_id) as mine:
        row = Computation.objects.select_related(
            "incident__tape", "incident__venue", "requested_by"
        ).get(pk=computation_id)
        if mine and row.under_way and jobs.claim(row):
            _compute(row)
    return row


def sweep() -> int:
    """Nudge again what no worker is at; returns how many were nudged, at most 20."""
    waiting = Computation.objects.filter(state__in=Computation.UNDER_WAY)
    ids = waiting.values_list("pk", flat=True)[:SWEEP_MAX]
    return nudges.where_idle(nudges.COMPUTE_REMEDY, locks.COMPUTATION, ids)


def _compute(row: Computation) -> None:
    def finish(plan: Plan) -> None:
        lifecycle.step(row, Computation.State.DONE, plan=plan, finished_at=timezone.now())

    say = jobs.teller(row)
    try:
        if row.remedy == Plan.Remedy.UNDO:
            undo.compute_undo(
                plan=Plan.objects.get(pk=row.parameters["plan"]),
                by=row.requested_by,
                reason=row.parameters["reason"],
                progress=say,
                finish=finish,
            )
            return
        compute_remedy(
            incident=row.incident,
            by=row.requested_by,
            steps=[Step(remedy, words) for remedy, words in row.parameters["steps"]],
            cutoff=datetime.fromisoformat(row.parameters["cutoff"]),
            progress=say,
            finish=finish,
        )
    except Refused as refused:
        jobs.refuse(row, str(refused))
