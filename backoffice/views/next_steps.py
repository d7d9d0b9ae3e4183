"""What an incident waits for next. Pure: states in, a short list of steps out.

One step is the next one; those done are shown as done, so that whoever takes over sees where the
incident stands without reading its timeline.
"""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.models import Incident, Plan

DECIDED = (Plan.State.APPROVED, Plan.State.EXECUTING, Plan.State.EXECUTED, Plan.State.RECONCILED)
DONE = (Plan.State.EXECUTED, Plan.State.RECONCILED)
OPENED = (
    Incident.Status.DECLARED,
    Incident.Status.CONTAINED,
    Incident.Status.REMEDY,
    Incident.Status.CLOSED,
)


class Situation(NamedTuple):
    """Where an incident stands: its status, its gates, its newest plan, what was told."""

    status: str
    all_closed: bool
    all_open: bool
    plan: str
    notices: int
    campaigns: int


class Step(NamedTuple):
    """One step. `page` is the URL name of the incident's page where it is done."""

    label: str | Promise
    why: str | Promise
    page: str
    done: bool


def steps(now: Situation) -> list[Step]:
    """The steps of an incident in their order, with those that are done."""
    executed = now.plan in DONE
    return [
        Step(
            _("Declare the incident"),
            _("From then on it is everyone's first business."),
            "incident-status",
            now.status in OPENED,
        ),
        Step(
            _("Close trading and withdrawals"),
            _("A plan is executed only while the gates that its legs need are closed."),
            "incident-gates",
            now.all_closed or executed,
        ),
        Step(
            _("Tell the public what is known"),
            _("A notice with the times, and the next time something will be said."),
            "incident-notices",
            now.notices > 0,
        ),
        Step(
            _("Compute a remedy"),
            _("Compare them first. A plan names every leg before anyone approves it."),
            "incident-remedies",
            bool(now.plan),
        ),
        Step(
            _("Have it approved by its quorum"),
            _("Neither its maker nor anyone tied to what it changes may decide."),
            "incident-plans",
            now.plan in DECIDED,
        ),
        Step(
            _("Execute and reconcile"),
            _("All legs in one transaction, then every balance rebuilt and compared."),
            "incident-plans",
            executed,
        ),
        Step(
            _("Write to every customer it touched"),
            _("Before, change and after, from the ledger."),
            "incident-messages",
            now.campaigns > 0,
        ),
        Step(
            _("Open trading and withdrawals again"),
            _("Nothing opens by the execution: a person decides it, for a reason."),
            "incident-gates",
            executed and now.all_open,
        ),
    ]
