"""Reading what the feed is made of: events that adjust, and the names behind the tape's numbers."""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet

from backoffice.models import ApiToken, Event
from exchange.models import Account, Contract, Customer

ADJUSTING = (Event.Kind.PLAN_EXECUTED, Event.Kind.PLAN_UNDONE)
# What a page of records does not need, and a plan has much of.
LARGE = (
    "payload",
    *(f"{plan}__{name}" for plan in ("plan", "source") for name in ("manifest", "totals")),
    "source__incident__tape__manifest",
)


class ContractName(NamedTuple):
    """A contract as the feed writes it."""

    symbol: str
    tick: Decimal
    settle: str
    decimals: int


def adjusting(venue: int, since: int, limit: int) -> list[Event]:
    """Events of the venue that adjusted, from this number on, in order; one statement."""
    return list(
        Event.objects.filter(venue=venue, number__gte=since, kind__in=ADJUSTING)
        .select_related("plan", "refers", "source__batch", "source__incident__tape")
        .defer(*LARGE)
        .order_by("number")[:limit]
    )


def account_codes(venue: int, numbers: Collection[int]) -> dict[int, str]:
    """The tape's number -> code; one statement."""
    rows = Account.objects.filter(venue=venue, tape_index__in=list(numbers))
    return dict(rows.values_list("tape_index", "code"))


def account_number(venue: int, code: str) -> int | None:
    """The tape's number of the account with this code; one statement."""
    rows = Account.objects.filter(venue=venue, code=code)
    return rows.values_list("tape_index", flat=True).first()


def account_numbers(customer: Customer) -> list[int]:
    """The tape's numbers of all accounts of a customer; one statement."""
    return list(customer.accounts.order_by("tape_index").values_list("tape_index", flat=True))


def contracts(venue: int) -> dict[int, ContractName]:
    """The venue's contracts by the tape's number; one statement."""
    rows = Contract.objects.filter(venue=venue).values_list(
        "tape_index", "symbol", "tick", "settle__code", "settle__decimals"
    )
    return {number: ContractName(*names) for number, *names in rows}


def published() -> QuerySet[Event]:
    """Every event that adjusted, newest first, with what its page names."""
    return (
        Event.objects.filter(kind__in=ADJUSTING)
        .select_related(
            *("venue", "incident", "plan", "refers"),
            *("source__batch", "source__incident__tape", "source__publication"),
        )
        .defer(*LARGE)
        .order_by("-at", "-pk")
    )


def tokens() -> QuerySet[ApiToken]:
    """Every token, those in use first, newest first."""
    return ApiToken.objects.select_related("venue", "created_by", "revoked_by").order_by(
        "-revoked_at", "-pk"
    )
