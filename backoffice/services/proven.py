"""Whether a decision was really proven: the one thing PostgreSQL cannot tell.

Everything else about a decision is the database's to check (`approval_proof`). A passkey signs its
decision; a code signs nothing, so the desk that saw it countersigns, under a key that is not in the
database. A decision written past the desk passes there with a made-up signature or a code that
nobody typed; wherever decisions are counted for a person or for an execution, it is asked here
besides.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core.signing import BadSignature, Signer

from backoffice.models import Approval, BreakGlass, BreakGlassSecond, Passkey, Person, Plan
from backoffice.services import assertions, canonical
from backoffice.services.assertions import Terms, Unproven

# The two steps of breaking the glass are signed like decisions.
OPEN, SECOND = "open", "second"
CODE_FORM = "makewhole-code/1"
Decided = Approval | BreakGlass | BreakGlassSecond
# Where decisions are still counted. Codes are not asked again of what is over: the desk's key may
# have been changed since.
COUNTED = (Plan.State.PROPOSED, Plan.State.APPROVED, Plan.State.EXECUTING)


class Forged(NamedTuple):
    """A decision, or a step of breaking the glass, that no passkey of its officer signed and no
    code at the desk proved."""

    row: Decided
    why: str


def seal(plan: Plan) -> str:
    """The hash of the digests its staged rows were sealed with; `batch_seal` is its twin."""
    batch = plan.batch
    return canonical.digest([batch.cash_digest, batch.position_digest, batch.precondition_digest])


def by_code(*, plan: Plan, officer: Person, role: str, decision: str, step: int) -> dict[str, Any]:
    """The evidence of a decision whose code the desk has seen and spent."""
    said = _said(seal(plan), plan.digest, decision, role, officer.pk, step)
    return {"step": step, "countersignature": _desk().signature(said)}


def forged(plan: Plan) -> list[Forged]:
    """What of the plan's decisions, and of breaking the glass for its digest, is proven in name
    only. A millisecond a passkey's signature; three statements, one more for passkeys and one for
    the batch where the plan came without it.
    """
    opened = BreakGlass.objects.filter(plan=plan, digest=plan.digest)
    seconded = BreakGlassSecond.objects.filter(break_glass__in=opened)
    decided = [
        *((row.decision, row) for row in plan.approvals.order_by("pk")),
        *((OPEN, row) for row in opened.order_by("pk")),
        *((SECOND, row) for row in seconded.order_by("pk")),
    ]
    if not decided:
        return []
    keys, sealed = _keys([row for _, row in decided]), seal(plan)
    found = []
    for decision, row in decided:
        try:
            if row.method == Approval.Method.PASSKEY:
                _require_signed(row, decision, plan.digest, sealed, keys)
            elif plan.state in COUNTED:
                _require_countersigned(row, decision, plan.digest, sealed)
        except (Unproven, KeyError, TypeError) as why:
            found.append(Forged(row, str(why)))
    return found


def _keys(rows: list[Decided]) -> Mapping[tuple[int, str], str]:
    """(officer, credential) -> public key of the passkeys that the decisions name."""
    named = [
        row.evidence.get("credential_id") for row in rows if row.method == Approval.Method.PASSKEY
    ]
    known = Passkey.objects.filter(credential_id__in=named) if named else ()
    return {(key.person_id, key.credential_id): key.public_key for key in known}


def _require_signed(
    row: Decided, decision: str, digest: str, sealed: str, keys: Mapping[tuple[int, str], str]
) -> None:
    evidence = row.evidence
    held = keys.get((row.officer_id, evidence.get("credential_id")))
    if held is None or held != evidence.get("public_key"):
        raise Unproven("the key is not this officer's")
    terms = Terms(
        digest=digest,
        seal=sealed,
        decision=decision,
        role=row.role,
        person=row.officer_id,
        nonce=evidence["nonce"],
        expires=evidence["expires"],
    )
    assertions.verify(evidence, terms)


def _require_countersigned(row: Decided, decision: str, digest: str, sealed: str) -> None:
    said = _said(sealed, digest, decision, row.role, row.officer_id, row.evidence["step"])
    try:
        _desk().unsign(f"{said}:{row.evidence.get('countersignature')}")
    except BadSignature as why:
        raise Unproven("its code was not given at the desk") from why


def _said(sealed: str, digest: str, decision: str, role: str, person: int, step: int) -> str:
    return canonical.text([CODE_FORM, digest, sealed, decision, role, person, step])


def _desk() -> Signer:
    return Signer(salt="makewhole.approval-by-code")
