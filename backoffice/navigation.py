"""Where one can go on the desk: the rail's groups, and the keys that lead there.

A place names a URL and the view names below it; it is shown to people holding one of its roles
(to all staff when it names none).
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Place(NamedTuple):
    """One link of the rail; `keys` are the letters that lead there, typed one after the other."""

    label: str | Promise
    url_name: str
    icon: str
    keys: str
    roles: frozenset[str] = frozenset()


class Group(NamedTuple):
    """Places under one heading."""

    title: str | Promise
    places: tuple[Place, ...]


RAIL = (
    Group(
        _("Desk"),
        (
            Place(_("Incidents"), "incidents", "flag", "g i"),
            Place(_("Care lane"), "care", "care", "g l", frozenset({"support", "legal"})),
        ),
    ),
    Group(_("Decide"), (Place(_("Approvals"), "approvals", "seal", "g a"),)),
    Group(
        _("Evidence"),
        (
            Place(_("Margin calculator"), "margin", "scales", "g c"),
            Place(_("Audit chain"), "audit", "chain", "g h"),
        ),
    ),
    Group(
        _("Connect"),
        (
            Place(_("Adjustment feed"), "feed", "list", "g f"),
            Place(_("Webhooks"), "webhooks", "external", "g w"),
        ),
    ),
)


def visible(roles: Iterable[str]) -> list[Group]:
    """The groups a person holding `roles` sees; empty groups are left out."""
    held = frozenset(roles)
    groups = (
        Group(group.title, tuple(p for p in group.places if not p.roles or p.roles & held))
        for group in RAIL
    )
    return [group for group in groups if group.places]
