"""The plans of an incident: asking for one to be computed, reading one, its way to the officers."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice import digest_words, remedy_words
from backoffice.models import Computation, Person, Plan
from backoffice.queries import break_glass
from backoffice.queries import plans as queries
from backoffice.services import approvals, comparisons, dry_runs, jobs, locks, recusals, undo
from backoffice.services import plans as services
from backoffice.services.incidents import OFFICERS
from backoffice.services.refusals import Refused
from backoffice.views import access, plan_books, plan_figures, plan_origin, under_way
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.refusing import status_of
from backoffice.views.undone import undone

MAKERS = services.MAY_MAKE
TRIERS = dry_runs.MAY_TRY
TAB = "incident-plans"
OPEN = (Plan.State.DRAFT, Plan.State.COMPUTED, Plan.State.PROPOSED, Plan.State.APPROVED)


class ProposeForm(forms.Form):
    """How long the officers have, and the plan in the way, when there is one."""

    hours = forms.IntegerField(
        label=_("Hours to decide and execute"), initial=services.HOURS_DEFAULT, min_value=1,
        max_value=services.HOURS_MAX, help_text=_("Afterwards it expires and is computed anew."),
    )  # fmt: skip

    def __init__(self, rival: Plan | None, *args: object) -> None:
        super().__init__(*args)
        if rival is not None:
            words = {"number": rival.pk, "state": rival.get_state_display().lower()}
            self.fields["supersedes"] = forms.TypedChoiceField(
                label=_("One remedy at a time is before the officers"),
                choices=[(rival.pk, _("Supersedes plan %(number)s, which is %(state)s") % words)],
                coerce=int, widget=forms.RadioSelect, initial=None,
                help_text=_("That plan ends; it is kept, with its decisions."),
            )  # fmt: skip


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every plan of the incident, and how far the one being computed has come."""
    incident = access.incident(request, slug)
    recused = recusals.recused(incident=incident, person=request.user)
    plans = queries.of_incident(incident)
    undos = undone(plans)
    context = {
        **around(incident),
        "plans": [(plan, undos.get(plan.batch_id)) for plan in plans],
        "computation": _job(queries.newest_computation(incident)),
        "recused": recused,
        "may_compute": access.holds(request, *comparisons.MAY_COMPARE) and not recused,
    }
    return render(request, "plans/list.html", context)


