"""Webhooks: where events are sent, how it went, and sending one again.

A secret is on the page that answers the request which made it, and on no other.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from backoffice.models import Delivery, Endpoint, Event
from backoffice.queries import webhooks as queries
from backoffice.services import webhooks as services
from backoffice.services.refusals import Refused
from backoffice.services.tokens import MAY_CONNECT
from backoffice.views import access
from backoffice.views.parts import page_or_part
from backoffice.views.plan_figures import typed
from backoffice.views.refusing import status_of
from backoffice.views.venues import VenueChoice
from exchange.models import Venue

SENDERS = services.MAY_SEND_AGAIN


class EndpointForm(forms.Form):
    """An address, what it is told of, and whose it is."""

    venue = VenueChoice(Venue.objects.none(), label=_("Venue"), empty_label=None)
    name = forms.CharField(
        label=_("System"),
        max_length=80,
        help_text=_("What listens there: matching engine, ledger."),
    )
    url = forms.CharField(
        label=_("Address"), max_length=500,
        help_text=_("https:// at a public address. The operator lists hosts that may be private."),
        widget=forms.URLInput(attrs={"placeholder": "https://engine.example/hooks/makewhole"}),
    )  # fmt: skip
    kinds = forms.MultipleChoiceField(
        label=_("Events"), choices=Event.Kind.choices, initial=Event.Kind.values,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, auto_id="endpoint_%s")
        self.fields["venue"].queryset = Venue.objects.order_by("-pk")


class Filters(forms.Form):
    """What narrows the deliveries; what is not understood is left out."""

    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Any")), *Delivery.State.choices]
    )


@require_GET
@access.staff()
def index(request: HttpRequest) -> HttpResponse:
    """Every endpoint with how its deliveries stand, and the form that makes one."""
    return _list(request, EndpointForm())


@never_cache
@require_POST
@access.staff(*MAY_CONNECT)
def make(request: HttpRequest) -> HttpResponse:
    """Make an endpoint; its secret is in this answer."""
    form, status = EndpointForm(request.POST), 422
    if form.is_valid():
        try:
            endpoint, secret = services.make(**form.cleaned_data, by=request.user)
        except Refused as refused:
            form.add_error(None, str(refused))
            status = status_of(refused)
        else:
            return _secret(request, endpoint, secret)
    return _list(request, form, status)


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """An endpoint and its deliveries, the newest event first."""
    return _page(request, _fetch(request, pk))


@never_cache
@require_POST
@access.staff(*MAY_CONNECT)
def change_secret(request: HttpRequest, pk: int) -> HttpResponse:
    """A new secret, in this answer; for a day the one before is good too."""
    endpoint = _fetch(request, pk)
    try:
        secret = services.change_secret(endpoint=endpoint, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return _page(request, endpoint, status_of(refused))
    return _secret(request, _fetch(request, pk), secret)


@require_POST
@access.staff(*MAY_CONNECT)
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Send nothing there any more, having typed its name."""
    endpoint = _fetch(request, pk)
    if not typed(request, endpoint.name):
        return _page(request, endpoint, 422, error=_("That is not its name. Nothing was done."))
    try:
        services.retire(endpoint=endpoint, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
        return _page(request, endpoint, status_of(refused))
    messages.success(request, _("Nothing is sent there any more."))
    return redirect("webhook", pk)


@require_POST
@access.staff(*SENDERS)
def send_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Queue a delivery again; the same event with the same id."""
    rows = Delivery.objects.select_related("endpoint__venue", "event")
    delivery = access.fetch(request, rows, lambda row: row.endpoint.venue, pk=pk)
    try:
        services.send_again(delivery=delivery, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("A worker is sending it."))
    return redirect("webhook", delivery.endpoint_id)


def _fetch(request: HttpRequest, pk: int) -> Endpoint:
    return access.fetch(request, queries.endpoints(), lambda row: row.venue, pk=pk)


def _list(request: HttpRequest, form: EndpointForm, status: int = 200) -> HttpResponse:
    context = {
        "endpoints": queries.endpoints(),
        "form": form,
        "may_connect": access.holds(request, *MAY_CONNECT),
    }
    return render(request, "webhooks/list.html", context, status=status)


def _page(
    request: HttpRequest, endpoint: Endpoint, status: int = 200, error: str = ""
) -> HttpResponse:
    filters = Filters(request.GET or None)
    asked = filters.cleaned_data if filters.is_valid() else {}
    in_use = endpoint.retired_at is None
    context = {
        "endpoint": endpoint,
        "kinds": [Event.Kind(kind).label for kind in endpoint.kinds],
        "filters": filters,
        "page": queries.deliveries(
            endpoint, state=asked.get("state", ""), after=request.GET.get("after", "")
        ),
        "may_connect": in_use and access.holds(request, *MAY_CONNECT),
        "may_send": in_use and access.holds(request, *SENDERS),
        "error": error,
    }
    page, part = "webhooks/detail.html", "webhooks/_deliveries.html"
    return page_or_part(request, page, part, context, status)


def _secret(request: HttpRequest, endpoint: Endpoint, secret: str) -> HttpResponse:
    return render(request, "webhooks/secret.html", {"endpoint": endpoint, "secret": secret})
