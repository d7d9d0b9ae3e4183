"""Executing a plan: asking for it by typing what it moves, then following it to its end.

Whether anything was posted is read from the books, before, during and after a crash alike. The page
polls the row until the execution was refused or its books were rebuilt and compared.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.models import Execution, Plan
from backoffice.services import approvals, gates, locks, staleness
from backoffice.services import executions as services
from backoffice.services.refusals import Refused
from backoffice.views import access, plan_books, plan_figures, under_way
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.plans import TAB, fetch, summary
from backoffice.views.refusing import status_of

HANDS = services.MAY_REQUEST
STEPS = 3


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """How far it has come; polled while it goes on."""
    return _page(request, fetch(request, pk))


@require_POST
@access.staff(*HANDS)
def request_execution(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue it, when what was typed is what it moves."""
    plan = fetch(request, pk)
    if not plan_figures.typed(request, summary(plan, request.user)["phrase"]):
        return _page(request, plan, 422, error=_("That is not the amount. Nothing was started."))
    try:
        services.request_execution(plan=plan, by=request.user)
    except Refused as refused:  # it may have become stale by being asked for
        return _page(request, fetch(request, pk), status_of(refused), error=str(refused))
    return redirect("plan-execution", pk)


def _page(request: HttpRequest, plan: Plan, status: int = 200, error: str = "") -> HttpResponse:
    context = {"plan": plan, **following(plan)}
    if not swaps(request):
        asked = plan.state == Plan.State.APPROVED and not context["running"]
        may = asked and access.holds(request, *HANDS)
        context |= around(plan.incident, TAB) | summary(plan, request.user)
        context |= {"error": error, "may_execute": may}
        if may:
            context |= {"obstacle": _obstacle(plan), "needed": plan_books.needed(plan)}
    return page_or_part(request, "plans/execution.html", "plans/_execution.html", context, status)


def _obstacle(plan: Plan) -> str:
    """What would refuse it now, so that nobody types an amount in vain."""
    found = staleness.why(plan) or gates.missing(gates.wanting(plan)) or approvals.blocked(plan)
    return found or ""


def following(plan: Plan) -> dict[str, Any]:
    """The execution as a progress bar shows it, and whether there is more to come."""
    execution: Execution | None = getattr(plan, "execution", None)
    checks = list(plan.reconciliations.all())
    verdict = plan_books.verdict(plan)
    if execution is None:
        return {
            "execution": None, "running": False, "checks": checks, "job": None, "verdict": verdict
        }  # fmt: skip
    done, words = _stage(plan, execution, compared=bool(checks))
    running = execution.under_way or (plan.state == Plan.State.EXECUTED and not checks)
    zone = plan.incident.zone
    idle = running and under_way.waiting(
        execution, space=locks.EXECUTION, number=plan.pk, zone=zone
    )
    return {
        "execution": execution,
        "checks": checks,
        "running": running,
        "verdict": verdict,
        "at_work": running and not idle,
        "job": {
            "label": _("Execution of plan %s") % plan.pk,
            "state": "running" if running and execution.state == "done" else execution.state,
            "done": done,
            "total": STEPS,
            "message": execution.message or words,
            "waiting": idle,
        },
    }


def _stage(plan: Plan, execution: Execution, *, compared: bool) -> tuple[int, str]:
    """(steps done of three, in words). The posting is one transaction: there is no half of it."""
    if compared:
        return STEPS, _("Posted; every balance and position rebuilt from entries and compared")
    if execution.state == Execution.State.DONE:
        return 2, _("Posted; rebuilding every balance and position from entries")
    if execution.state == Execution.State.RUNNING:
        return 1, _("Posting in one transaction: all of it or nothing")
    return 0, _("Waiting for a worker")
