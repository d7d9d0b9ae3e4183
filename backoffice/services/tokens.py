"""Tokens of client systems: made by a person, shown once, kept as a hash, revoked for good.

A token is `mwk_<key>_<secret>`: the key finds the row and may be shown, the secret has 256 bits.
"""

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from backoffice.models import ApiToken, Person, Role
from backoffice.services import audit
from backoffice.services.people import require
from backoffice.services.refusals import Refused, Stale
from exchange.models import Venue

MAY_CONNECT = (Role.Name.RISK, Role.Name.FINANCE)
PREFIX = "mwk"
USED_SECONDS = 60


def make(*, venue: Venue, name: str, by: Person) -> tuple[ApiToken, str]:
    """Make a token that reads the venue's feed; returns its row and the token, which is not kept.

    Raises NotAllowed, Refused without a name, Stale when a token of that name is in use.
    """
    require(by, *MAY_CONNECT, at=venue)
    if not name.strip():
        raise Refused("Name the system that will use it.")
    key = secrets.token_hex(6)
    token = f"{PREFIX}_{key}_{secrets.token_urlsafe(32)}"
    try:
        with transaction.atomic(durable=True):
            row = ApiToken.objects.create(
                name=name.strip()[:80], venue=venue, key=key, hash=_hash(token), created_by=by
            )
            audit.record(
                by=by,
                action="token.made",
                subject=f"token:{row.pk}",
                data={"venue": venue.code, "scope": row.scope},
            )
    except IntegrityError as error:
        raise Stale("A token of that name is in use; revoke it or choose another name.") from error
    return row, token


def revoke(*, token: ApiToken, by: Person) -> ApiToken:
    """End a token at once. Raises NotAllowed, Stale when it was revoked already."""
    require(by, *MAY_CONNECT, at=token.venue)
    with transaction.atomic(durable=True):
        rows = ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(
            revoked_at=timezone.now(), revoked_by=by
        )
        if rows != 1:
            raise Stale("That token was revoked already.")
        audit.record(by=by, action="token.revoked", subject=f"token:{token.pk}")
    token.refresh_from_db()
    return token


def holder(token: str, scope: str) -> ApiToken | None:
    """The row of a token that is in use and of this scope; None for any other text.

    One statement, and one more when it was not used for a minute. The hashes are compared in
    constant time, also when there is no such key.
    """
    prefix, _, rest = token.partition("_")
    row = ApiToken.objects.select_related("venue").filter(key=rest.partition("_")[0][:16]).first()
    known = row.hash if row else "0" * 64
    same = hmac.compare_digest(known.encode(), _hash(token).encode())
    if row is None or not same or prefix != PREFIX or row.revoked_at or row.scope != scope:
        return None
    _used(row)
    return row


def _used(row: ApiToken) -> None:
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at < now - timedelta(seconds=USED_SECONDS):
        ApiToken.objects.filter(pk=row.pk).update(last_used_at=now)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
