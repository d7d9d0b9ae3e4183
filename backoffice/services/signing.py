"""A decision signed by a passkey: the challenge made for it, and the proof.

`ask` writes down what is to be signed before anyone signs it. `Assertion` is the proof that
`approvals.decide` takes (`approvals.Proof`): it spends the challenge in the decision's transaction.
The signature is verified here, and by `proven` whenever decisions are counted.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.utils import timezone
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import UserVerificationRequirement

from backoffice.models import (
    Approval,
    ApprovalChallenge,
    Passkey,
    Person,
    Plan,
    Role,
    SpentChallenge,
)
from backoffice.services import approvals, assertions, break_glass, passkeys, proven
from backoffice.services.assertions import Terms, Unproven
from backoffice.services.proven import OPEN, SECOND
from backoffice.services.refusals import Moved, NotAllowed, Refused, WrongPasskey

CHALLENGE_SECONDS = 300
NONCE_BYTES = 32
UNANSWERED_MAX = 20
# The two steps of breaking the glass are signed like decisions.
SIGNABLE = approvals.DECISIONS | {OPEN, SECOND}


def ask(
    *, plan: Plan, by: Person, decision: str, role: str | None = None
) -> tuple[ApprovalChallenge, dict[str, Any]]:
    """Write down one decision on the plan as `by` saw it, to be signed within five minutes.

    `decision` is one of `SIGNABLE`; `role` as for `approvals.decide`, which must be given the
    challenge's. Returns the challenge and the options for `navigator.credentials.get`. Raises
    Stale, Moved, NotAllowed, WrongPasskey without a passkey, Refused after twenty that nobody
    answered.
    """
    if decision not in SIGNABLE:
        raise Refused("A decision is to approve or to reject.")
    server, keys = passkeys.server(), passkeys.of(by)
    if not keys:
        raise WrongPasskey("You have no passkey. Register one, or use a code.")
    stored = Plan.objects.select_related("batch").get(pk=plan.pk)
    approvals.check_open(stored, seen_digest=plan.digest)
    if decision in approvals.DECISIONS:
        role = role or approvals.default_role(plan=stored, by=by)
        why = approvals.ineligible(plan=stored, by=by, role=role)
    else:
        role = role or next(iter(break_glass.roles(by)), Role.Name.RISK)
        why = break_glass.ineligible(plan=stored, by=by)
    if why:
        raise NotAllowed(f"You cannot decide on this plan: {why}.")
    now = timezone.now()
    unanswered = ApprovalChallenge.objects.filter(person=by, expires_at__gt=now, spent=None)
    if unanswered.count() >= UNANSWERED_MAX:
        raise Refused("Too many requests to sign are open. Wait five minutes, or use a code.")
    challenge = ApprovalChallenge.objects.create(
        person=by,
        plan=stored,
        digest=stored.digest,
        seal=proven.seal(stored),
        decision=decision,
        role=role,
        nonce=websafe_encode(secrets.token_bytes(NONCE_BYTES)),
        expires_at=now.replace(microsecond=0) + timedelta(seconds=CHALLENGE_SECONDS),
    )
    options, _ = server.authenticate_begin(
        passkeys.descriptors(keys),
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=terms_of(challenge).challenge(),
    )
    return challenge, dict(options.public_key)


def terms_of(challenge: ApprovalChallenge) -> Terms:
    """What the challenge's row says is signed."""
    return Terms(
        digest=challenge.digest,
        seal=challenge.seal,
        decision=challenge.decision,
        role=challenge.role,
        person=challenge.person_id,
        nonce=challenge.nonce,
        expires=int(challenge.expires_at.timestamp()),
    )


@dataclass(frozen=True)
class Assertion:
    """A passkey's answer as the browser gave it: `AuthenticationResponseJSON` for a challenge."""

    challenge: int
    response: Mapping[str, Any]
    method: ClassVar[str] = Approval.Method.PASSKEY

    def spend(self, plan: Plan, officer: Person, role: str, decision: str) -> dict[str, Any]:
        """Spend the challenge on exactly this decision; the evidence is all an auditor needs.

        Locks the passkey's row, so its counter is compared with the newest. Raises WrongPasskey,
        Moved.
        """
        asked = self._asked(plan, officer, role, decision)
        given = self._given()
        key = (
            Passkey.objects.select_for_update()
            .filter(person=officer, credential_id=given["credential_id"], removed_at=None)
            .first()
        )
        if key is None:
            raise WrongPasskey("That is not one of the passkeys you can sign with.")
        terms = terms_of(asked)
        evidence = {
            "form": assertions.FORM,
            "challenge": asked.pk,
            "nonce": terms.nonce,
            "expires": terms.expires,
            **given,
            "public_key": key.public_key,
            "rp_id": settings.PASSKEY_SITE,
        }
        try:
            evidence["origin"] = assertions.origin_of(evidence)
            if not passkeys.usable_at(evidence["origin"]):
                raise Unproven("it was signed at another address")
            counter = assertions.verify(evidence, terms)
        except Unproven as why:
            raise WrongPasskey(f"The passkey's answer does not hold: {why}.") from why
        # A device that counts counts up; one that does not says 0 for ever.
        if (counter or key.sign_count) and counter <= key.sign_count:
            raise WrongPasskey(
                "The passkey's counter went back: there may be a copy of it. Remove it."
            )
        SpentChallenge.objects.create(challenge=asked, passkey=key)
        key.sign_count, key.last_used_at = counter, timezone.now()
        key.save(update_fields=["sign_count", "last_used_at"])
        return evidence

    def _given(self) -> dict[str, str]:
        """The parts of the answer, each in the one way there is to write it in base64url."""
        try:
            answer = self.response["response"]
            given = {
                "credential_id": self.response["rawId"],
                "authenticator_data": answer["authenticatorData"],
                "client_data_json": answer["clientDataJSON"],
                "signature": answer["signature"],
            }
            if any(websafe_encode(websafe_decode(each)) != each for each in given.values()):
                raise ValueError("not as base64url is written")
        except (KeyError, TypeError, ValueError) as error:
            raise WrongPasskey("The passkey's answer cannot be read.") from error
        return given

    def _asked(self, plan: Plan, officer: Person, role: str, decision: str) -> ApprovalChallenge:
        """The challenge, if it was made for this very decision and is open."""
        asked = ApprovalChallenge.objects.filter(pk=self.challenge, person=officer).first()
        if asked is None:
            raise WrongPasskey("You were not asked to sign that.")
        if SpentChallenge.objects.filter(challenge=asked).exists():
            raise WrongPasskey("That was signed and used before. Sign again.")
        if asked.expires_at <= timezone.now():
            raise WrongPasskey("Signing took longer than five minutes. Sign again.")
        if asked.plan_id != plan.pk:
            raise WrongPasskey("The passkey signed another plan.")
        if (asked.digest, asked.seal) != (plan.digest, proven.seal(plan)):
            raise Moved("The plan is not what the passkey was asked to sign. Look again.")
        if (asked.decision, asked.role) != (decision, role):
            raise WrongPasskey("The passkey signed another decision.")
        return asked
