"""The cascade of an incident: what might not have happened, who caused what, as page and as CSV."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from backoffice import figures
from backoffice.models import Cascade, CascadeNode, Incident
from backoffice.queries import cascades as queries
from backoffice.services import counterfactuals
from backoffice.services.refusals import Refused
from backoffice.templatetags.charts import Part
from backoffice.views import access, cascade_chart, downloads
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps

STEP_SECONDS = 10
CHOICES = (
    ("", gettext_lazy("All")),
    ("certain", gettext_lazy("Avoided under every assumption")),
    ("removed", gettext_lazy("Avoided at most")),
    ("never", gettext_lazy("Avoided under none")),
)
CLOSES_HEAD = (
    "number", "account", "contract", "recorded_at", "position", "verdict", "generation", "cause",
    "cause_account", "moved", "caused", "below", "flagged_share", "estimate_capped",
    "estimate_scaled", "estimate_removed",
)  # fmt: skip
EDGES_HEAD = (
    "close", "account", "contract", "recorded_at", "mover", "mover_kind", "mover_account",
    "mover_recorded_at", "moving_contract", "mark_before", "mark_at", "ticks", "move",
)  # fmt: skip


class Filters(forms.Form):
    """Which closes; what is not understood is left out."""

    avoided = forms.ChoiceField(label=gettext_lazy("Closes"), required=False, choices=CHOICES)

    def chosen(self) -> str:
        """One of the choices, "" for all."""
        return str(self.cleaned_data["avoided"]) if self.is_valid() else ""


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The range first, then the cascade over time, its tree, its closes. Nine statements."""
    incident = access.incident(request, slug)
    row = queries.of_incident(incident)
    context: dict[str, Any] = {"incident": incident, "cascade": row}
    if row is not None and row.computed_at:
        filters = Filters(request.GET or None)
        after = request.GET.get("after", "")
        context |= {
            "filters": filters,
            "page": queries.closes(incident, row, filters.chosen(), after=after),
        }
    if not swaps(request):
        context |= around(incident)
        context["may_act"] = access.holds(request, *counterfactuals.MAY_COMPUTE)
        if row is not None and row.computed_at:
            context |= _whole(incident, row)
    return page_or_part(request, "cascade/page.html", "cascade/_closes.html", context)


def _whole(incident: Incident, row: Cascade) -> dict[str, Any]:
    """What stands above the table of closes."""
    movers = queries.movers(incident, row)
    drawn = cascade_chart.steps(queries.steps(incident, row, seconds=STEP_SECONDS), STEP_SECONDS)
    return {
        "said": row.summary,
        "paths": row.summary["paths"],
        "steps": drawn,
        "tree": cascade_chart.tree(queries.tree(incident, row)),
        "movers": movers,
        "idle": len(row.summary["flagged"]) - sum(node.kind == "flagged" for node in movers),
        "levels": [_level(level, incident) for level in row.summary["levels"]],
    }


def _level(level: dict[str, str], incident: Incident) -> dict[str, Any]:
    """How far the price went one way, and by whose trades, as parts of a composition in ticks."""
    names = (("flagged", _("Flagged accounts")), ("closes", _("Forced closes")),
             ("others", _("Other traders")))  # fmt: skip
    tick = incident.contract.tick
    parts = [Part(label, int(Decimal(level[name]) / tick)) for name, label in names]
    return {
        "fall": level["side"] == "fall",
        "start": figures.price(int(Decimal(level["start"]) / tick), tick),
        "end": figures.price(int(Decimal(level["end"]) / tick), tick),
        "parts": parts,
        "ticks": sum(part.count for part in parts),
    }


@require_GET
@access.staff()
def show(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One node: what caused it, what it caused. Eight statements."""
    incident = access.incident(request, slug)
    row = _computed(incident)
    node = queries.node(incident, row, number)
    if node is None:
        raise Http404
    effects = queries.effects(incident, row, number, after=request.GET.get("after", ""))
    context = {"incident": incident, "node": node, "page": effects}
    if not swaps(request):
        context |= around(incident)
        context["causes"] = queries.causes(incident, row, number)
        context["paths"] = [bit.name.lower() for bit in CascadeNode.Avoided if node.avoided & bit]
    return page_or_part(request, "cascade/node.html", "cascade/_effects.html", context)


@require_POST
@access.staff(*counterfactuals.MAY_COMPUTE)
def compute(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask a worker for it."""
    incident = access.incident(request, slug)
    try:
        counterfactuals.request(incident=incident, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("A worker is tracing it. Load this page again in a moment."))
    return redirect("incident-cascade", slug)


@require_GET
@access.staff()
def closes(request: HttpRequest, slug: str) -> HttpResponse:
    """Every close that was chosen, with its cause and the estimates, as CSV."""
    incident = access.incident(request, slug)
    row = _computed(incident)
    chosen = Filters(request.GET or None).chosen()
    rows = (_close_cells(node) for node in queries.every_close(incident, row, chosen))
    return downloads.table(f"cascade-closes-{slug}", CLOSES_HEAD, rows)


@require_GET
@access.staff()
def edges(request: HttpRequest, slug: str) -> HttpResponse:
    """Every edge: whose trades moved the mark by how much of whose move, as CSV."""
    incident = access.incident(request, slug)
    row = _computed(incident)
    return downloads.table(f"cascade-{slug}", EDGES_HEAD, map(_edge_cells, queries.edges(row)))


def _computed(incident: Incident) -> Cascade:
    """The incident's cascade; 404 while there is none."""
    row = queries.of_incident(incident)
    if row is None or row.computed_at is None:
        raise Http404
    return row


def _close_cells(node: queries.Node) -> list[downloads.Cell]:
    moved = None if node.moved_tick is None else node.moved_ticks * node.moved_tick.normalize()
    estimates = [int(bool(node.avoided & bit)) for bit in CascadeNode.Avoided]
    return [
        node.number, node.account, node.symbol, node.recorded_at, node.quantity, node.verdict,
        node.generation, node.cause_kind, node.cause_account, moved, node.caused, node.below,
        Decimal(node.share_ppm).scaleb(-6), *estimates,
    ]  # fmt: skip


def _edge_cells(edge: tuple[Any, ...]) -> list[downloads.Cell]:
    (target, source, kind, mover, sold_at, account, symbol, recorded, moving, tick, before, at,
     ticks) = edge  # fmt: skip
    step = None if tick is None else tick.normalize()
    prices = [None if step is None else each * step for each in (before, at)]
    return [
        target, account, symbol, recorded, source, kind, mover, sold_at, moving, *prices, ticks,
        None if step is None else ticks * step,
    ]  # fmt: skip
