"""Deciding on a plan: exactly what one is about to approve, and a fresh proof of who does.

The digest that was looked at travels with the form, so a decision on another plan than the one
shown is refused. Every refusal is named on the page, and then nothing has changed.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods

from backoffice.models import Approval, Plan, Role
from backoffice.queries import plans as queries
from backoffice.services import approvals
from backoffice.services.refusals import Refused
from backoffice.views import access, plan_figures, proving
from backoffice.views.incident_frame import around
from backoffice.views.plans import TAB, fetch, may_take_part, summary
from backoffice.views.proving import ProofForm
from backoffice.views.refusing import status_of


class ApproveForm(ProofForm):
    """A proof, and the digest that was looked at."""


class RejectForm(ProofForm):
    """The same, and why."""

    reason = forms.CharField(
        label=_("Why you reject it"), max_length=300, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The maker and the auditors read it."),
    )  # fmt: skip
    field_order = ("digest", "signed", "reason", "code")


@require_GET
@access.staff()
def index(request: HttpRequest) -> HttpResponse:
    """Plans that wait for officers, of all incidents, the first to expire first."""
    return render(request, "plans/waiting.html", {"plans": list(queries.waiting(request.user))})


@require_http_methods(["GET", "POST"])
@access.staff()
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """What one is about to approve; on POST the decision, or the page with why it was refused."""
    plan = fetch(request, pk)
    seen, roles = {"digest": plan.digest}, approvals.roles(plan=plan, by=request.user)
    context = {**summary(plan, request.user), "approve": ApproveForm(initial=seen, roles=roles)}
    context |= {"reject": RejectForm(initial=seen, roles=roles)}
    if request.method == "POST":
        return _post(request, plan, context, roles)
    return _page(request, plan, context)


def _post(
    request: HttpRequest, plan: Plan, context: dict[str, Any], roles: list[str]
) -> HttpResponse:
    decision = request.POST.get("decision", "")
    approving = decision == Approval.Decision.APPROVE
    form = (ApproveForm if approving else RejectForm)(request.POST, roles=roles)
    context["approve" if approving else "reject"] = form
    if approving and not plan_figures.typed(request, context["phrase"]):
        context["typed_error"] = _("That is not the amount. Nothing was decided.")
        return _page(request, plan, context, 422)
    if not form.is_valid():
        return _page(request, plan, context, 422)
    shown, plan.digest = plan.digest, form.cleaned_data["digest"]
    try:
        approval = approvals.decide(
            plan=plan, by=request.user, decision=decision, proof=form.proof, role=form.role,
            reason=form.cleaned_data.get("reason", ""),
        )  # fmt: skip
    except Refused as refused:
        plan.digest = shown
        if not form.refuse(refused):
            context["refused"] = str(refused)
        return _page(request, plan, context, status_of(refused))
    messages.success(request, _("You decided: %s.") % approval.get_decision_display().lower())
    return redirect("plan", plan.pk)


def _page(
    request: HttpRequest, plan: Plan, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    why_not = _why_not(request, plan, context["standing"])
    context = {**around(plan.incident, TAB), **context, "why_not": why_not}
    if not why_not:
        context |= proving.place(request)
    return render(request, "plans/decide.html", context, status=status)


def _why_not(request: HttpRequest, plan: Plan, standing: approvals.Standing | None) -> str:
    """Why whoever asks cannot decide on it now; empty when they can. The recused have no
    standing."""
    if plan.state != Plan.State.PROPOSED:
        return _("This plan is %s; only a proposed plan is decided on.") % (
            plan.get_state_display().lower()
        )
    if plan.expires_at is None or plan.expires_at <= timezone.now():
        return _("The time to decide on this plan is over.")
    if plan.approvals.filter(officer=request.user).exists():
        return _("You have decided on this plan already.")
    if standing and plan.maker_id != request.user.pk and not may_take_part(request, plan, standing):
        asked = ", ".join(str(Role.Name(role).label).lower() for role in plan.quorum)
        return _("You hold none of the roles that decide on this plan: %s.") % asked
    return approvals.ineligible(plan=plan, by=request.user) or ""
