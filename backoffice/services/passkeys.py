"""The passkeys of officers: registered with a fresh code, several a person, removed and kept.

They sign decisions and nothing else: signing in has credentials of its own (allauth's), so nothing
that is asked for at the door can ever be the answer to a decision, nor the other way round.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from fido2 import cbor
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from backoffice.models import Passkey, Person
from backoffice.services import assertions, audit, second_factor
from backoffice.services.refusals import NotAllowed, Refused, Stale, WrongPasskey

NAME_MAX = 60
KEYS_MAX = 10
REGISTER_SECONDS = 300
# What the desk remembers of a way to reach an authenticator; anything else is dropped.
TRANSPORTS = frozenset(each.value for each in AuthenticatorTransport)


def origins() -> list[str]:
    """Where a browser can sign for this desk; none where passkeys do not work."""
    return list(settings.PASSKEY_ORIGINS)


def usable_at(origin: str) -> bool:
    """Whether a browser at this address can sign for the desk's passkeys."""
    return origin in settings.PASSKEY_ORIGINS


def of(person: Person) -> QuerySet[Passkey]:
    """The passkeys the person can sign with, the oldest first; one statement."""
    return Passkey.objects.filter(person=person, removed_at=None).order_by("pk")


def descriptors(keys: QuerySet[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    """The passkeys as a browser is told of them."""
    return [
        PublicKeyCredentialDescriptor(
            type=PublicKeyCredentialType.PUBLIC_KEY,
            id=websafe_decode(key.credential_id),
            transports=[AuthenticatorTransport(each) for each in key.transports] or None,
        )
        for key in keys
    ]


def server() -> Fido2Server:
    """The library's half of the ceremonies, for this desk. Raises WrongPasskey where none work."""
    if not settings.PASSKEY_ORIGINS:
        raise WrongPasskey("This desk has no address at which passkeys work.")
    made = Fido2Server(
        PublicKeyCredentialRpEntity(id=settings.PASSKEY_SITE, name="Makewhole"),
        verify_origin=usable_at,
    )
    made.timeout = REGISTER_SECONDS * 1000  # type: ignore[assignment]
    made.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=each)
        for each in assertions.ALGORITHMS
    ]
    return made


def offer(*, by: Person, name: str, code: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Spend a fresh code on the right to register one passkey within five minutes.

    Returns (the options for `navigator.credentials.create`, what `register` must be given back and
    the browser must not be able to change). The code comes first because a device may take longer
    than a code lives. Raises WrongCode, WrongPasskey or Refused.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= NAME_MAX:
        raise Refused("Give the passkey a name of at most 60 characters.")
    mine = of(by)
    if len(mine) >= KEYS_MAX:
        raise Refused("You have ten passkeys. Remove one first.")
    options, state = server().register_begin(
        # Not the handle that signing in uses: a device keeps one key for a site and a handle, and
        # would replace one by the other.
        PublicKeyCredentialUserEntity(
            id=f"makewhole-approval:{by.pk}".encode(), name=by.email, display_name=str(by)
        ),
        descriptors(mine),
        # Decisions name the keys they take, so none has to be found by the device itself.
        resident_key_requirement=ResidentKeyRequirement.DISCOURAGED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    with transaction.atomic(durable=True):
        step = second_factor.verify(by, code)
    until = timezone.now() + timedelta(seconds=REGISTER_SECONDS)
    return dict(options.public_key), {
        **state, "name": name, "step": step, "person": by.pk, "until": until.isoformat(),
    }  # fmt: skip


def register(*, by: Person, offered: Mapping[str, Any], response: Mapping[str, Any]) -> Passkey:
    """Keep the passkey that a device made for an offer.

    `response` is the browser's `RegistrationResponseJSON`. An offer is good for one passkey: its
    code is unique among them. Raises Stale for an offer that is over or another person's,
    WrongPasskey for an answer that does not hold, and then nothing is kept.
    """
    if offered["person"] != by.pk or not offer_holds(offered):
        raise Stale("That took longer than five minutes. Begin again with a new code.")
    made = _made(offered, response)
    with transaction.atomic(durable=True):
        if Passkey.objects.filter(person=by, code_step=offered["step"]).exists():
            raise Stale("A passkey was registered with that code already.")
        if Passkey.objects.filter(credential_id=made["credential_id"]).exists():
            raise WrongPasskey("That passkey is registered already.")
        key = Passkey.objects.create(
            person=by, name=offered["name"], code_step=offered["step"], **made
        )
        audit.record(
            by=by,
            action="passkey.registered",
            subject=f"passkey:{key.pk}",
            data={"person": by.pk, "key": assertions.fingerprint(key.public_key)},
        )
    return key


def offer_holds(offered: Mapping[str, Any]) -> bool:
    """Whether there is still time to take up an offer."""
    return datetime.fromisoformat(offered["until"]) > timezone.now()


def remove(*, by: Person, key: Passkey) -> None:
    """Take a passkey out of use. What it signed stays signed, and the row is kept.

    No code is asked for: whoever has lost a device has often lost both, and this opens nothing.
    Raises NotAllowed for somebody else's, Stale when it is out of use already.
    """
    if key.person_id != by.pk:
        raise NotAllowed("That is not your passkey.")
    with transaction.atomic(durable=True):
        gone = Passkey.objects.filter(pk=key.pk, removed_at=None).update(removed_at=timezone.now())
        if not gone:
            raise Stale("That passkey was removed already.")
        audit.record(
            by=by,
            action="passkey.removed",
            subject=f"passkey:{key.pk}",
            data={"person": by.pk, "key": assertions.fingerprint(key.public_key)},
        )


def _made(offered: Mapping[str, Any], response: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of the new passkey, its answer checked. Raises WrongPasskey."""
    try:
        answer = RegistrationResponse.from_dict(response)
        found = server().register_complete(offered, answer)
        credential = found.credential_data
        if credential is None or credential.public_key.ALGORITHM not in assertions.ALGORITHMS:
            raise ValueError("no key of an algorithm that is taken")
        named = response["response"].get("transports") or []
        transports = sorted(TRANSPORTS.intersection(named))
    except assertions.UNREADABLE as error:
        raise WrongPasskey("The device's answer does not hold. Nothing was registered.") from error
    return {
        "credential_id": websafe_encode(credential.credential_id),
        "public_key": websafe_encode(cbor.encode(credential.public_key)),
        "sign_count": found.counter,
        "transports": transports,
    }
