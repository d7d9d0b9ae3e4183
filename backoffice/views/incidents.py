"""The list of incidents, the overview of one, and its status."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.models import Incident, Plan
from backoffice.queries import break_glass, campaigns, notices, overview, plans
from backoffice.queries import incidents as queries
from backoffice.services import incidents as services
from backoffice.services import undo
from backoffice.services.refusals import Refused
from backoffice.templatetags.charts import Part
from backoffice.views import access, incident_chart
from backoffice.views.gates import CloseForm, hands
from backoffice.views.incident_frame import address, around, gate_words
from backoffice.views.next_steps import Situation, steps
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.timeline import EntryForm
from backoffice.views.undone import taken_back, undone
from exchange.models import Contract, Liquidation
from exchange.queries import liquidations
from exchange.queries.keyset import Page

VERDICTS = ("not_due", "due_printed_only", "missed")


class Filters(forms.Form):
    """What narrows the list; what is not understood is left out."""

    q = forms.CharField(label=_("Title"), required=False, max_length=80)
    status = forms.ChoiceField(
        label=_("Status"), required=False, choices=[("", _("Any")), *Incident.Status.choices]
    )


class ContractForm(forms.Form):
    """Which contract the chart shows."""

    contract = forms.ChoiceField(label=_("Contract"), required=False)

    def __init__(self, incident: Incident, chosen: Contract) -> None:
        super().__init__(initial={"contract": chosen.symbol})
        rows = Contract.objects.filter(venue=incident.venue_id).order_by("tape_index")
        self.fields["contract"].choices = [(row.symbol, row.symbol) for row in rows]


@require_GET
@access.staff()
def index(request: HttpRequest) -> HttpResponse:
    """Every incident, newest first, with its gates, verdicts and newest plan, the broken glasses
    that wait for somebody, and the plans that wait for the officer who asks. Five statements, and
    one more for an officer."""
    filters = Filters(request.GET or None)
    chosen = filters.cleaned_data if filters.is_valid() else {}
    page = queries.page(
        status=chosen.get("status", ""),
        words=chosen.get("q", ""),
        after=request.GET.get("after", ""),
    )
    context = {"filters": filters, "page": Page(_rows(page.rows), page.after)}
    if not swaps(request):
        now = timezone.now()
        context |= {"glasses": break_glass.unfinished(now), "to_decide": _to_decide(request, now)}
    return page_or_part(request, "incidents/list.html", "incidents/_rows.html", context)


def _to_decide(request: HttpRequest, now: datetime) -> list[tuple[Plan, int]]:
    """The plans that an officer of their role may decide on and has not, with the seconds left."""
    if not access.holds(request, *services.OFFICERS):
        return []
    rows = plans.waiting(request.user).filter(expires_at__gt=now)
    mine = rows.exclude(maker=request.user).exclude(approvals__officer=request.user)
    return [
        (plan, int((plan.expires_at - now).total_seconds()))
        for plan in mine
        if not plan.recused and access.holds(request, *plan.quorum)
    ]


def _rows(incidents: list[Incident]) -> list[dict[str, Any]]:
    ids = [incident.pk for incident in incidents]
    gates, newest = queries.gates_closed(ids), queries.plan_states(ids)
    verdicts = liquidations.counts([incident.tape_id for incident in incidents])
    return [
        {
            "incident": incident,
            "url": reverse("incident", args=[incident.slug]),
            "gates": gate_words(gates[incident.pk]),
            "verdicts": [verdicts.get(incident.tape_id, {}).get(v, 0) for v in VERDICTS],
            "plan": newest.get(incident.pk),
        }
        for incident in incidents
    ]


@require_GET
@access.staff()
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """The overview: what happened, how bad, what is closed, what comes next."""
    incident = access.incident(request, slug)
    contract = incident_chart.chosen_contract(request, incident)
    frame = around(incident)
    return render(
        request,
        "incidents/detail.html",
        {
            **frame,
            "contract": contract,
            "contracts": ContractForm(incident, contract),
            "chart_url": f"{reverse('incident-chart', args=[slug])}?contract={contract.symbol}",
            "chart_rows": incident_chart.table(incident, contract),
            "entries": queries.timeline(incident),
            "entry_form": EntryForm(),
            "gate_rows": queries.gates(incident),
            "close_form": CloseForm(incident),
            **hands(request),
            "advances": services.next_statuses(incident),
            **_figures(incident),
            **_next_steps(incident, frame["gates"]),
        },
    )


def _figures(incident: Incident) -> dict[str, Any]:
    """Low, index, sizes and verdicts; three statements."""
    facts = overview.low(incident)
    ticks = {
        key: int(Decimal(fact.value.replace(",", "")) / incident.contract.tick)
        for key, fact in facts.items()
    }
    counts = liquidations.counts([incident.tape_id]).get(incident.tape_id, {})
    closes, contracts, accounts = liquidations.size(incident.tape_id)
    return {
        "low": ticks.get("trade_min_price"),
        "low_index": ticks.get("index_at_low"),
        "low_under": ticks["index_at_low"] - ticks["trade_min_price"] if len(ticks) == 2 else None,
        "low_fact": facts.get("trade_min_price"),
        "closes": closes,
        "contracts_closed": contracts,
        "accounts_closed": accounts,
        "verdicts": [Part(v.label, counts.get(v.value, 0)) for v in Liquidation.Verdict],
    }


def _next_steps(incident: Incident, gates: dict[str, str]) -> dict[str, Any]:
    """The steps with their addresses, and the first that is not done; seven statements."""
    told = overview.told(incident)
    now = Situation(
        status=incident.status,
        all_closed=gates == {"trading": "halted", "withdrawals": "gate_closed"},
        all_open=gates == {"trading": "trading", "withdrawals": "gate_open"},
        plan=_standing_plan(incident),
        notices=0 if taken_back(notices.latest(incident, "en")) else told.notices,
        campaigns=0 if campaigns.unwritten(incident).exists() else told.campaigns,
    )
    found = steps(now)
    rows = [(step, address(step.page, incident.slug)) for step in found]
    return {"steps": rows, "next_step": next((step for step in found if not step.done), None)}


def _standing_plan(incident: Incident) -> str:
    """The state of the newest plan that counts: none that came to nothing, was undone or undid
    another. Where a remedy was undone, goodwill does not stand in for the next one."""
    rows = [plan for plan in plans.of_incident(incident) if plan.state not in undo.DEAD]
    undos = undone(rows)
    over = {*undos, *(row.batch_id for row in undos.values())}
    standing = [plan for plan in rows if plan.batch_id not in over]
    remedies = [plan for plan in standing if plan.remedy != Plan.Remedy.GOODWILL]
    wanted = any(row.remedy != Plan.Remedy.GOODWILL for row in rows if row.batch_id in undos)
    return next((plan.state for plan in (remedies if remedies or wanted else standing)), "")


@require_POST
@access.staff(*services.DESK)
def advance(request: HttpRequest, slug: str) -> HttpResponse:
    """One step on in the incident's status."""
    incident = access.incident(request, slug)
    try:
        services.advance(incident=incident, by=request.user, to=request.POST.get("to", ""))
    except Refused as refused:
        messages.error(request, str(refused))
    except ValueError:
        messages.error(request, _("There is no such status."))
    else:
        messages.success(request, _("The incident is now: %s") % incident.get_status_display())
    return redirect("incident", slug)
