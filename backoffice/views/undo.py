"""Asking for the undo of a reconciled plan: a reason, and a computed plan to look at."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from backoffice.services import undo
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.plans import fetch, page
from backoffice.views.refusing import status_of


@require_POST
@access.staff(*undo.MAY_UNDO)
def compute(request: HttpRequest, pk: int) -> HttpResponse:
    """Compute it and go there; or the plan's page again with why not."""
    plan = fetch(request, pk)
    try:
        made = undo.compute_undo(plan=plan, by=request.user, reason=request.POST.get("reason", ""))
    except Refused as refused:
        messages.error(request, str(refused))
        return page(request, plan, status=status_of(refused))
    messages.success(request, _("Plan %s is computed. Nothing is moved yet.") % made.pk)
    return redirect("plan", made.pk)
