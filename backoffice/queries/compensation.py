"""Reading programmes and awards."""

from typing import NamedTuple

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from backoffice.models import Award, Incident, Programme
from exchange.models import Asset, Contract
from exchange.queries import keyset
from exchange.queries.keyset import Page

DISTRIBUTION = """
    SELECT length(amount::text) AS digits, count(*), sum(amount)::bigint
    FROM award WHERE programme_id = %s GROUP BY digits ORDER BY digits
"""


class Decade(NamedTuple):
    """The awards between 10**(digits - 1) and 10**digits minor units: how many, and their sum."""

    digits: int
    awards: int
    total: int


def of_incident(incident: Incident) -> QuerySet[Programme]:
    """The incident's programmes with how many awards they give and what they come to."""
    return (
        incident.programmes.select_related("asset", "maker", "plan")
        .annotate(count=Count("awards"), total=Sum("awards__amount"))
        .order_by("-pk")
    )


def detailed() -> QuerySet[Programme]:
    """Programmes with what their page names, how many awards they give, how many meet the cap."""
    return Programme.objects.select_related(
        "incident__venue", "incident__tape", "incident__contract__settle", "asset", "maker", "plan"
    ).annotate(
        count=Count("awards"),
        total=Sum("awards__amount"),
        capped=Count("awards", filter=Q(awards__capped=True)),
    )


def awards(programme: Programme, *, after: str = "") -> Page[Award]:
    """A page of awards, the largest first; one statement."""
    rows = Award.objects.filter(programme=programme).select_related("account")
    if at := keyset.numbers(after, 2):
        amount, pk = at
        rows = rows.filter(Q(amount__lt=amount) | Q(amount=amount, pk__gt=pk))
    found = list(rows.order_by("-amount", "pk")[: keyset.LIMIT + 1])
    last = found[keyset.LIMIT - 1] if len(found) > keyset.LIMIT else None
    return Page(found[: keyset.LIMIT], f"{last.amount}.{last.pk}" if last else "")


def distribution(programme: Programme) -> list[Decade]:
    """How many awards there are of each size, by powers of ten; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(DISTRIBUTION, [programme.pk])
        return [Decade(*row) for row in cursor.fetchall()]


def assets(incident: Incident) -> QuerySet[Asset]:
    """The assets in which contracts of the venue settle, so losses can be in them."""
    settles = Contract.objects.filter(venue=incident.venue_id).values("settle")
    return Asset.objects.filter(pk__in=settles).order_by("code")
