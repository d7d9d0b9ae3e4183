"""Forced closes: the table of an incident, the receipt of one, the same as CSV."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from backoffice.models import Incident
from backoffice.views import access, downloads
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from exchange.models import Contract, Liquidation
from exchange.queries import liquidations as queries

CSV_HEAD = (
    "account", "contract", "verdict", "recorded_at", "due_printed_at", "due_fair_at", "quantity",
    "takeover_price", "printed_mark", "fair_mark", "equity_printed", "maintenance_printed",
    "equity_fair", "maintenance_fair", "lost", "asset",
)  # fmt: skip


class Filters(forms.Form):
    """Which forced closes; what is not understood is left out."""

    verdict = forms.ChoiceField(
        label=_("Verdict"), required=False, choices=[("", _("Any")), *Liquidation.Verdict.choices]
    )
    contract = forms.ChoiceField(label=_("Contract"), required=False)
    account = forms.CharField(label=_("Account or name"), required=False, max_length=64)

    def __init__(self, data: Any, incident: Incident) -> None:
        super().__init__(data)
        symbols = Contract.objects.filter(venue=incident.venue_id).order_by("tape_index")
        self.fields["contract"].choices = [
            ("", _("Any")), *((s, s) for s in symbols.values_list("symbol", flat=True))
        ]  # fmt: skip

    def chosen(self) -> queries.Filter:
        """The filter that was asked for, or one that lets everything through."""
        if not self.is_valid():
            return queries.Filter()
        asked = self.cleaned_data
        return queries.Filter(asked["verdict"], asked["contract"], asked["account"])


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """A page of forced closes with the totals of all that were chosen."""
    incident = access.incident(request, slug)
    filters = Filters(request.GET or None, incident)
    chosen = filters.chosen()
    context = {
        "incident": incident,
        "filters": filters,
        "page": queries.of_tape(incident.tape_id, chosen, after=request.GET.get("after", "")),
        "totals": queries.totals(incident.tape_id, chosen),
    }
    if not swaps(request):
        context |= around(incident)
    return page_or_part(request, "liquidations/list.html", "liquidations/_rows.html", context)


@require_GET
@access.staff()
def download(request: HttpRequest, slug: str) -> HttpResponse:
    """All that were chosen, as CSV."""
    incident = access.incident(request, slug)
    chosen = Filters(request.GET or None, incident).chosen()
    rows = (_cells(row) for row in queries.every(incident.tape_id, chosen))
    return downloads.table(f"liquidations-{slug}", CSV_HEAD, rows)


def _cells(row: queries.LiquidationRow) -> list[downloads.Cell]:
    tick = row.tick.normalize()
    prices = (row.price_ticks, row.printed_ticks, row.fair_ticks)
    amounts = (
        row.equity_printed, row.maintenance_printed, row.equity_fair, row.maintenance_fair, row.loss
    )  # fmt: skip
    return [
        row.account, row.symbol, row.verdict, row.recorded_at, row.due_printed_at, row.due_fair_at,
        row.quantity, *(None if ticks is None else ticks * tick for ticks in prices),
        *(downloads.units(amount, row.decimals) for amount in amounts), row.asset,
    ]  # fmt: skip


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The receipt: the same object, in the same part, that the customer reads."""
    liquidation = access.liquidation(request, pk)
    incident = (
        Incident.objects.select_related("venue", "tape", "contract__settle", "commander")
        .filter(tape=liquidation.tape_id)
        .order_by("-pk")
        .first()
    )
    context = {
        "liquidation": liquidation,
        "receipt": liquidation.receipt,
        "frame": "accounts/page.html",
    }
    if incident:
        context |= {"frame": "incidents/page.html", **around(incident)}
    return render(request, "liquidations/detail.html", context)
