"""Reading what the overview of an incident sums up."""

from typing import NamedTuple

from django.db.models import Count

from backoffice.models import Fact, Incident

KEYS = ("trade_min_price", "index_at_low")


class Told(NamedTuple):
    """How many notices were published, and how many campaigns sent or on their way."""

    notices: int
    campaigns: int


def low(incident: Incident) -> dict[str, Fact]:
    """The facts of the lowest trade, by key; those not computed yet are absent. One statement."""
    rows = (
        Fact.objects.filter(incident=incident, key__in=KEYS).order_by("key", "-id").distinct("key")
    )
    return {fact.key: fact for fact in rows}


def told(incident: Incident) -> Told:
    """One statement."""
    found = Incident.objects.filter(pk=incident.pk).aggregate(
        notices=Count("notices", distinct=True), campaigns=Count("campaigns", distinct=True)
    )
    return Told(**found)
