"""The audit chain: what was done, by whom, and whether the chain still holds.

Checking recomputes every hash, so the page does not do it by being opened: it says what the last
check found, and asks for a new one when the chain has grown since.
"""

from typing import Any

from django import forms
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET

from backoffice.models import AuditEvent
from backoffice.queries import audit as queries
from backoffice.services import audit as services
from backoffice.services import care, recusals
from backoffice.views import access
from backoffice.views.parts import page_or_part, swaps
from exchange.queries.keyset import Page

LAST_CHECK = "audit-last-check"
DAY_SECONDS = 86_400


class Filters(forms.Form):
    """What narrows the events; what is not understood is left out."""

    subject = forms.CharField(
        label=_("Subject"), required=False, max_length=120,
        widget=forms.TextInput(attrs={"placeholder": "plan:3"}),
    )  # fmt: skip
    action = forms.CharField(
        label=_("Action begins with"), required=False, max_length=60,
        widget=forms.TextInput(attrs={"placeholder": "plan."}),
    )  # fmt: skip


@require_GET
@access.staff()
def index(request: HttpRequest) -> HttpResponse:
    """A page of events, newest first, and what the last check of the chain found."""
    filters = Filters(request.GET or None)
    asked = filters.cleaned_data if filters.is_valid() else {}
    cares = access.holds(request, *care.CARERS)
    hidden = recusals.hidden_subjects(request.user)
    page = queries.events(
        subject=asked.get("subject", "").strip(),
        action=asked.get("action", "").strip(),
        cares=cares,
        hidden=hidden,
        after=request.GET.get("after", ""),
    )
    rows = [(event, _withheld(event, cares=cares, hidden=hidden)) for event in page.rows]
    context: dict[str, Any] = {"filters": filters, "page": Page(rows, page.after)}
    if not swaps(request):
        context |= _standing()
    return page_or_part(request, "audit/list.html", "audit/_events.html", context)


def _withheld(event: AuditEvent, *, cares: bool, hidden: set[str]) -> str:
    """Why whoever reads is not shown what this was; empty when they are."""
    if event.action.startswith(queries.CARE) and not cares:
        return _("Only those who care for people see what this was.")
    if event.subject in hidden:
        return _("About a plan of an incident you are recused from.")
    return ""


@require_GET
@access.staff()
def check(request: HttpRequest) -> HttpResponse:
    """Recompute every hash from the first event on, unless that was done up to this very end."""
    known = _standing()
    if not known["fresh"]:
        report = services.verify()
        cache.set(
            LAST_CHECK,
            {"head": known["head"].hash, "ok": report.ok, "events": report.events,
             "broken": report.broken, "reason": report.reason, "at": timezone.now()},
            DAY_SECONDS,
        )  # fmt: skip
        known = _standing()
    return page_or_part(request, "audit/check.html", "audit/_check.html", known)


def _standing() -> dict[str, Any]:
    """The end of the chain, the last check, and whether it went up to that end; one statement."""
    head, last = queries.head(), cache.get(LAST_CHECK)
    return {"head": head, "last": last, "fresh": bool(last and last["head"] == head.hash)}
