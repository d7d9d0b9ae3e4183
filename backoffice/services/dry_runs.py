"""Doing all of an execution but its end: the same path as posting, rolled back.

It takes the locks a posting would take, for as long, so it is a verb with a role and a trace, and
no page does it by being looked at.
"""

from django.db import transaction

from backoffice.models import Person, Plan, Role
from backoffice.services import audit, staleness
from backoffice.services.people import require
from backoffice.services.refusals import Moved, Stale
from exchange.services import batches
from exchange.services.refusals import BooksRefused

MAY_TRY = (Role.Name.ANALYST, Role.Name.RISK, Role.Name.FINANCE)
STATES = (Plan.State.COMPUTED, Plan.State.PROPOSED, Plan.State.APPROVED)


def dry_run(*, plan: Plan, by: Person) -> batches.Posting:
    """Post the plan's batch and roll it back; says what moved and the seconds of each step.

    Raises NotAllowed, Stale for a plan that is past it, Moved with what posting would refuse.
    """
    require(by, *MAY_TRY)
    if plan.state not in STATES:
        raise Stale(f"This plan is {plan.state}; nothing is left to try.")
    if why := staleness.inputs_moved(plan):
        raise Moved(why)
    try:
        posting = batches.check(plan.batch)
    except BooksRefused as error:
        moved = staleness.books_moved(plan)
        raise Moved(moved or f"It could not be posted now: {error}.") from error
    with transaction.atomic(durable=True):
        audit.record(
            by=by,
            action="plan.dry_run",
            subject=f"plan:{plan.pk}",
            data={"digest": plan.digest, "balances": posting.balances},
        )
    return posting
