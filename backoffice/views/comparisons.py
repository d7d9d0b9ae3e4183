"""Remedies side by side: asking for a comparison, following it, reading one.

Everyone on the desk may look. Only an analyst who is not recused asks for one, because what is
compared decides who is recused.
"""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.models import Comparison, Incident
from backoffice.queries import comparisons as queries
from backoffice.services import comparisons as services
from backoffice.services import locks, recusals
from backoffice.services.refusals import Refused
from backoffice.views import access, comparison_screen, under_way
from backoffice.views.comparison_forms import EXTRAS_MAX, DefaultsForm, ScenarioForm, extras
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.refusing import status_of
from exchange.domain.remedies.catalogue import REMEDIES

MAKERS = services.MAY_COMPARE
TAB = "incident-remedies"


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest finished comparison, what is being computed, and the ones before."""
    incident = access.incident(request, slug)
    rows = list(queries.of_incident(incident))
    done = [row for row in rows if row.state == Comparison.State.DONE]
    shown: dict[str, Any] = {}
    if done:
        done[0].incident = incident
        shown = comparison_screen.of(request, done[0])
    context = {
        **around(incident, TAB),
        **shown,
        "job": job(rows[0]) if rows[:1] != done[:1] else None,
        "older": [row for row in rows if row not in (rows[0], *done[:1])],
        **_makers(request, incident),
        "defaults": range(len(services.SCENARIOS)),
    }
    return page_or_part(request, "remedies/list.html", "remedies/_comparison.html", context)


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One comparison, or how far it has come."""
    comparison = fetch(request, pk)
    context: dict[str, Any] = {"comparison": comparison, "job": job(comparison)}
    if comparison.state == Comparison.State.DONE:
        context |= comparison_screen.of(request, comparison)
        context |= _makers(request, comparison.incident)
    if not swaps(request):
        context |= around(comparison.incident, TAB)
    return page_or_part(request, "remedies/detail.html", "remedies/_comparison.html", context)


@require_GET
@access.staff()
def progress(request: HttpRequest, pk: int) -> HttpResponse:
    """How far a comparison has come: polled while it runs."""
    comparison = fetch(request, pk)
    if not swaps(request):
        return redirect("comparison", pk)
    return render(request, "remedies/_progress.html", {"job": job(comparison)})


@require_GET
@access.staff()
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """A comparison to be put together: everything that is compared by default, `add` besides."""
    incident = access.incident(request, slug)
    every = [str(number) for number in range(len(services.SCENARIOS))]
    added = extras(request.GET, queries.symbols(incident))
    return _draft(request, incident, DefaultsForm(initial={"default": every}), added)


@require_POST
@access.staff(*MAKERS)
def compute(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask a worker to compare what was put together; the draft again with one scenario more or
    less, or with what was wrong."""
    incident = access.incident(request, slug)
    symbols, given = queries.symbols(incident), request.POST
    if "add" in given or "drop" in given:
        form = DefaultsForm(initial={"default": given.getlist("default")})
        return _draft(request, incident, form, extras(given, symbols), changed=True)
    form, added, status = DefaultsForm(given), extras(given, symbols, bound=True), 422
    sound = [each.is_valid() for each in (form, *added)]
    if all(sound):
        wanted = [*form.scenarios(), *(each.steps() for each in added)]
        try:
            services.request(incident=incident, by=request.user, scenarios=wanted)
        except Refused as refused:
            form.add_error(None, str(refused))
            status = status_of(refused)
        else:
            return redirect(TAB, slug)
    return _draft(request, incident, form, added, status)


def fetch(request: HttpRequest, pk: int) -> Comparison:
    """A comparison with its incident; one statement."""
    return access.fetch(request, queries.detailed(), lambda row: row.incident.venue, pk=pk)


def job(row: Comparison) -> Mapping[str, Any]:
    """What a progress bar shows of a comparison; a finished one is at its end."""
    told = under_way.told(row)
    stage = told.stage if told else _("Waiting for a worker")
    done = _("Comparison %s is computed") % row.pk
    zone = row.incident.zone
    idle = row.under_way and under_way.waiting(
        row, space=locks.COMPARISON, number=row.pk, zone=zone
    )
    return {
        "row": row,
        "state": row.state,
        "label": _("Compare remedies"),
        "message": row.message or (stage if row.under_way else done),
        "waiting": idle,
        "done": told.done if told else int(row.state == Comparison.State.DONE),
        "total": told.total if told else 1,
        "running": row.under_way,
    }


def _draft(
    request: HttpRequest,
    incident: Incident,
    form: DefaultsForm,
    added: list[ScenarioForm],
    status: int = 200,
    *,
    changed: bool = False,
) -> HttpResponse:
    context = {
        **around(incident, TAB),
        **_makers(request, incident),
        "form": form,
        "added": added,
        "changed": changed,
        "remedies": list(REMEDIES.values()) if len(added) < EXTRAS_MAX else [],
    }
    return render(request, "remedies/new.html", context, status=status)


def _makers(request: HttpRequest, incident: Incident) -> dict[str, bool]:
    """Whether whoever asks makes comparisons and plans here; one statement for an analyst."""
    maker = access.holds(request, *MAKERS)
    recused = maker and recusals.recused(incident=incident, person=request.user)
    return {"may_make": maker and not recused, "recused": recused}
