"""What a customer may read: their own accounts, and nothing that is not theirs.

Every function takes the customer and joins it, so there is no reading of a row by its id alone.
"""

from typing import Any

from django.db.models import F, QuerySet

from backoffice.models import Award, Message, Plan, PlanEffect
from exchange.models import Account, Balance, Customer, Liquidation, Position

DONE = (Plan.State.EXECUTED, Plan.State.RECONCILED)


def accounts(customer: Customer) -> QuerySet[Account]:
    """The customer's accounts by code."""
    return customer.accounts.order_by("code")


def balances(customer: Customer) -> list[dict[str, Any]]:
    """What each wallet of theirs holds now; one statement."""
    return list(
        Balance.objects.filter(ledger_account__account__customer=customer)
        .exclude(amount=0)
        .order_by("ledger_account__account__code", "ledger_account__kind")
        .values(
            "amount",
            kind=_path("kind"),
            asset=_path("asset__code"),
            decimals=_path("asset__decimals"),
            account=_path("account__code"),
        )
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
        .select_related("plan__incident__contract", "account", "asset")
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
        .select_related("campaign__incident", "account")
        .order_by("-sent_at")
    )


def _path(name: str) -> Any:
    return F(f"ledger_account__{name}")
