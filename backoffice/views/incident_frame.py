"""What stands around every page of an incident: the band with its gates, and the tabs.

A page that extends `incidents/page.html` renders `{**around(request, incident), ...its own}`.
"""

from typing import Any, NamedTuple

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.models import Gate, Incident
from backoffice.queries import incidents as queries


class Tab(NamedTuple):
    """One tab. `exact`: current on its own address only, not below it."""

    label: str | Promise
    url: str
    exact: bool = False
    count: int | None = None
    keys: str = ""
    here: bool = False


TABS = (
    (_("Overview"), "incident", "o"),
    (_("Liquidations"), "incident-liquidations", "l"),
    (_("Cascade"), "incident-cascade", "c"),
    (_("Accounts"), "incident-accounts", "a"),
    (_("Remedies"), "incident-remedies", "r"),
    (_("Plans"), "incident-plans", "p"),
    (_("Goodwill"), "incident-goodwill", "w"),
    (_("Notices"), "incident-notices", "n"),
    (_("Messages"), "incident-messages", "m"),
)


def around(incident: Incident, at: str = "") -> dict[str, Any]:
    """The context of the frame; two statements. `at` names the tab of a page that has an address
    of its own."""
    return {
        "incident": incident,
        "incident_url": reverse("incident", args=[incident.slug]),
        "gates": gate_words(queries.gates_closed([incident.pk])[incident.pk]),
        "promise": incident.promises.filter(kept_at__isnull=True).order_by("due_at").first(),
        "incident_tabs": tabs(incident, at),
    }


def tabs(incident: Incident, at: str = "") -> list[Tab]:
    """The pages of the incident that this desk has."""
    found = ((label, address(name, incident.slug), name) for label, name, _key in TABS)
    return [
        Tab(label, url, exact=name == "incident", here=name == at)
        for label, url, name in found
        if url
    ]


def gate_words(closed: set[tuple[str, int | None]]) -> dict[str, str]:
    """The state of trading and of withdrawals as badges name them, from the gates closed now.

    A gate on one contract halts trading in part.
    """
    market = {contract for kind, contract in closed if kind == Gate.Kind.MARKET}
    shut = any(kind == Gate.Kind.WITHDRAWALS for kind, _contract in closed)
    return {
        "trading": "halted" if None in market else "halted_in_part" if market else "trading",
        "withdrawals": "gate_closed" if shut else "gate_open",
    }


def address(name: str, slug: str) -> str:
    """Where a page of the incident is, or nothing where this desk has no such page."""
    try:
        return reverse(name, args=[slug])
    except NoReverseMatch:
        return ""
