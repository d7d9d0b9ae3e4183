"""The list of incidents and the overview of one."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from backoffice.models import Incident
from backoffice.queries import incidents as queries
from backoffice.views import access
from backoffice.views.incident_frame import around, gate_words
from backoffice.views.parts import page_or_part
from exchange.queries import liquidations
from exchange.queries.keyset import Page

VERDICTS = ("not_due", "due_printed_only", "missed")


class Filters(forms.Form):
    """What narrows the list; what is not understood is left out."""

    q = forms.CharField(label=_("Title"), required=False, max_length=80)
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=[("", _("Any")), *Incident.Status.choices]
    )


@require_GET
@access.staff()
def index(request: HttpRequest) -> HttpResponse:
    """Every incident, newest first, with its gates, verdicts and newest plan. Four statements."""
    filters = Filters(request.GET or None)
    chosen = filters.cleaned_data if filters.is_valid() else {}
    page = queries.page(
        status=chosen.get("status", ""),
        words=chosen.get("q", ""),
        after=request.GET.get("after", ""),
    )
    context = {"filters": filters, "page": Page(_rows(page.rows), page.after)}
    return page_or_part(request, "incidents/list.html", "incidents/_rows.html", context)


def _rows(incidents: list[Incident]) -> list[dict[str, Any]]:
    ids = [incident.pk for incident in incidents]
    gates, plans = queries.gates_closed(ids), queries.plan_states(ids)
    verdicts = liquidations.counts([incident.tape_id for incident in incidents])
    return [
        {
            "incident": incident,
            "url": reverse("incident", args=[incident.slug]),
            "gates": gate_words(gates[incident.pk]),
            "verdicts": [verdicts.get(incident.tape_id, {}).get(v, 0) for v in VERDICTS],
            "plan": plans.get(incident.pk),
        }
        for incident in incidents
    ]


@require_GET
@access.staff()
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """The overview."""
    incident = access.incident(request, slug)
    return render(request, "incidents/detail.html", around(incident))
