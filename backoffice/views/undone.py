"""Which plans were undone, for whoever reads what they did or what was told of it."""

from collections.abc import Iterable

from backoffice.models import Fact, NoticeVersion, Plan
from backoffice.queries.portal import DONE
from backoffice.services import findings


def undone(plans: Iterable[Plan]) -> dict[int, Plan]:
    """The executed undo of each of these plans that has one, by the plan's batch; one statement."""
    batches = {plan.batch_id for plan in plans}
    rows = Plan.objects.filter(batch__reverses__in=batches, state__in=DONE)
    return {row.batch.reverses_id: row for row in rows.select_related("batch")}


def undone_by(plan: Plan | None) -> Plan | None:
    """The executed undo of the plan; one statement."""
    return undone([plan]).get(plan.batch_id) if plan else None


def taken_back(versions: Iterable[NoticeVersion]) -> dict[int, Plan]:
    """The executed undo of what each of these versions tells, by the version: of a plan that a
    fact it cites was computed from. A version published later tells of the undo, if of anything.

    One statement, and up to five more where something was undone.
    """
    versions = list(versions)
    incidents = {version.notice.incident_id for version in versions}
    undos = Plan.objects.filter(
        incident__in=incidents, batch__reverses__isnull=False, state__in=DONE
    ).select_related("batch__reverses__plan")
    by_fact = {
        digest: undo for undo in undos for digest in findings.digests(undo.batch.reverses.plan)
    }
    rows = Fact.objects.filter(incident__in=incidents, digest__in=by_fact) if by_fact else ()
    cited = {fact.pk: by_fact[fact.digest] for fact in rows}
    return {
        version.pk: undo
        for version in versions
        for pk, _value in version.facts.values()
        if (undo := cited.get(pk)) and version.published_at < undo.executed_at
    }
