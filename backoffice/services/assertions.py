"""Whether a passkey signed exactly this decision: from the evidence alone, without a database.

What is signed is a challenge of 32 bytes that nobody chooses freely: the SHA-256 of the decision's
own terms (docs/formats/approvals.md). The desk asks here when a decision is taken and again before
a plan is executed; an auditor asks the same years later, from files.

The ceremony's checks are those of WebAuthn level 3, section 7.2, made by the fido2 library.
"""

import hashlib
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from fido2 import cbor
from fido2.cose import ES256, RS256, CoseKey, EdDSA
from fido2.rpid import verify_rp_id
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAssertionResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)

from backoffice.services import canonical

FORM = "makewhole-approval/1"
# What every maker of authenticators supports; SHA-1 and the rare ones are left out.
ALGORITHMS = (ES256.ALGORITHM, EdDSA.ALGORITHM, RS256.ALGORITHM)
# What reading somebody else's bytes can raise.
UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, ValueError, struct.error)
# The library's words for its refusals, and ours.
_WORDS = {
    "Incorrect type in CollectedClientData.": "it is no answer to a request to sign",
    "Invalid origin in CollectedClientData.": "it was signed at another address",
    "Wrong challenge in response.": "it signs something else",
    "Wrong RP ID hash in response.": "it was signed for another site",
    "User Present flag not set.": "nobody touched the device",
    "User verification required, but user verified flag not set.": (
        "the device did not make sure who signed"
    ),
    "Invalid signature.": "the signature does not match the key",
}


class Unproven(ValueError):
    """An assertion that does not prove its decision; `str()` of it says why."""


class Terms(NamedTuple):
    """What one decision says. `nonce` is base64url of 32 bytes, `expires` seconds since 1970."""

    digest: str
    seal: str
    decision: str
    role: str
    person: int
    nonce: str
    expires: int

    def challenge(self) -> bytes:
        """The 32 bytes to sign; `approval_challenge_bytes` in the database makes the same."""
        return bytes.fromhex(canonical.digest([FORM, *self]))


def fingerprint(public_key: str) -> str:
    """SHA-256, in hex, of a COSE key given in base64url: what the audit chain knows a key by."""
    return hashlib.sha256(websafe_decode(public_key)).hexdigest()


def origin_of(evidence: Mapping[str, Any]) -> str:
    """The address at which the browser says it signed. Raises Unproven when it cannot be read."""
    try:
        return CollectedClientData(websafe_decode(evidence["client_data_json"])).origin
    except UNREADABLE as error:
        raise Unproven("it cannot be read") from error


def verify(evidence: Mapping[str, Any], terms: Terms) -> int:
    """Check the assertion in `evidence` against the terms; returns the device's counter.

    `evidence` has `form`, the base64url texts `credential_id`, `public_key`, `authenticator_data`,
    `client_data_json` and `signature`, and `rp_id` and `origin`. That the key is the officer's is
    for the caller to know. Raises Unproven.
    """
    if evidence.get("form") != FORM:
        raise Unproven("it is of another form")
    try:
        answer = AuthenticatorAssertionResponse(
            client_data=CollectedClientData(websafe_decode(evidence["client_data_json"])),
            authenticator_data=AuthenticatorData(websafe_decode(evidence["authenticator_data"])),
            signature=websafe_decode(evidence["signature"]),
        )
        credential = AttestedCredentialData.create(
            Aaguid.NONE, websafe_decode(evidence["credential_id"]), _key(evidence["public_key"])
        )
        site, origin = str(evidence["rp_id"]), str(evidence["origin"])
    except UNREADABLE as error:
        raise Unproven("it cannot be read") from error
    if not verify_rp_id(site, origin) or answer.client_data.cross_origin:
        raise Unproven("it was signed at another address")
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=site, name="Makewhole"),
        verify_origin=lambda signed_at: signed_at == origin,
    )
    asked = {
        "challenge": websafe_encode(terms.challenge()),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }
    response = AuthenticationResponse(raw_id=credential.credential_id, response=answer)
    try:
        server.authenticate_complete(asked, [credential], response)
    except UNREADABLE as error:
        raise Unproven(_WORDS.get(str(error), "it cannot be read")) from error
    return answer.authenticator_data.counter


def _key(public_key: str) -> CoseKey:
    """The key, if it is of an algorithm we take. Raises ValueError."""
    fields = cbor.decode(websafe_decode(public_key))
    if not isinstance(fields, Mapping):
        raise ValueError("a COSE key is a map")
    key = CoseKey.parse(fields)
    if key.ALGORITHM not in ALGORITHMS:
        raise ValueError(f"algorithm {key.ALGORITHM} is not taken")
    return key
