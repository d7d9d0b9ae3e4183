"""Breaking the glass for a plan: opened, seconded and reviewed on one page, with plain forms.

What was opened and when is shown to all staff; by whom, only to those who are not recused.
"""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from backoffice.models import BreakGlass, BreakGlassReview, Plan
from backoffice.queries import break_glass as queries
from backoffice.services import approvals
from backoffice.services import break_glass as services
from backoffice.services.refusals import Refused
from backoffice.views import access, proving
from backoffice.views.incident_frame import around
from backoffice.views.plans import TAB, fetch, summary
from backoffice.views.proving import ProofForm
from backoffice.views.refusing import status_of

REVIEWABLE = (queries.UNREVIEWED, queries.OVERDUE)


class OpenForm(ProofForm):
    """Why, and a proof."""

    reason = forms.CharField(
        label=_("Why the quorum cannot be met in time"), max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Who is missing, and what happens if you wait. It is reviewed within a day."),
    )  # fmt: skip
    field_order = ("digest", "signed", "reason", "role", "code")


class SecondForm(ProofForm):
    """A proof."""


class ReviewForm(forms.Form):
    """Whether it was right, and what was found."""

    outcome = forms.ChoiceField(
        label=_("Was it justified?"), choices=BreakGlassReview.Outcome.choices,
        widget=forms.RadioSelect,
    )  # fmt: skip
    finding = forms.CharField(
        label=_("What you found"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What was needed, who was missing, what was decided. It stands."),
    )
    auto_id = "review_%s"


@require_http_methods(["GET", "POST"])
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """What there is to do for whoever asks; on POST it is done, or the page says why not."""
    plan = fetch(request, pk)
    if request.method != "POST":
        return _page(request, plan)
    act = {"open": _open, "second": _second, "review": _review}.get(request.POST.get("act", ""))
    if act is None:
        return _page(request, plan, 422, refused=_("That is nothing one can do here."))
    return act(request, plan)


def _open(request: HttpRequest, plan: Plan) -> HttpResponse:
    form = OpenForm(request.POST, roles=services.roles(request.user))
    return _prove(
        request, plan, "open_form", form, _("It is open. Another officer has to second it."),
        lambda: services.open_glass(
            plan=plan, by=request.user, reason=form.cleaned_data["reason"], proof=form.proof,
            role=form.role,
        ),
    )  # fmt: skip


def _second(request: HttpRequest, plan: Plan) -> HttpResponse:
    form = SecondForm(request.POST, roles=services.roles(request.user))
    return _prove(
        request, plan, "second_form", form, _("The glass is broken. Any two officers decide now."),
        lambda: services.second(plan=plan, by=request.user, proof=form.proof, role=form.role),
    )  # fmt: skip


def _prove(
    request: HttpRequest,
    plan: Plan,
    name: str,
    form: ProofForm,
    done: str | Promise,
    act: Callable[[], object],
) -> HttpResponse:
    """Do what a valid form asks on the plan as it was looked at, or show why it was refused."""
    if not form.is_valid():
        return _page(request, plan, 422, **{name: form})
    shown, plan.digest = plan.digest, form.cleaned_data["digest"]
    try:
        act()
    except Refused as refused:
        plan.digest = shown
        why = "" if form.refuse(refused) else str(refused)
        return _page(request, plan, status_of(refused), **{name: form, "refused": why})
    messages.success(request, done)
    return redirect("plan-break-glass", plan.pk)


def _review(request: HttpRequest, plan: Plan) -> HttpResponse:
    form, row = ReviewForm(request.POST), _reviewable(plan)
    if row is None:
        return _page(request, plan, 409, refused=_("Nothing waits to be reviewed."))
    if not form.is_valid():
        return _page(request, plan, 422, review_form=form)
    try:
        services.review(break_glass=row, by=request.user, **form.cleaned_data)
    except Refused as refused:
        return _page(request, plan, status_of(refused), review_form=form, refused=str(refused))
    messages.success(request, _("Your review is kept."))
    return redirect("plan-break-glass", plan.pk)


def _page(request: HttpRequest, plan: Plan, status: int = 200, **context: Any) -> HttpResponse:
    roles, seen = services.roles(request.user), {"digest": plan.digest}
    shown = summary(plan, request.user)
    live = services.live(plan)
    row = _reviewable(plan)
    context = {
        **around(plan.incident, TAB),
        **shown,
        "open_form": OpenForm(initial=seen, roles=roles),
        "second_form": SecondForm(initial=seen, roles=roles),
        "review_form": ReviewForm(),
        "live": live,
        "holds": bool(live and hasattr(live, "second")),
        "why_not": _why_not(request, plan, live),
        "reviewable": row,
        "why_not_review": services.not_reviewer(break_glass=row, by=request.user) if row else "",
        **proving.place(request),
        **context,
    }
    return render(request, "plans/break_glass.html", context, status=status)


def _reviewable(plan: Plan) -> BreakGlass | None:
    glasses = queries.of_plan(plan, timezone.now())
    return next((glass.row for glass in glasses if glass.state in REVIEWABLE), None)


def _why_not(request: HttpRequest, plan: Plan, live: BreakGlass | None) -> str:
    """Why whoever asks can neither open nor second it now; empty when they can."""
    try:
        approvals.check_open(plan, seen_digest=plan.digest)
    except Refused as refused:
        return str(refused)
    if live and not hasattr(live, "second") and live.officer_id == request.user.pk:
        return _("You opened it; somebody else has to second it.")
    return services.ineligible(plan=plan, by=request.user) or ""
