"""Goodwill: the rules of a programme, looked at before they are fixed, and whom they pay.

The preview runs the statement that makes the awards and rolls it back, so what is fixed is what was
shown. A programme pays through a plan, which officers decide on like any other.
"""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice import figures
from backoffice.models import Incident, Programme
from backoffice.queries import compensation as queries
from backoffice.services import compensation as services
from backoffice.services.refusals import Refused
from backoffice.templatetags.charts import Bin
from backoffice.views import access
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.refusing import status_of
from backoffice.views.undone import undone, undone_by
from exchange.models import Asset

MAKERS = services.MAY_MAKE
TAB = "incident-goodwill"
MONEY = {"max_digits": 24, "min_value": Decimal(0)}


class RulesForm(forms.Form):
    """Amounts are typed as decimals of the asset, with no more places than it has."""

    name = forms.CharField(label=_("Name"), max_length=120, help_text=_("Customers read it."))
    asset = forms.ModelChoiceField(Asset.objects.none(), label=_("Asset"), empty_label=None)
    percent = forms.DecimalField(
        label=_("Share of the verified loss, %"), min_value=Decimal("0.01"),
        max_value=Decimal(100), decimal_places=2, initial=Decimal(10),
    )  # fmt: skip
    cap = forms.DecimalField(label=_("At most, an account"), **MONEY)
    de_minimis = forms.DecimalField(
        label=_("Smallest amount paid"), initial=0, help_text=_("Less is not paid."), **MONEY
    )
    budget = forms.DecimalField(
        label=_("Budget"), help_text=_("More than this is refused, not cut."), **MONEY
    )

    def __init__(self, incident: Incident, *args: Any) -> None:
        super().__init__(*args, auto_id="rules_%s")
        self.fields["asset"].queryset = queries.assets(incident)
        self.fields["asset"].to_field_name = "code"
        self.fields["asset"].initial = incident.contract.settle.code

    def clean(self) -> dict[str, Any]:
        """The amounts as minor units, the percentage as basis points."""
        given = super().clean() or {}
        asset = given.get("asset")
        for name in ("cap", "de_minimis", "budget"):
            if asset and name in given:
                units = given[name].scaleb(asset.decimals)
                if units != int(units):
                    self.add_error(name, _("%s has fewer decimals than that.") % asset.code)
                given[name] = int(units)
        if "percent" in given:
            given["percent_bp"] = int(given.pop("percent") * 100)
        return given


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Every programme of the incident, and the form for another."""
    incident = access.incident(request, slug)
    return _list(request, incident, RulesForm(incident))


@require_POST
@access.staff(*MAKERS)
def make(request: HttpRequest, slug: str) -> HttpResponse:
    """Look at what the rules would pay, or fix them."""
    incident = access.incident(request, slug)
    form = RulesForm(incident, request.POST)
    if not form.is_valid():
        return _list(request, incident, form, 422)
    rules = form.cleaned_data
    if request.POST.get("step") != "make":
        shown = {key: rules[key] for key in ("asset", "percent_bp", "cap", "de_minimis")}
        preview = services.preview(incident=incident, **shown)
        over = preview["total"] > rules["budget"]
        found = {**preview, "asset": rules["asset"], "over": over}
        return _list(request, incident, form, preview=found)
    try:
        programme = services.make_programme(incident=incident, by=request.user, **rules)
    except Refused as refused:
        form.add_error(None, str(refused))
        return _list(request, incident, form, status_of(refused))
    messages.success(request, _("The rules are fixed and the awards computed."))
    return redirect("programme", programme.pk)


def _list(
    request: HttpRequest,
    incident: Incident,
    form: RulesForm,
    status: int = 200,
    preview: dict[str, Any] | None = None,
) -> HttpResponse:
    programmes = queries.of_incident(incident)
    undos = undone(row.plan for row in programmes if row.plan)
    context = {
        **around(incident, TAB),
        "programmes": [
            (row, undos.get(row.plan.batch_id if row.plan else None)) for row in programmes
        ],
        "form": form,
        "preview": preview,
        "may_make": access.holds(request, *MAKERS),
    }
    return render(request, "goodwill/list.html", context, status=status)


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The rules, how the awards are spread, the awards, and the plan that pays them."""
    programme = _fetch(request, pk)
    page = queries.awards(programme, after=request.GET.get("after", ""))
    context: dict[str, Any] = {"programme": programme, "page": page}
    if not swaps(request):
        context |= around(programme.incident, TAB) | {
            "bins": _bins(programme),
            "may_make": access.holds(request, *MAKERS),
            "left": programme.budget - (programme.total or 0),
            "undone_by": undone_by(programme.plan),
        }
    return page_or_part(request, "goodwill/detail.html", "goodwill/_awards.html", context)


def _fetch(request: HttpRequest, pk: int) -> Programme:
    return access.fetch(request, queries.detailed(), lambda row: row.incident.venue, pk=pk)


def _bins(programme: Programme) -> list[Bin]:
    """The awards by powers of ten of the asset, each with what it comes to."""
    asset = programme.asset
    bins = []
    for row in queries.distribution(programme):
        least, over = 10 ** (row.digits - 1), 10**row.digits
        low, high = (
            f"{Decimal(units).scaleb(-asset.decimals).normalize():f}" for units in (least, over)
        )
        total = f"{figures.amount(row.total, asset.decimals)} {asset.code}"
        label = _("%(low)s to under %(high)s") % {"low": low, "high": high}
        bins.append(Bin(label, row.awards, note=total))
    return bins


@require_POST
@access.staff(*MAKERS)
def compute(request: HttpRequest, pk: int) -> HttpResponse:
    """Stage the payment as a plan, to be proposed and decided on like any other."""
    programme = _fetch(request, pk)
    try:
        plan = services.compute_plan(programme=programme, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("programme", pk)
    messages.success(request, _("The plan is computed. Nothing is paid by it yet."))
    return redirect("plan", plan.pk)
