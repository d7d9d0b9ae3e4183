"""The adjustment feed on the desk: what was published, its records, and the tokens that read it;
and for a customer, the records of their own accounts."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from backoffice import feed_columns
from backoffice.queries import feed as queries
from backoffice.services import feed as services
from backoffice.services import tokens
from backoffice.services.refusals import Refused
from backoffice.views import access, downloads
from backoffice.views.parts import page_or_part
from backoffice.views.portal import customers_only
from backoffice.views.refusing import status_of
from backoffice.views.venues import VenueChoice
from exchange.models import Customer, Venue
from exchange.queries import keyset
from exchange.queries.keyset import Page

MAY_CONNECT = tokens.MAY_CONNECT
NEWEST = 50


class TokenForm(forms.Form):
    """For which system, and of which venue."""

    venue = VenueChoice(Venue.objects.none(), label=_("Venue"), empty_label=None)
    name = forms.CharField(
        label=_("System"), max_length=80, help_text=_("Who will read with it: one token a system.")
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, auto_id="token_%s")
        self.fields["venue"].queryset = Venue.objects.order_by("-pk")


@require_GET
@access.staff()
def index(request: HttpRequest) -> HttpResponse:
    """What was published, newest first, and who may read it."""
    return _list(request, TokenForm())


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The records of one executed or undone plan, in the order of the feed."""
    event = access.fetch(request, queries.published(), lambda row: row.venue, pk=pk)
    (offset,) = keyset.numbers(request.GET.get("after", ""), 1) or [0]
    context: dict[str, Any] = {"event": event, "why": "", "page": Page([], "")}
    try:
        rows, total = services.records(event, max(0, offset), keyset.LIMIT)
    except services.UNREADABLE as why:
        context["why"] = str(why)
    else:
        end = offset + len(rows)
        context |= {"page": Page(rows, str(end) if end < total else ""), "total": total}
    return page_or_part(request, "feed/detail.html", "feed/_records.html", context)


@require_GET
@customers_only
def own(request: HttpRequest, customer: Customer) -> HttpResponse:
    """All records of a customer's own accounts, as CSV. 404 where they cannot be read."""
    wanted = services.Wanted(queries.account_numbers(customer))
    try:
        first = services.read(customer.venue, "", services.LIMIT_MAX, wanted)
    except services.UNREADABLE as why:
        raise Http404 from why
    cells = (feed_columns.cells(row) for row in _rows(customer, first, wanted))
    return downloads.table("adjustments", feed_columns.COLUMNS, cells)


def _rows(
    customer: Customer, page: services.Page, wanted: services.Wanted
) -> Iterator[dict[str, Any]]:
    """The rows of this page and of every one after it."""
    yield from page.rows
    while page.more:
        page = services.read(customer.venue, page.next, services.LIMIT_MAX, wanted)
        yield from page.rows


@never_cache
@require_POST
@access.staff(*MAY_CONNECT)
def make_token(request: HttpRequest) -> HttpResponse:
    """Make a token; it is in this answer and in no other."""
    form, status = TokenForm(request.POST), 422
    if form.is_valid():
        try:
            row, token = tokens.make(**form.cleaned_data, by=request.user)
        except Refused as refused:
            form.add_error(None, str(refused))
            status = status_of(refused)
        else:
            return render(request, "feed/token.html", {"row": row, "token": token})
    return _list(request, form, status)


@require_POST
@access.staff(*MAY_CONNECT)
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token at once."""
    row = access.fetch(request, queries.tokens(), lambda row: row.venue, pk=pk)
    try:
        tokens.revoke(token=row, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The token opens nothing any more."))
    return redirect("feed")


def _list(request: HttpRequest, form: TokenForm, status: int = 200) -> HttpResponse:
    context = {
        "published": queries.published()[:NEWEST],
        "tokens": queries.tokens(),
        "form": form,
        "may_connect": access.holds(request, *MAY_CONNECT),
    }
    return render(request, "feed/list.html", context, status=status)
