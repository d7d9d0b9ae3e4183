"""The care lane: who is in it, why, and who answers for them. For support and legal only.

Nobody is found here by a part of a name: a code or a whole address is typed, so that the lane is
not a list to browse customers in.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.models import CareHold
from backoffice.queries import campaigns as queries
from backoffice.services import care as services
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.refusing import status_of
from backoffice.views.venues import VenueChoice
from exchange.models import Venue

CARERS = services.CARERS


class HoldForm(forms.Form):
    """Whom to take into the care lane, and why."""

    venue = VenueChoice(Venue.objects.none(), label=_("Venue"), empty_label=None)
    who = forms.CharField(
        label=_("Customer"), max_length=120,
        help_text=_("Customer code, account code, or whole e-mail address."),
    )  # fmt: skip
    reason = forms.CharField(
        label=_("Why"), max_length=200,
        help_text=_("For whoever takes over from you. Write what you would want them to know."),
    )  # fmt: skip

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, auto_id="hold_%s")
        self.fields["venue"].queryset = Venue.objects.order_by("-pk")

    def clean(self) -> dict[str, Any]:
        """The one customer meant."""
        given = super().clean() or {}
        if given.get("venue") and given.get("who"):
            found = queries.customers_named(given["venue"].pk, given["who"].strip())
            if len(found) != 1:
                self.add_error("who", _("Nobody of this venue has exactly that code or address."))
            else:
                given["customer"] = found[0]
        return given


@require_GET
@access.staff(*CARERS)
def index(request: HttpRequest) -> HttpResponse:
    """Who is in the care lane now, who was, and the form that takes somebody in."""
    return _page(request, HoldForm())


@require_POST
@access.staff(*CARERS)
def place(request: HttpRequest) -> HttpResponse:
    """Take somebody off every automatic path, at once."""
    form, status = HoldForm(request.POST), 422
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.place(customer=given["customer"], by=request.user, reason=given["reason"])
        except Refused as refused:
            form.add_error(None, str(refused))
            status = status_of(refused)
        else:
            messages.success(request, _("No automatic message reaches them from now on."))
            return redirect("care")
    return _page(request, form, status)


@require_POST
@access.staff(*CARERS)
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Let somebody back, by name."""
    rows = CareHold.objects.select_related("customer__venue")
    hold = access.fetch(request, rows, lambda row: row.customer.venue, pk=pk)
    try:
        services.release(hold=hold, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The hold is released."))
    return redirect("care")


def _page(request: HttpRequest, form: HoldForm, status: int = 200) -> HttpResponse:
    context = {"holds": queries.open_holds(), "past": queries.past_holds(), "form": form}
    return render(request, "care/list.html", context, status=status)
