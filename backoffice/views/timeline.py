"""The incident's timeline: reading all of it, writing a line."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.models import Incident
from backoffice.queries import incidents as queries
from backoffice.services import incidents as services
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps


class EntryForm(forms.Form):
    """A line by hand."""

    text = forms.CharField(label=_("New entry"), max_length=400)
    public = forms.BooleanField(label=_("Show it to the public"), required=False)

    def __init__(self, *args: object) -> None:
        super().__init__(*args, auto_id="entry_%s")


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every line, in the order of what happened."""
    return _page(request, access.incident(request, slug), EntryForm())


@require_POST
@access.staff()
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a line, dated now."""
    incident = access.incident(request, slug)
    form = EntryForm(request.POST)
    if form.is_valid():
        try:
            services.add_entry(incident=incident, by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.add_error("text", str(refused))
        else:
            if not swaps(request):
                return redirect("incident-timeline", slug)
            return _page(request, incident, EntryForm(), added=True)
    return _page(request, incident, form, status=422)


def _page(
    request: HttpRequest,
    incident: Incident,
    form: EntryForm,
    *,
    added: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "incident": incident,
        "entries": queries.timeline(incident),
        "entry_form": form,
        "added": added,
    }
    if not swaps(request):
        context |= around(incident)
    return page_or_part(
        request, "incidents/timeline.html", "incidents/_timeline.html", context, status
    )
