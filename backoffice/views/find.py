"""Find or go to: what the command palette asks, and the same as a page."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from backoffice.queries import incidents
from backoffice.views import access
from exchange.queries import accounts

MOST = 8
SHORTEST = 2


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
    """Incidents by title, accounts by code, name or whole address: JSON or a page."""
    words = request.GET.get("q", "").strip()[:80]
    hits = _hits(words) if len(words) >= SHORTEST else []
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse([hit._asdict() for hit in hits], safe=False)
    return render(request, "find/page.html", {"words": words, "hits": hits})


def _hits(words: str) -> list[Hit]:
    """Two statements."""
    found = [
        Hit(row.title, row.venue.name, reverse("incident", args=[row.slug]), _("Incidents"))
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
