"""Find or go to: what the command palette asks, and the same as a page."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from backoffice.models import Plan
from backoffice.queries import incidents, plans
from backoffice.views import access
from exchange.queries import accounts

MOST = 8
SHORTEST = 2
DIGEST = re.compile(r"[0-9a-fA-F]{8,64}")
NUMBER = re.compile(r"(?:plan\s*|#)(\d{1,9})", re.IGNORECASE)


class Hit(NamedTuple):
    """One thing found: its name, what it is, where it is."""

    label: str
    hint: str
    url: str
    group: str


@require_GET
@vary_on_headers("Accept")
@access.staff()
def find(request: HttpRequest) -> HttpResponse:
    """Incidents by title, accounts by code, name or address, plans by number or digest: JSON or a
    page."""
    words = request.GET.get("q", "").strip()[:80]
    hits = _hits(words) if len(words) >= SHORTEST else []
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse([hit._asdict() for hit in hits], safe=False)
    return render(request, "find/page.html", {"words": words, "hits": hits})


def _hits(words: str) -> list[Hit]:
    """Two statements, and one more for what may be a plan's number or the head of its digest."""
    found = [
        Hit(str(plan), plan.incident.title, reverse("plan", args=[plan.pk]), _("Plans"))
        for plan in _plans(words)
    ]
    found += [
        Hit(row.title, row.venue.code, reverse("incident", args=[row.slug]), _("Incidents"))
        for row in incidents.page(words=words).rows[:MOST]
    ]
    found += [
        Hit(
            row.code,
            f"{row.name or _('House account')}, {venue}",
            reverse("account", args=[row.id]),
            _("Accounts"),
        )
        for row, venue in accounts.anywhere(words, limit=MOST)
    ]
    return found


def _plans(words: str) -> Iterable[Plan]:
    computed = Plan.objects.exclude(digest="").select_related("incident")
    if number := NUMBER.fullmatch(words):
        return computed.filter(pk=number[1])
    return plans.by_digest(words.lower())[:MOST] if DIGEST.fullmatch(words) else ()
