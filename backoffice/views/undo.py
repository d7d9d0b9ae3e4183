"""Asking for the undo of a reconciled plan: a reason, and a worker computes a plan to look at."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from backoffice.services import computations, undo
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.plans import fetch, page
from backoffice.views.refusing import status_of


@require_POST
@access.staff(*undo.MAY_UNDO)
def compute(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for it and go to the list, which follows it; or the plan's page with why not."""
    plan = fetch(request, pk)
    try:
        computations.request_undo(plan=plan, by=request.user, reason=request.POST.get("reason", ""))
    except Refused as refused:
        messages.error(request, str(refused))
        return page(request, plan, status=status_of(refused))
    return redirect("incident-plans", plan.incident.slug)
