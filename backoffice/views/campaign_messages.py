"""The messages of a campaign, and one as it was sent or is going to be.

Addresses are masked; why a message is held is told to those who care for people and to nobody else.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.contacts import masked
from backoffice.models import Message
from backoffice.queries import campaigns as queries
from backoffice.services import campaigns as services
from backoffice.services import care, sending
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.campaigns import TAB, fetch
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.refusing import status_of
from backoffice.views.undone import undone_by
from exchange.queries.keyset import Page


class Filters(forms.Form):
    """What narrows the messages; what is not understood is left out."""

    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("Any")), *Message.State.choices]
    )


@require_GET
@access.staff()
def index(request: HttpRequest, pk: int) -> HttpResponse:
    """A page of the messages, of a state."""
    campaign = fetch(request, pk)
    filters = Filters(request.GET or None)
    asked = filters.cleaned_data if filters.is_valid() else {}
    page = queries.messages(
        campaign, state=asked.get("state", ""), after=request.GET.get("after", "")
    )
    rows = [{"message": row, "email": masked(row.email)} for row in page.rows]
    context: dict[str, Any] = {
        "campaign": campaign,
        "filters": filters,
        "page": Page(rows, page.after),
        "cares": access.holds(request, *care.CARERS),
    }
    if not swaps(request):
        context |= around(campaign.incident, TAB)
    return page_or_part(request, "campaigns/messages.html", "campaigns/_messages.html", context)


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One message as it was, or would be, sent."""
    return _page(request, _fetch(request, pk))


@require_POST
@access.staff(*services.MAY_WRITE)
def requeue(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a held or failed message go out after all, by name and for a reason."""
    message = _fetch(request, pk)
    try:
        services.requeue(message=message, by=request.user, reason=request.POST.get("reason", ""))
    except Refused as refused:
        messages.error(request, str(refused))
        return _page(request, message, status_of(refused))
    messages.success(request, _("It is queued again."))
    return redirect("message", pk)


def _fetch(request: HttpRequest, pk: int) -> Message:
    rows = Message.objects.select_related(
        "campaign__incident__venue", "campaign__incident__contract__settle", "campaign__plan",
        "customer", "account",
    )  # fmt: skip
    return access.fetch(request, rows, lambda row: row.campaign.incident.venue, pk=pk)


def _page(request: HttpRequest, message: Message, status: int = 200) -> HttpResponse:
    campaign = message.campaign
    kept = queries.kept_letter(message)
    written = None if kept else sending.render(campaign, [message.pk]).get(message.pk)
    stuck = message.state in (Message.State.HELD, Message.State.FAILED)
    context = {
        **around(campaign.incident, TAB),
        "campaign": campaign,
        "message": message,
        "email": masked(message.email),
        "kept": kept,
        "letter": kept or (written and written[1]),
        "undone_by": undone_by(campaign.plan),
        "message_id": sending.message_id(campaign, message.pk),
        "cares": access.holds(request, *care.CARERS),
        "may_requeue": stuck and access.holds(request, *services.MAY_WRITE),
    }
    return render(request, "campaigns/message.html", context, status=status)
