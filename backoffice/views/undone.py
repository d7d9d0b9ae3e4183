"""Which plans were undone, for whoever reads what they did."""

from collections.abc import Iterable

from backoffice.models import Plan
from backoffice.queries.portal import DONE


def undone(plans: Iterable[Plan]) -> dict[int, Plan]:
    """The executed undo of each of these plans that has one, by the plan's batch; one statement."""
    batches = {plan.batch_id for plan in plans}
    rows = Plan.objects.filter(batch__reverses__in=batches, state__in=DONE)
    return {row.batch.reverses_id: row for row in rows.select_related("batch")}


def undone_by(plan: Plan | None) -> Plan | None:
    """The executed undo of the plan; one statement."""
    return undone([plan]).get(plan.batch_id) if plan else None
