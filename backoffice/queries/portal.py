"""What a customer may read: their own accounts, and nothing that is not theirs.

Every function takes the customer and joins it, so there is no reading of a row by its id alone.
"""

from typing import NamedTuple

from django.db import connection
from django.db.models import F, QuerySet

from backoffice.models import Award, Message, Plan, PlanEffect
from exchange.models import Account, Balance, Customer, Liquidation, Position

DONE = (Plan.State.EXECUTED, Plan.State.RECONCILED)


def accounts(customer: Customer) -> QuerySet[Account]:
    """The customer's accounts by code."""
    return customer.accounts.order_by("code")


def balances(customer: Customer) -> QuerySet[Balance]:
    """What each wallet of theirs holds now, empty ones left out."""
    return (
        Balance.objects.filter(ledger_account__account__customer=customer)
        .exclude(amount=0)
        .select_related("ledger_account__asset", "ledger_account__account")
        .order_by("ledger_account__account__code", "ledger_account__kind")
    )


def positions(customer: Customer) -> QuerySet[Position]:
    """What they hold now, closed positions left out."""
    return (
        Position.objects.filter(account__customer=customer)
        .exclude(quantity=0)
        .select_related("account", "contract__settle")
        .order_by("account__code", "contract__symbol")
    )


def changes(customer: Customer) -> QuerySet[PlanEffect]:
    """Before, change and after of every executed plan that touched them, newest first."""
    return (
        PlanEffect.objects.filter(account__customer=customer, plan__state__in=DONE)
        .annotate(
            futures_after=F("futures_before") + F("futures_delta"),
            funding_after=F("funding_before") + F("funding_delta"),
        )
        .select_related("plan__incident__contract", "plan__incident__venue", "account", "asset")
        .order_by("-plan__executed_at", "account__code", "asset__code")
    )


def liquidations(customer: Customer) -> QuerySet[Liquidation]:
    """Their forced closes with verdict and receipt, in the order they happened."""
    return (
        Liquidation.objects.filter(account__customer=customer)
        .select_related("account", "contract__settle")
        .order_by("recorded_at", "due_printed_at", "pk")
    )


def awards(customer: Customer) -> QuerySet[Award]:
    """Goodwill that was paid to them."""
    return (
        Award.objects.filter(account__customer=customer, programme__plan__state__in=DONE)
        .select_related("programme__asset", "programme__incident", "account")
        .order_by("-programme__plan__executed_at")
    )


def messages(customer: Customer) -> QuerySet[Message]:
    """What we wrote to them, newest first."""
    return (
        Message.objects.filter(customer=customer, state=Message.State.SENT)
        .select_related(
            "campaign__incident__venue", "campaign__incident__contract", "campaign__plan", "account"
        )
        .order_by("-sent_at")
    )


class PositionChange(NamedTuple):
    """What one executed plan did to one position: signed contracts."""

    batch: int
    account: str
    symbol: str
    before: int
    change: int
    after: int


POSITION_CHANGES = """
    SELECT e.batch_id, e.code, c.symbol, e.after - e.change, e.change, e.after
    FROM (
        SELECT p.batch_id, a.code, p.contract_id, p.journal_id,
               sum(p.quantity)::bigint AS change,
               sum(sum(p.quantity)) OVER (
                   PARTITION BY p.account_id, p.contract_id ORDER BY p.journal_id)::bigint AS after
        FROM position_entry p JOIN exchange_account a ON a.id = p.account_id
        WHERE a.customer_id = %s
        GROUP BY p.batch_id, a.code, p.account_id, p.contract_id, p.journal_id
    ) e JOIN exchange_contract c ON c.id = e.contract_id
    WHERE e.batch_id <> 0
    ORDER BY e.journal_id DESC, e.code, c.symbol
"""


def position_changes(customer: Customer) -> list[PositionChange]:
    """Before, change and after of every position a plan moved, newest first; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(POSITION_CHANGES, [customer.pk])
        return [PositionChange(*row) for row in cursor.fetchall()]
