"""Closing trading or withdrawals, and opening them again."""

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.models import Gate, Incident
from backoffice.queries import incidents as queries
from backoffice.services import incidents as services
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.incident_frame import around
from exchange.models import Contract


class CloseForm(forms.Form):
    """What to close, for how long, and why."""

    kind = forms.ChoiceField(label=_("Close"), choices=Gate.Kind.choices)
    contract = forms.ModelChoiceField(
        Contract.objects.none(), label=_("Contract"), required=False,
        empty_label=_("All of the venue"),
        help_text=_("What a plan needs closed stands on its page."),
    )  # fmt: skip
    hours = forms.IntegerField(
        label=_("Hours"), min_value=1, max_value=services.GATE_HOURS_MAX, initial=24,
        help_text=_("Then it opens by itself, unless someone decides again."),
    )  # fmt: skip
    reason = forms.CharField(label=_("Reason"), max_length=200, help_text=_("Customers read it."))

    def __init__(self, incident: Incident, *args: object) -> None:
        super().__init__(*args, auto_id="close_%s")
        self.fields["contract"].queryset = Contract.objects.filter(
            venue=incident.venue_id
        ).order_by("tape_index")


class ProlongForm(forms.Form):
    """Until how long from now a gate stays closed, and why."""

    hours = forms.IntegerField(
        label=_("Hours from now"), min_value=1, max_value=services.GATE_HOURS_MAX
    )
    reason = forms.CharField(label=_("Why it stays closed"), max_length=200)


def hands(request: HttpRequest) -> dict[str, bool | int]:
    """Who is looking may close and open (`may_act`), or keep closed for longer (`may_prolong`), for
    how long at most."""
    return {
        "may_act": access.holds(request, *services.DESK),
        "may_prolong": access.holds(request, *services.OFFICERS),
        "hours_max": services.GATE_HOURS_MAX,
    }


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """All gates of the incident, those closed now first."""
    incident = access.incident(request, slug)
    return _page(request, incident, CloseForm(incident))


@require_POST
@access.staff(*services.DESK)
def close(request: HttpRequest, slug: str) -> HttpResponse:
    """Close a gate; back to the overview, or the form with what was wrong."""
    incident = access.incident(request, slug)
    form = CloseForm(incident, request.POST)
    if form.is_valid():
        try:
            gate = services.close_gate(incident=incident, by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("%s is closed.") % gate.get_kind_display())
            return redirect("incident", slug)
    return _page(request, incident, form, status=422)


@require_POST
@access.staff(*services.OFFICERS)
def prolong(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a gate closed for longer; back to the overview, which says why not when it was
    refused."""
    gate = _gate(request, pk)
    form = ProlongForm(request.POST)
    if not form.is_valid():
        for name, wrong in form.errors.items():
            messages.error(request, f"{form.fields[name].label}: {' '.join(wrong)}")
        return redirect("incident", gate.incident.slug)
    try:
        services.prolong_gate(gate=gate, by=request.user, **form.cleaned_data)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        until = gate.expires_at.strftime("%Y-%m-%d %H:%M UTC")
        messages.success(
            request,
            _("%(door)s stays closed until %(until)s.")
            % {"door": gate.get_kind_display(), "until": until},
        )
    return redirect("incident", gate.incident.slug)


@require_POST
@access.staff(*services.DESK)
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """Open a gate again; back to the overview, which says why not when it was refused."""
    gate = _gate(request, pk)
    try:
        services.lift_gate(gate=gate, by=request.user, reason=request.POST.get("reason", ""))
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("%s is open.") % gate.get_kind_display())
    return redirect("incident", gate.incident.slug)


def _gate(request: HttpRequest, pk: int) -> Gate:
    rows = Gate.objects.select_related("incident__venue")
    return access.fetch(request, rows, lambda row: row.incident.venue, pk=pk)


def _page(
    request: HttpRequest, incident: Incident, form: CloseForm, status: int = 200
) -> HttpResponse:
    context = {
        **around(incident),
        "gate_rows": queries.gates(incident),
        "close_form": form,
        **hands(request),
    }
    return render(request, "incidents/gates.html", context, status=status)
