"""Seeing a customer's address: by two roles, with a reason, and never without leaving a trace."""

from django.db import transaction

from backoffice.models import Person, Role
from backoffice.services import audit, people
from backoffice.services.refusals import Refused
from exchange.models import Account

REVEALERS = (Role.Name.SUPPORT, Role.Name.LEGAL)
REASON_LEAST = 8


def reveal(*, account: Account, by: Person, reason: str) -> str:
    """The customer's e-mail address, written down in the audit chain together with the reason.

    Raises NotAllowed without the role, Refused for a house account or without a reason.
    """
    people.require(by, *REVEALERS)
    why = reason.strip()
    if account.customer is None:
        raise Refused("This account is the house's own: there is no address behind it.")
    if len(why) < REASON_LEAST:
        raise Refused("Say why you need the address: the reason is kept.")
    with transaction.atomic(durable=True):
        audit.record(
            by=by,
            action="contact.revealed",
            subject=f"account:{account.pk}",
            data={"reason": why[:200]},
        )
    return account.customer.email
