"""Times the desk commits to in public, and keeping them."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.models import Promise
from backoffice.services import notices as services
from backoffice.services.refusals import Refused
from backoffice.views import access, notices
from backoffice.views.refusing import status_of

WRITERS = services.MAY_PUBLISH


@require_POST
@access.staff(*WRITERS)
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Commit to a time; the notices again with what was wrong."""
    incident = access.incident(request, slug)
    form, status = notices.PromiseForm(request.POST), 422
    if form.is_valid():
        try:
            services.promise(incident=incident, by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.add_error("due_at", str(refused))
            status = status_of(refused)
        else:
            messages.success(request, _("The promise is public."))
            return redirect("incident-notices", slug)
    return notices.page(request, incident, form, status)


@require_POST
@access.staff(*WRITERS)
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Record that it was kept, now."""
    rows = Promise.objects.select_related("incident__venue")
    promise = access.fetch(request, rows, lambda row: row.incident.venue, pk=pk)
    try:
        services.keep_promise(promise=promise, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Recorded as kept."))
    return redirect("incident-notices", promise.incident.slug)
