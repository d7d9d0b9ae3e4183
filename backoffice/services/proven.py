"""Whether passkeys really signed what is written as signed: the one thing PostgreSQL cannot tell.

Everything else about a decision is the database's to check (`approval_proof`). A decision written
past the desk with a made-up signature passes there; wherever decisions are counted for a person or
for an execution, it is asked here besides.
"""

from typing import NamedTuple

from backoffice.models import Approval, BreakGlass, BreakGlassSecond, Passkey, Plan
from backoffice.services import assertions, canonical
from backoffice.services.assertions import Terms, Unproven

# The two steps of breaking the glass are signed like decisions.
OPEN, SECOND = "open", "second"


class Forged(NamedTuple):
    """A decision, or a step of breaking the glass, that no passkey of its officer signed."""

    row: Approval | BreakGlass | BreakGlassSecond
    why: str


def seal(plan: Plan) -> str:
    """The hash of the digests its staged rows were sealed with; `batch_seal` is its twin."""
    batch = plan.batch
    return canonical.digest([batch.cash_digest, batch.position_digest, batch.precondition_digest])


def forged(plan: Plan) -> list[Forged]:
    """What of the plan's decisions, and of breaking the glass for its digest, is proven by a
    passkey in name only. A millisecond a signature; three statements, one more where there is any.
    """
    method = Approval.Method.PASSKEY
    opened = BreakGlass.objects.filter(plan=plan, digest=plan.digest)
    seconded = BreakGlassSecond.objects.filter(break_glass__in=opened, method=method)
    signed = [
        *((row.decision, row) for row in plan.approvals.filter(method=method).order_by("pk")),
        *((OPEN, row) for row in opened.filter(method=method).order_by("pk")),
        *((SECOND, row) for row in seconded.order_by("pk")),
    ]
    if not signed:
        return []
    named = [row.evidence.get("credential_id") for _, row in signed]
    keys = {
        (key.person_id, key.credential_id): key.public_key
        for key in Passkey.objects.filter(credential_id__in=named)
    }
    sealed = seal(plan)
    found = []
    for decision, row in signed:
        evidence = row.evidence
        try:
            held = keys.get((row.officer_id, evidence.get("credential_id")))
            if held is None or held != evidence.get("public_key"):
                raise Unproven("the key is not this officer's")
            terms = Terms(
                digest=plan.digest,
                seal=sealed,
                decision=decision,
                role=row.role,
                person=row.officer_id,
                nonce=evidence["nonce"],
                expires=evidence["expires"],
            )
            assertions.verify(evidence, terms)
        except (Unproven, KeyError, TypeError) as why:
            found.append(Forged(row, str(why)))
    return found