@require_GET
@access.staff()
def computation(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a computation has come: polled while it runs, a page of its own without a script."""
    rows = Computation.objects.select_related(
        "incident__venue", "incident__contract__settle", "requested_by"
    )
    row = access.fetch(request, rows, lambda row: row.incident.venue, pk=pk)
    context: dict[str, Any] = {"computation": _job(row)}
    if not swaps(request):
        context |= around(row.incident, TAB)
    return page_or_part(request, "plans/computation.html", "plans/_computation.html", context)


def _job(row: Computation | None) -> dict[str, Any] | None:
    """What a progress bar shows of a computation; a finished one is at its end."""
    if row is None:
        return None
    told = under_way.told(row)
    zone = row.incident.zone
    idle = row.under_way and under_way.waiting(
        row, space=locks.COMPUTATION, number=row.pk, zone=zone
    )
    return {
        "row": row,
        "state": row.state,
        "label": remedy_words.name_of(row.remedy, row.parameters),
        "message": row.message or _words(row, told),
        "waiting": idle,
        "done": told.done if told else int(row.state == Computation.State.DONE),
        "total": told.total if told else 1,
        "running": row.under_way,
    }


def _words(row: Computation, told: jobs.Progress | None) -> str:
    if row.plan_id:
        return _("Plan %s is computed") % row.plan_id
    return told.stage if told else _("Waiting for a worker")


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """A plan: what it is, what it does, who decided, what can be done with it now."""
    plan = fetch(request, pk)
    return page(request, plan)


def fetch(request: HttpRequest, pk: int) -> Plan:
    """A plan with its decisions and execution; three statements, 404 for a draft's number too."""
    return access.fetch(request, queries.detailed(), lambda plan: plan.incident.venue, pk=pk)


def summary(plan: Plan, reader: Person) -> dict[str, Any]:
    """What the pages that sum a plan up show of it; five statements, six of an undo. Whoever is
    recused gets no votes."""
    recused = recusals.recused(incident=plan.incident, person=reader)
    standing = approvals.standing(plan)
    totals = plan_figures.by_asset(plan, queries.assets(plan))
    return {
        "plan": plan,
        "words": digest_words.words(plan.digest) if plan.digest else [],
        "groups": digest_words.groups(plan.digest),
        "totals": totals,
        "kinds": plan_figures.kinds(plan),
        "explained": plan_figures.explained(totals),
        "phrase": plan_figures.phrase(plan, totals),
        "recused": recused,
        "recusals": recusals.count(plan.incident),
        "standing": None if recused else standing,
        "quorum": [] if recused else plan_figures.quorum(plan, standing),
        "glasses": break_glass.of_plan(plan, timezone.now()),
        "times": plan_figures.times(plan),
        "compared": plan_origin.compared(plan),
        "steps": remedy_words.described(plan.remedy, plan.parameters),
        "undoes": undo.undone(plan) if plan.remedy == Plan.Remedy.UNDO else None,
    }


def page(
    request: HttpRequest, plan: Plan, form: ProposeForm | None = None, status: int = 200
) -> HttpResponse:
    """The plan's page, also with what was wrong with what was asked for."""
    mine = plan.maker_id == request.user.pk and access.holds(request, *MAKERS)
    shown = summary(plan, request.user)
    may_propose = mine and plan.state == Plan.State.COMPUTED
    if may_propose and form is None:
        form = ProposeForm(services.rival(plan))
    context = {
        **around(plan.incident, TAB),
        **shown,
        "origin": plan_origin.origin(plan),
        "extremes": queries.extremes(plan, shown["totals"][0].asset) if shown["totals"] else {},
        **plan_books.undoing(plan, may=access.holds(request, *undo.MAY_UNDO)),
        "needed": plan_books.needed(plan),
        "form": form,
        "may_propose": may_propose,
        "may_withdraw": mine and plan.state in OPEN,
        "may_try": plan.state in dry_runs.STATES and access.holds(request, *TRIERS),
        "may_decide": not shown["recused"] and _may_decide(request, plan, shown["standing"]),
        "execution": getattr(plan, "execution", None),
        # Why an officer rejected it is their vote.
        "withheld_reason": shown["recused"] and plan.state == Plan.State.REJECTED,
    }
    return render(request, "plans/detail.html", context, status=status)


def may_take_part(request: HttpRequest, plan: Plan, standing: approvals.Standing) -> bool:
    """Whether whoever asks holds a role that decides on the plan: any officer's while the glass is
    broken."""
    return access.holds(request, *(OFFICERS if standing.break_glass else plan.quorum))


def _may_decide(request: HttpRequest, plan: Plan, standing: approvals.Standing) -> bool:
    """Whether the way to a decision is worth offering: to officers who neither made the plan nor
    decided on it. Who may is asked anew where it is decided."""
    return (
        plan.state == Plan.State.PROPOSED
        and plan.maker_id != request.user.pk
        and may_take_part(request, plan, standing)
        and all(approval.officer_id != request.user.pk for approval in plan.approvals.all())
    )


@require_POST
@access.staff(*MAKERS)
def propose(request: HttpRequest, pk: int) -> HttpResponse:
    """Put it before the officers; the page again with what was wrong."""
    plan = fetch(request, pk)
    form, status = ProposeForm(services.rival(plan), request.POST), 422
    if form.is_valid():
        try:
            services.propose(plan=plan, by=request.user, **form.cleaned_data)
        except Refused as refused:
            messages.error(request, str(refused))
            status = status_of(refused)
        else:
            messages.success(request, _("The plan is before the officers."))
            return redirect("plan", pk)
    return page(request, plan, form, status)


@require_POST
@access.staff(*MAKERS)
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it back, for a reason that is kept."""
    plan = fetch(request, pk)
    try:
        services.withdraw(plan=plan, by=request.user, reason=request.POST.get("reason", ""))
    except Refused as refused:
        messages.error(request, str(refused))
        return page(request, plan, status=status_of(refused))
    messages.success(request, _("The plan is withdrawn."))
    return redirect("plan", pk)


@require_POST
@access.staff(*TRIERS)
def dry_run(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything an execution does but its end, and what came of it."""
    plan = fetch(request, pk)
    try:
        posting = dry_runs.dry_run(plan=plan, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return page(request, plan, status=status_of(refused))
    context = {
        **around(plan.incident, TAB),
        "plan": plan,
        "posting": posting,
        "steps": [(name.replace("_", " "), f"{s:.3f}") for name, s in posting.seconds.items()],
        "seconds": f"{sum(posting.seconds.values()):.3f}",
    }
    return render(request, "plans/dry_run.html", context)
