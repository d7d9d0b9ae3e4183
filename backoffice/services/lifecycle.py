"""The steps a row may take, as a table, and the one way to take one.

A step is one conditional UPDATE. Two people who take it at once get one success and one `Stale`.
The database holds the same table (`plan_step_is_legal`, `campaign_guard`, `message_guard`), so the
pair cannot drift apart unseen: a test compares them.
"""

from typing import Any

from django.db.models import Model

from backoffice.models import Campaign, Comparison, Computation, Delivery, Execution, Plan
from backoffice.services.refusals import Stale

PLAN: dict[str, tuple[str, ...]] = {
    "computed": ("draft",),
    "proposed": ("computed",),
    "approved": ("proposed",),
    "executing": ("approved",),
    "executed": ("executing",),
    "reconciled": ("executed",),
    "rejected": ("proposed",),
    "withdrawn": ("draft", "computed", "proposed", "approved"),
    "expired": ("proposed", "approved"),
    "superseded": ("draft", "computed", "proposed", "approved"),
    "stale": ("computed", "proposed", "approved"),
}
CAMPAIGN: dict[str, tuple[str, ...]] = {
    "approved": ("draft",),
    "sending": ("approved", "paused", "sent"),
    "paused": ("sending",),
    "sent": ("sending",),
}
EXECUTION: dict[str, tuple[str, ...]] = {
    "queued": ("refused",),
    "running": ("queued", "running"),
    "done": ("running",),
    "refused": ("queued", "running"),
}
COMPUTATION: dict[str, tuple[str, ...]] = {
    "running": ("queued", "running"),
    "done": ("running",),
    "refused": ("queued", "running"),
}
DELIVERY: dict[str, tuple[str, ...]] = {
    "delivered": ("queued",),
    "failed": ("queued",),
    "queued": ("queued", "delivered", "failed"),
}
STEPS: dict[type[Model], dict[str, tuple[str, ...]]] = {
    Plan: PLAN,
    Campaign: CAMPAIGN,
    Execution: EXECUTION,
    Comparison: COMPUTATION,
    Computation: COMPUTATION,
    Delivery: DELIVERY,
}


def step(row: Model, to: str, **changes: Any) -> None:
    """Take `row` to the state `to`, writing `changes` with it; one statement.

    Raises Stale, and changes nothing, when the row is in no state the step can start from. The
    object in hand is brought up to date.
    """
    model = type(row)
    rows = model._default_manager.filter(pk=row.pk, state__in=STEPS[model][to]).update(
        state=to, **changes
    )
    if rows != 1:
        now = model._default_manager.values_list("state", flat=True).filter(pk=row.pk).first()
        raise Stale(f"Someone got there first: it is {now}, and cannot become {to}.")
    for name, value in {"state": to, **changes}.items():
        setattr(row, name, value)
