"""Reading what the desk did to one account: effects of plans, goodwill, messages, a hold."""

from django.db.models import QuerySet

from backoffice.models import Award, CareHold, Incident, Message, PlanEffect
from exchange.models import Account

MOST = 50


def incidents(account: Account) -> QuerySet[Incident]:
    """The incidents of the account's venue; none on one that was imported for its history only."""
    return Incident.objects.filter(venue=account.venue_id).order_by("-pk")[:MOST]


def effects(account: Account) -> QuerySet[PlanEffect]:
    """What each plan does or did to the account, the newest plan first."""
    return (
        PlanEffect.objects.filter(account=account)
        .select_related("plan", "asset")
        .order_by("-plan_id", "asset_id")[:MOST]
    )


def awards(account: Account) -> QuerySet[Award]:
    """Goodwill worked out for the account, the newest first."""
    return (
        Award.objects.filter(account=account)
        .select_related("programme__asset", "programme__plan")
        .order_by("-pk")[:MOST]
    )


def messages(account: Account) -> QuerySet[Message]:
    """What was or is being written to the customer about the account, the newest first."""
    return (
        Message.objects.filter(account=account)
        .select_related("campaign")
        .defer("email")
        .order_by("-pk")[:MOST]
    )


def hold(account: Account) -> CareHold | None:
    """The open hold of the care lane on the account's customer."""
    return (
        CareHold.objects.filter(customer=account.customer_id, released_at__isnull=True)
        .select_related("placed_by")
        .first()
    )
