"""Endpoints that are told of events: making one, changing its secret, ending it, sending again.

A secret is the HMAC of an endpoint's random seed under the desk's own key. Neither the database nor
the key alone gives it away, it is shown when it is made, and never again.
"""

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from backoffice import outgoing
from backoffice.models import Delivery, Endpoint, Event, Person, Role
from backoffice.services import audit, lifecycle, nudges
from backoffice.services.people import require
from backoffice.services.refusals import Refused, Stale
from backoffice.services.tokens import MAY_CONNECT
from exchange.models import Venue

MAY_SEND_AGAIN = (Role.Name.ANALYST, *MAY_CONNECT)
BOTH_HOURS = 24
RETIRED = "The endpoint was retired."


def make(
    *, venue: Venue, name: str, url: str, kinds: Sequence[str], by: Person
) -> tuple[Endpoint, str]:
    """Tell `url` of the venue's events of these kinds from now on; returns it and its secret.

    Raises NotAllowed, Refused for an address the desk does not send to, no name or no kind, Stale
    when an endpoint of that name is in use.
    """
    require(by, *MAY_CONNECT, at=venue)
    if not name.strip():
        raise Refused("Name the system that listens there.")
    chosen = [kind for kind in Event.Kind.values if kind in kinds]
    if not chosen or len(chosen) != len(set(kinds)):
        raise Refused("Choose which events are sent.")
    try:
        outgoing.check(url)
    except outgoing.AddressRefused as refused:
        raise Refused(str(refused)) from refused
    try:
        with transaction.atomic(durable=True):
            row = Endpoint.objects.create(
                name=name.strip()[:80], venue=venue, url=url, kinds=chosen,
                seed=secrets.token_hex(32), created_by=by,
            )  # fmt: skip
            audit.record(
                by=by,
                action="webhook.made",
                subject=f"webhook:{row.pk}",
                data={"venue": venue.code, "url": url, "kinds": chosen},
            )
    except IntegrityError as error:
        raise Stale("An endpoint of that name is in use; choose another name.") from error
    return row, secret_of(row.seed)


def change_secret(*, endpoint: Endpoint, by: Person) -> str:
    """A new secret; for 24 hours the one before signs beside it. Returns the new one.

    Raises NotAllowed, Stale when the endpoint is retired.
    """
    require(by, *MAY_CONNECT, at=endpoint.venue)
    with transaction.atomic(durable=True):
        row = _in_use(endpoint)
        row.previous_seed, row.seed = row.seed, secrets.token_hex(32)
        row.previous_until = timezone.now() + timedelta(hours=BOTH_HOURS)
        row.save(update_fields=["seed", "previous_seed", "previous_until"])
        audit.record(by=by, action="webhook.secret_changed", subject=f"webhook:{row.pk}")
    return secret_of(row.seed)


def retire(*, endpoint: Endpoint, by: Person) -> Endpoint:
    """Send nothing there any more; what is queued fails. Raises NotAllowed, Stale."""
    require(by, *MAY_CONNECT, at=endpoint.venue)
    with transaction.atomic(durable=True):
        row = _in_use(endpoint)
        row.retired_at, row.retired_by = timezone.now(), by
        row.save(update_fields=["retired_at", "retired_by"])
        row.deliveries.filter(state=Delivery.State.QUEUED).update(
            state=Delivery.State.FAILED, answer=RETIRED
        )
        audit.record(by=by, action="webhook.retired", subject=f"webhook:{row.pk}")
    return row


def send_again(*, delivery: Delivery, by: Person) -> Delivery:
    """Queue a delivery again, or try a waiting one at once: the same event with the same id.

    Raises NotAllowed, Stale when its endpoint is retired.
    """
    require(by, *MAY_SEND_AGAIN, at=delivery.endpoint.venue)
    with transaction.atomic(durable=True):
        endpoint = _in_use(delivery.endpoint)
        lifecycle.step(delivery, Delivery.State.QUEUED, due_at=timezone.now())
        audit.record(
            by=by,
            action="webhook.sent_again",
            subject=f"webhook:{endpoint.pk}",
            data={"event": str(delivery.event.key)},
        )
        nudges.after_commit(nudges.DELIVER_WEBHOOKS, endpoint.pk)
    return delivery


def secret_of(seed: str) -> str:
    """The secret that belongs to a seed: 256 bits, as text."""
    made = salted_hmac("makewhole.webhook", seed, algorithm="sha256").digest()
    return "whsec_" + urlsafe_b64encode(made).decode().rstrip("=")


def signature(endpoint: Endpoint, body: bytes, at: datetime) -> str:
    """The value of `Makewhole-Signature`: the time and the HMAC-SHA256 of time, dot and body, with
    the secret before as well while both are good."""
    seeds = [endpoint.seed]
    if endpoint.previous_until is not None and at < endpoint.previous_until:
        seeds.append(endpoint.previous_seed)
    seconds = int(at.timestamp())
    signed = f"{seconds}.".encode() + body
    made = (
        hmac.new(secret_of(seed).encode(), signed, hashlib.sha256).hexdigest() for seed in seeds
    )
    return ",".join([f"t={seconds}", *(f"v1={one}" for one in made)])


def _in_use(endpoint: Endpoint) -> Endpoint:
    row = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    if row.retired_at is not None:
        raise Stale("That endpoint is retired; make a new one.")
    return row
