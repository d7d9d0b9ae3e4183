"""A software authenticator: it makes keys and signs as a device does, or wrongly when told to."""

import os
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import sha256, websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from backoffice.models import Passkey, Person, Plan
from backoffice.services import passkeys, signing

ORIGIN = "http://localhost:8000"
SITE = "localhost"
FLAG = AuthenticatorData.FLAG


@dataclass
class Device:
    """One device of one person. Its counter counts all its signatures."""

    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    counter: int = 0

    def create(
        self, options: dict[str, Any], *, origin: str = ORIGIN, site: str = SITE,
        verified: bool = True,
    ) -> dict[str, Any]:  # fmt: skip
        """Answers `navigator.credentials.create` with a new key."""
        private, number = ec.generate_private_key(ec.SECP256R1()), os.urandom(32)
        self.keys[websafe_encode(number)] = private
        credential = AttestedCredentialData.create(
            Aaguid.NONE, number, ES256.from_cryptography_key(private.public_key())
        )
        said = CollectedClientData.create("webauthn.create", options["challenge"], origin)
        data = AuthenticatorData.create(
            sha256(site.encode()), _flags(verified) | FLAG.AT, self.counter, credential
        )
        return {
            "id": websafe_encode(number),
            "rawId": websafe_encode(number),
            "type": "public-key",
            "response": {
                "clientDataJSON": said.b64,
                "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
                "transports": ["internal", "carrier-pigeon"],
            },
        }

    def sign(
        self, options: dict[str, Any], *, origin: str = ORIGIN, site: str = SITE,
        verified: bool = True, counter: int | None = None, kind: str = "webauthn.get",
    ) -> dict[str, Any]:  # fmt: skip
        """Answers `navigator.credentials.get` with the first of its keys that is asked for."""
        self.counter = self.counter + 1 if counter is None else counter
        asked = [each["id"] for each in options["allowCredentials"]]
        number = next(each for each in self.keys if each in asked)
        said = CollectedClientData.create(kind, options["challenge"], origin)
        data = AuthenticatorData.create(sha256(site.encode()), _flags(verified), self.counter)
        signature = self.keys[number].sign(data + said.hash, ec.ECDSA(SHA256()))
        return {
            "id": number,
            "rawId": number,
            "type": "public-key",
            "response": {
                "clientDataJSON": said.b64,
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
            },
        }


def _flags(verified: bool) -> FLAG:
    return FLAG.UP | FLAG.UV if verified else FLAG.UP


def register(device: Device, person: Person, code: str, name: str = "Test device") -> Passkey:
    """A passkey of the person on the device, registered as the screens do it."""
    options, offered = passkeys.offer(by=person, name=name, code=code)
    return passkeys.register(by=person, offered=offered, response=device.create(options))


def assertion(
    device: Device, plan: Plan, person: Person, decision: str = "approve", **wrongly: Any
) -> signing.Assertion:
    """The person's proof for a decision on the plan, as right as `wrongly` leaves it."""
    challenge, options = signing.ask(plan=plan, by=person, decision=decision)
    return signing.Assertion(challenge.pk, device.sign(options, **wrongly))


def flipped(text: str) -> str:
    """base64url with its last byte changed."""
    data = bytearray(websafe_decode(text))
    data[-1] ^= 1
    return websafe_encode(bytes(data))
