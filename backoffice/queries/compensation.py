"""Reading programmes and awards."""

from django.db.models import Count, Max, Min, QuerySet, Sum

from backoffice.models import Award, Incident, Programme

PAGE = 50


def of_incident(incident: Incident) -> QuerySet[Programme]:
    """The incident's programmes with how many awards they give and what they come to."""
    return (
        incident.programmes.select_related("asset", "maker", "plan")
        .annotate(count=Count("awards"), total=Sum("awards__amount"))
        .order_by("-pk")
    )


def awards(programme: Programme, *, after: int = 0) -> list[Award]:
    """A page of awards by key; one statement."""
    rows = Award.objects.filter(programme=programme, pk__gt=after)
    return list(rows.select_related("account__customer").order_by("pk")[:PAGE])


def distribution(programme: Programme) -> dict[str, int]:
    """How many, the sum, the smallest and the largest award, and how many meet the cap."""
    capped = Award.objects.filter(programme=programme, capped=True).count()
    found = Award.objects.filter(programme=programme).aggregate(
        awards=Count("id"), total=Sum("amount"), least=Min("amount"), most=Max("amount")
    )
    return {**{key: value or 0 for key, value in found.items()}, "capped": capped}
