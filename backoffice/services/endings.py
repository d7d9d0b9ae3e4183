"""How a plan ends before it is executed: one way, whoever ends it and why.

The plan, its effects and its decisions are kept; its staged legs, which nobody will post, are
dropped.
"""

from django.db import connection

from backoffice.models import Person, Plan
from backoffice.services import audit, lifecycle
from exchange.services import batches

REASON_MAX = 300


def end(plan: Plan, state: str, *, by: Person | None, reason: str) -> Plan:
    """Take the plan to an end state in the caller's transaction. Raises Stale when somebody else
    got there first."""
    assert connection.in_atomic_block, "an ending commits with what it makes room for"
    lifecycle.step(plan, state, reason=reason.strip()[:REASON_MAX])
    if plan.batch is not None:
        batches.discard(plan.batch)
    audit.record(
        by=by,
        action=f"plan.{state}",
        subject=f"plan:{plan.pk}",
        data={"reason": reason[:REASON_MAX]},
    )
    return plan
