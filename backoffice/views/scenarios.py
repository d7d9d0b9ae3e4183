"""From a scenario to what follows: a plan computed of it, one account across all, the paper."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from backoffice import remedy_words
from backoffice.models import Comparison, Scenario
from backoffice.queries import comparisons as queries
from backoffice.services import committee_paper, computations, recusals
from backoffice.services.refusals import Refused
from backoffice.views import access, comparison_screen
from backoffice.views.comparison_forms import CutoffForm
from backoffice.views.comparisons import MAKERS, TAB, fetch
from backoffice.views.incident_frame import around
from backoffice.views.refusing import status_of
from exchange.models import Account


@require_POST
@access.staff(*MAKERS)
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask a worker for the plan of a scenario; to the plans, which follow it."""
    rows = Scenario.objects.select_related(
        "comparison__incident__venue", "comparison__incident__tape",
        "comparison__incident__contract__settle", "comparison__requested_by",
    )  # fmt: skip
    row = access.fetch(request, rows, lambda row: row.comparison.incident.venue, pk=pk)
    incident = row.comparison.incident
    form, status = CutoffForm(incident, request.POST), 422
    if form.is_valid():
        try:
            computations.request(
                incident=incident,
                by=request.user,
                steps=remedy_words.steps_of(row.remedy, row.parameters),
                cutoff=form.cleaned_data["cutoff"],
            )
        except Refused as refused:
            form.add_error(None, str(refused))
            status = status_of(refused)
        else:
            return redirect("incident-plans", incident.slug)
    recused = recusals.recused(incident=incident, person=request.user)
    context = {
        **around(incident, TAB),
        **comparison_screen.of(request, row.comparison, form, at=row.number + 1),
        "recused": recused,
        "may_make": not recused,
    }
    return render(request, "remedies/detail.html", context, status=status)


@require_GET
@access.staff()
def account(request: HttpRequest, pk: int, account: int) -> HttpResponse:
    """What every scenario of a comparison does to one account."""
    comparison = _finished(request, pk)
    accounts = Account.objects.filter(venue=comparison.incident.venue_id)
    row = get_object_or_404(accounts, pk=account)
    context: dict[str, Any] = {
        **around(comparison.incident, TAB),
        "comparison": comparison,
        "account": row,
        "rows": [
            (each, each.number + 1, remedy_words.name_of(each.remedy, each.parameters))
            for each in queries.of_account(comparison, row)
        ],
    }
    return render(request, "remedies/account.html", context)


@require_GET
@access.staff()
def paper(request: HttpRequest, pk: int) -> HttpResponse:
    """The comparison as the committee's paper: the same bytes whenever it is asked for."""
    comparison = _finished(request, pk)
    response = HttpResponse(committee_paper.pdf(comparison), content_type="application/pdf")
    name = f"{comparison.incident.slug}-comparison-{comparison.pk}.pdf"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _finished(request: HttpRequest, pk: int) -> Comparison:
    comparison = fetch(request, pk)
    if comparison.state != Comparison.State.DONE:
        raise Http404
    return comparison
