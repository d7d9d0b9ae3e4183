"""Reading campaigns, their messages, and the care lane."""

from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet

from backoffice.models import Campaign, CareHold, Incident, KeptLetter, Message, Plan
from exchange.models import Asset, Customer
from exchange.queries import keyset
from exchange.queries.keyset import Page

DONE = (Plan.State.EXECUTED, Plan.State.RECONCILED)
# The messages somebody must look at before all are sent: what could go wrong goes wrong there
# first. The effects of an asset are indexed by their change, so only the longest name is a scan.
EXTREMES = """
    (SELECT 'loss', m.id FROM plan_effect e
     JOIN message m ON m.campaign_id = %(campaign)s AND m.account_id = e.account_id
     WHERE e.plan_id = %(plan)s AND e.asset_id = %(asset)s AND e.futures_delta < 0
     ORDER BY e.futures_delta, e.id LIMIT 1)
    UNION ALL
    (SELECT 'gain', m.id FROM plan_effect e
     JOIN message m ON m.campaign_id = %(campaign)s AND m.account_id = e.account_id
     WHERE e.plan_id = %(plan)s AND e.asset_id = %(asset)s AND e.futures_delta > 0
     ORDER BY e.futures_delta DESC, e.id DESC LIMIT 1)
    UNION ALL
    (SELECT 'zero', m.id FROM plan_effect e
     JOIN message m ON m.campaign_id = %(campaign)s AND m.account_id = e.account_id
     WHERE e.plan_id = %(plan)s AND e.asset_id = %(asset)s AND e.futures_delta = 0
     ORDER BY e.id LIMIT 1)
    UNION ALL
    (SELECT 'name', m.id FROM message m JOIN exchange_customer c ON c.id = m.customer_id
     WHERE m.campaign_id = %(campaign)s ORDER BY length(c.name) DESC, m.id LIMIT 1)
    UNION ALL
    SELECT l.code, (SELECT m.id FROM message m
                    WHERE m.campaign_id = %(campaign)s AND m.language = l.code
                    ORDER BY m.id LIMIT 1)
    FROM unnest(%(languages)s::text[]) AS l(code)
"""


def kept_letter(message: Message) -> KeptLetter | None:
    """What was handed to the mail server last, None where nothing was kept; one statement."""
    return message.letters.order_by("attempt").last()


def of_incident(incident: Incident) -> QuerySet[Campaign]:
    """The incident's campaigns, newest first."""
    return incident.campaigns.select_related("maker", "approver", "plan").order_by("-pk")


def unwritten(incident: Incident) -> QuerySet[Plan]:
    """Executed plans that nobody has prepared a campaign for."""
    written = Campaign.objects.filter(plan=OuterRef("pk"))
    return incident.plans.filter(~Exists(written), state__in=DONE).order_by("-pk")


def detailed() -> QuerySet[Campaign]:
    """Campaigns with what their pages name."""
    return Campaign.objects.select_related(
        "incident__venue", "incident__contract__settle", "plan", "maker", "approver"
    )


def states(campaign: Campaign) -> dict[str, int]:
    """Messages by state, every state present; one statement."""
    found = dict(
        Message.objects.filter(campaign=campaign)
        .values_list("state")
        .annotate(Count("id"))
        .order_by()
    )
    return {state: found.get(state, 0) for state in Message.State.values}


def extremes(campaign: Campaign, asset: Asset, languages: list[str]) -> dict[str, int]:
    """loss, gain, zero, name (the longest) and each language -> the id of a message that shows it;
    what the campaign does not have is left out. One statement."""
    values = {
        "campaign": campaign.pk, "plan": campaign.plan_id, "asset": asset.pk,
        "languages": languages,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(EXTREMES, values)
        return {label: pk for label, pk in cursor.fetchall() if pk is not None}


def messages(campaign: Campaign, *, state: str = "", after: str = "") -> Page[Message]:
    """A page of messages by key, of a state; one statement."""
    (last,) = keyset.numbers(after, 1) or [0]
    rows = Message.objects.filter(campaign=campaign, pk__gt=last)
    if state:
        rows = rows.filter(state=state)
    found = list(rows.select_related("customer", "account").order_by("pk")[: keyset.LIMIT + 1])
    more = len(found) > keyset.LIMIT
    return Page(found[: keyset.LIMIT], str(found[keyset.LIMIT - 1].pk) if more else "")


def open_holds() -> QuerySet[CareHold]:
    """Customers in the care lane now, the longest first."""
    return (
        CareHold.objects.filter(released_at__isnull=True)
        .select_related("customer__venue", "placed_by")
        .order_by("placed_at")
    )


def past_holds(*, most: int = 50) -> QuerySet[CareHold]:
    """Holds that were released, the latest first."""
    return (
        CareHold.objects.filter(released_at__isnull=False)
        .select_related("customer__venue", "placed_by", "released_by")
        .order_by("-released_at")[:most]
    )


def customers_named(venue_id: int, words: str) -> list[Customer]:
    """Customers of a venue with exactly this code, address, or account; at most three."""
    rows = Customer.objects.filter(venue=venue_id)
    found = rows.filter(code=words) | rows.filter(email=words) | rows.filter(accounts__code=words)
    return list(found.distinct()[:3])
