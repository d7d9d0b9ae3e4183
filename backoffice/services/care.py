"""The care lane: someone in distress is taken off every automatic path by a named person.

A hold counts from the moment it is committed: `reachable_customer` leaves the customer out, and
every sender reads that view. Only the people who care for them place, see or release one.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from backoffice.models import CareHold, Person, Role
from backoffice.services import audit
from backoffice.services.people import require
from backoffice.services.refusals import Refused, Stale
from exchange.models import Customer

CARERS = (Role.Name.SUPPORT, Role.Name.LEGAL)


def place(*, customer: Customer, by: Person, reason: str) -> CareHold:
    """Take a customer into the care lane. Raises NotAllowed, Refused without a reason, Stale when
    they are in it. The reason stays on the hold: the audit chain keeps none of it."""
    require(by, *CARERS)
    if not reason.strip():
        raise Refused("Say why, for whoever takes over from you.")
    try:
        with transaction.atomic(durable=True):
            hold = CareHold.objects.create(
                customer=customer, reason=reason.strip()[:200], placed_by=by
            )
            audit.record(by=by, action="care.placed", subject=f"customer:{customer.pk}")
    except IntegrityError as error:
        raise Stale("This customer is in the care lane already.") from error
    return hold


def release(*, hold: CareHold, by: Person) -> CareHold:
    """Let a customer back, by name. Raises NotAllowed, or Stale when someone has."""
    require(by, *CARERS)
    with transaction.atomic(durable=True):
        rows = CareHold.objects.filter(pk=hold.pk, released_at__isnull=True).update(
            released_at=timezone.now(), released_by=by
        )
        if rows != 1:
            raise Stale("That hold was released already.")
        audit.record(by=by, action="care.released", subject=f"customer:{hold.customer_id}")
    hold.refresh_from_db()
    return hold
