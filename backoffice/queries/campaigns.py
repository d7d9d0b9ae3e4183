"""Reading campaigns and their messages."""

from django.db.models import Count, QuerySet

from backoffice.models import Campaign, CareHold, Incident, Message

PAGE = 50


def of_incident(incident: Incident) -> QuerySet[Campaign]:
    """The incident's campaigns, newest first."""
    return incident.campaigns.select_related("maker", "approver", "plan").order_by("-pk")


def states(campaign: Campaign) -> dict[str, int]:
    """Messages by state, every state present; one statement."""
    found = dict(
        Message.objects.filter(campaign=campaign)
        .values_list("state")
        .annotate(Count("id"))
        .order_by()
    )
    return {state: found.get(state, 0) for state in Message.State.values}


def messages(campaign: Campaign, *, after: int = 0, state: str = "") -> list[Message]:
    """A page of messages by key; one statement."""
    rows = Message.objects.filter(campaign=campaign, pk__gt=after)
    if state:
        rows = rows.filter(state=state)
    return list(rows.select_related("customer", "account").order_by("pk")[:PAGE])


def open_holds() -> QuerySet[CareHold]:
    """Customers in the care lane now, the longest first."""
    return (
        CareHold.objects.filter(released_at__isnull=True)
        .select_related("customer", "placed_by")
        .order_by("placed_at")
    )
