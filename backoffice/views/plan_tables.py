"""The long tables of a plan: its effects by extremes, its cash legs, its position legs.

Each is a page of its own, fifty rows at a time by key, so that the last page costs what the first
does.
"""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from backoffice.queries import plans as queries
from backoffice.views import access
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.plan_figures import by_asset
from backoffice.views.plans import TAB, fetch
from exchange.models import LedgerAccount
from exchange.queries.keyset import Page


class Filters(forms.Form):
    """What narrows the effects; what is not understood is left out."""

    asset = forms.ChoiceField(label=_("Asset"), required=False)
    account = forms.CharField(label=_("Account code"), required=False, max_length=40)
    again = forms.BooleanField(label=_("Closed by force again"), required=False)

    def __init__(self, data: Any, codes: list[str]) -> None:
        super().__init__(data)
        self.fields["asset"].choices = [(code, code) for code in codes]


@require_GET
@access.staff()
def effects(request: HttpRequest, pk: int) -> HttpResponse:
    """What the plan does to each account in one asset, the largest gain first."""
    plan = fetch(request, pk)
    assets = {row.asset.code: row.asset for row in by_asset(plan, queries.assets(plan))}
    if not assets:
        raise Http404
    filters = Filters(request.GET or None, list(assets))
    asked = filters.cleaned_data if filters.is_valid() else {}
    asset = assets[asked.get("asset") or next(iter(assets))]
    page = queries.effects(
        plan,
        asset,
        sort=request.GET.get("sort", ""),
        account=asked.get("account", "").strip(),
        closed_again=asked.get("again", False),
        after=request.GET.get("after", ""),
    )
    context = {"plan": plan, "page": page, "filters": filters, "asset": asset}
    return _answer(request, "effects", context)


@require_GET
@access.staff()
def legs(request: HttpRequest, pk: int) -> HttpResponse:
    """The cash legs in the order they were staged."""
    plan = fetch(request, pk)
    page = queries.cash_legs(plan, after=request.GET.get("after", ""))
    rows = [(leg, LedgerAccount.Kind(leg.kind).label) for leg in page.rows]
    return _answer(request, "legs", {"plan": plan, "page": Page(rows, page.after)})


@require_GET
@access.staff()
def positions(request: HttpRequest, pk: int) -> HttpResponse:
    """The position legs in the order they were staged."""
    plan = fetch(request, pk)
    page = queries.position_legs(plan, after=request.GET.get("after", ""))
    return _answer(request, "positions", {"plan": plan, "page": page})


def _answer(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    if not swaps(request):
        context |= around(context["plan"].incident, TAB)
    return page_or_part(request, f"plans/{name}.html", f"plans/_{name}.html", context)
