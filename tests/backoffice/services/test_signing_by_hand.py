"""Decisions by passkey written by hand, as anyone with the database's password could: refused.

What PostgreSQL cannot see, a made-up signature, the execution sees.
"""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone
from fido2.utils import websafe_encode

from backoffice.models import (
    Approval,
    ApprovalChallenge,
    Execution,
    Passkey,
    Person,
    Plan,
    SpentChallenge,
)
from backoffice.services import approvals, assertions, break_glass, passkeys, plans, proven, signing
from backoffice.services.approvals import Standing
from backoffice.services.proven import OPEN, SECOND
from backoffice.services.second_factor import Code
from tests.backoffice.services.authenticator import Device, assertion, register
from tests.backoffice.services.conftest import BTC, World, propose, run_sql, without_triggers
from tests.backoffice.services.test_approvals import fingerprint
from tests.backoffice.services.test_signing import traces

NOT_PROVEN = "is not proven: the signature does not match the key"


def forge(plan: Plan, handle: str, world: World, **changes: Any) -> None:
    """A decision written by hand, all rows of it, as right as `changes` leave them. The signature
    is made up: whoever writes rows has no device."""
    person, role = world.person(handle), "finance" if handle == "fay" else "risk"
    key = Passkey.objects.get(person=person)
    asked = ApprovalChallenge(
        person=person, plan=plan, digest=plan.digest, seal=proven.seal(plan),
        decision="approve", role=role, nonce=websafe_encode(b"n" * 31 + handle[:1].encode()),
        expires_at=timezone.now().replace(microsecond=0) + timedelta(minutes=2),
    )  # fmt: skip
    for name, value in changes.pop("asked", {}).items():
        setattr(asked, name, value)
    said = {
        "type": "webauthn.get", "origin": "http://localhost:8000",
        "challenge": websafe_encode(signing.terms_of(asked).challenge()), **changes.pop("said", {}),
    }  # fmt: skip
    site = sha256(b"localhost").digest()
    with transaction.atomic():
        asked.save()
        if changes.pop("spend", True):
            SpentChallenge.objects.create(challenge=asked, passkey=key)
        Approval.objects.create(
            plan=plan, officer=changes.pop("officer", person), role=role,
            decision=changes.pop("decision", "approve"), reason="by hand", digest=plan.digest,
            method="passkey",
            evidence={
                "form": assertions.FORM, "challenge": asked.pk, "nonce": asked.nonce,
                "expires": int(asked.expires_at.timestamp()), "seal": proven.seal(plan),
                "credential_id": key.credential_id, "public_key": key.public_key,
                "client_data_json": websafe_encode(json.dumps(said).encode()),
                "authenticator_data": websafe_encode(site + b"\5" + bytes(4)),
                "signature": websafe_encode(bytes(70)), "rp_id": "localhost",
                "origin": "http://localhost:8000", **changes,
            },
        )  # fmt: skip


def test_a_forged_signature_is_refused_when_it_matters(world: World, proposed: Plan) -> None:
    """PostgreSQL takes it, because it cannot tell; the execution does not, and the plan is over."""
    for handle in ("chen", "fay"):
        register(Device(), world.person(handle), world.code(handle))
        forge(proposed, handle, world)
    Plan.objects.filter(pk=proposed.pk).update(state="approved")
    proposed.refresh_from_db()
    assert approvals.blocked(proposed) == f"a decision {NOT_PROVEN}"
    before = fingerprint()[3:5]
    plans.request_execution(plan=proposed, by=world.person("mira"))
    execution = plans.execute(plan_id=proposed.pk)
    assert execution.state == Execution.State.REFUSED
    assert NOT_PROVEN in execution.message
    proposed.refresh_from_db()
    assert proposed.state == Plan.State.STALE
    assert fingerprint()[3:5] == before


def test_a_forged_decision_counts_for_nothing(world: World, proposed: Plan) -> None:
    """On the plan's page it is missing, and it completes nobody's quorum."""
    register(Device(), world.person("chen"), world.code("chen"))
    forge(proposed, "chen", world)
    assert approvals.standing(proposed) == Standing({}, {"risk": 1, "finance": 1}, None)
    fay = world.person("fay")
    approvals.decide(plan=proposed, by=fay, decision="approve", proof=Code(world.code("fay")))
    assert proposed.state == Plan.State.PROPOSED
    assert approvals.standing(proposed) == Standing({"finance": 1}, {"risk": 1}, None)
    ravi = world.person("ravi")
    approvals.decide(plan=proposed, by=ravi, decision="approve", proof=Code(world.code("ravi")))
    assert proposed.state == Plan.State.APPROVED
    assert approvals.standing(proposed).given == {"risk": 1, "finance": 1}


def test_a_forged_decision_of_somebody_out_is_not_missed_twice(
    world: World, proposed: Plan
) -> None:
    """The database does not count it any more, so nothing is taken off for it."""
    register(Device(), world.person("chen"), world.code("chen"))
    forge(proposed, "chen", world)
    ravi = world.person("ravi")
    approvals.decide(plan=proposed, by=ravi, decision="approve", proof=Code(world.code("ravi")))
    assert approvals.standing(proposed).given == {"risk": 1}
    Person.objects.filter(pk=world.person("chen").pk).update(is_active=False)
    assert approvals.standing(proposed).given == {"risk": 1}


@pytest.mark.parametrize("step", [OPEN, SECOND])
def test_a_glass_broken_by_a_forged_step_is_whole(world: World, step: str) -> None:
    plan = propose(world, [BTC // 10], remedy="socialise")
    for handle in ("chen", "ravi"):
        person = world.person(handle)
        register(device := Device(), person, world.code(handle))
        proof = assertion(device, plan, person, OPEN if handle == "chen" else SECOND)
        if handle == "chen":
            glass = break_glass.open_glass(plan=plan, by=person, reason="x", proof=proof)
        else:
            break_glass.second(plan=plan, by=person, proof=proof)
    approvals.decide(
        plan=plan, by=world.person("fay"), decision="approve", proof=Code(world.code("fay"))
    )
    assert approvals.standing(plan) == Standing({"finance": 1}, {"any": 1}, glass.pk)
    table = "break_glass" if step == OPEN else "break_glass_second"
    without_triggers(
        table,
        f"UPDATE {table} SET evidence = evidence || jsonb_build_object("
        f"'signature', '{websafe_encode(bytes(70))}')",
    )
    assert approvals.standing(plan) == Standing({"finance": 1}, {"risk": 1, "legal": 1}, None)
    approvals.decide(
        plan=plan, by=world.person("noor"), decision="approve", proof=Code(world.code("noor"))
    )
    assert plan.state == Plan.State.PROPOSED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"spend": False}, "no spent challenge"),
        ({"challenge": 10**9}, "no spent challenge"),
        ({"challenge": None}, "no spent challenge"),
        ({"challenge": "x"}, "cannot be read"),
        ({"asked": {"digest": "f" * 64}}, "made for something else"),
        ({"asked": {"seal": "f" * 64}}, "made for something else"),
        ({"asked": {"role": "legal"}}, "made for something else"),
        ({"asked": {"decision": "reject"}}, "made for something else"),
        ({"decision": "reject"}, "made for something else"),
        ({"form": "makewhole-approval/2"}, "of another form"),
        ({"credential_id": "AA"}, "not one this officer uses"),
        ({"public_key": "AA"}, "not one this officer uses"),
        ({"said": {"challenge": "A" * 43}}, "does not answer its challenge"),
        ({"said": {"type": "webauthn.create"}}, "does not answer its challenge"),
        ({"nonce": "A" * 43}, "does not answer its challenge"),
        ({"expires": 1}, "does not answer its challenge"),
        ({"client_data_json": "e30"}, "does not answer its challenge"),
        ({"client_data_json": "%%%"}, "cannot be read"),
        ({"client_data_json": "AAAA"}, "cannot be read"),
        ({"client_data_json": None}, "does not answer its challenge"),
        ({"said": {"origin": "http://evil.example"}}, "signed for another site"),
        ({"origin": None}, "signed for another site"),
        ({"rp_id": "evil.example"}, "signed for another site"),
        ({"authenticator_data": None}, "signed for another site|make sure"),
        ({"authenticator_data": websafe_encode(
            sha256(b"localhost").digest() + b"\1" + bytes(4))}, "make sure"),
        ({"authenticator_data": websafe_encode(
            sha256(b"localhost").digest() + b"\5")}, "make sure"),
        ({"signature": None}, "no signature"),
        ({"seal": "f" * 64}, "other rows"),
    ],
)  # fmt: skip
def test_sql_cannot_make_up_evidence(
    world: World, proposed: Plan, device: Device, changes: dict[str, Any], words: str
) -> None:
    before = traces()
    with pytest.raises(IntegrityError, match=words):
        forge(proposed, "chen", world, **changes)
    assert traces() == before


def test_sql_cannot_use_another_officers_key(world: World, proposed: Plan, device: Device) -> None:
    before = traces()
    with pytest.raises(IntegrityError, match="made for something else"):
        forge(proposed, "chen", world, officer=world.person("ravi"))
    with pytest.raises(IntegrityError, match="key of that person"):
        forge(proposed, "chen", world, asked={"person": world.person("ravi")})
    assert traces() == before


def test_sql_cannot_use_a_removed_key(world: World, proposed: Plan, device: Device) -> None:
    passkeys.remove(by=world.person("chen"), key=Passkey.objects.get())
    with pytest.raises(IntegrityError, match="key of that person"):
        forge(proposed, "chen", world)


def test_sql_cannot_replay(world: World, proposed: Plan, device: Device) -> None:
    chen = world.person("chen")
    proof = assertion(device, proposed, chen)
    first = approvals.decide(plan=proposed, by=chen, decision="approve", proof=proof)
    other = propose(world, [5])
    before = traces()
    with pytest.raises(IntegrityError), transaction.atomic():
        SpentChallenge.objects.create(
            challenge_id=first.evidence["challenge"], passkey=Passkey.objects.get()
        )
    evidence = {**first.evidence, "seal": proven.seal(other)}
    for written in (first.evidence["challenge"], f"0{first.evidence['challenge']}"):
        with pytest.raises(IntegrityError, match="made for something else"), transaction.atomic():
            Approval.objects.create(
                plan=other, officer=chen, role="risk", decision="approve", digest=other.digest,
                method="passkey", evidence={**evidence, "challenge": written},
            )  # fmt: skip
    assert traces() == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE approval_challenge SET decision = 'reject'",
        "UPDATE approval_challenge SET expires_at = expires_at + interval '1 minute'",
        "DELETE FROM approval_challenge",
        "TRUNCATE approval_challenge CASCADE",
        "UPDATE spent_challenge SET spent_at = now()",
        "DELETE FROM spent_challenge",
        "TRUNCATE spent_challenge",
        "UPDATE approval SET evidence = '{}'",
    ],
)
def test_sql_cannot_rewrite_what_was_signed(
    world: World, proposed: Plan, device: Device, statement: str
) -> None:
    chen = world.person("chen")
    proof = assertion(device, proposed, chen)
    approvals.decide(plan=proposed, by=chen, decision="approve", proof=proof)
    before = traces()
    with pytest.raises(DatabaseError):
        run_sql(statement)
    assert traces() == before


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "A" * 42},
        {"nonce": "A" * 42 + "B"},
        {"expires_at": timedelta(minutes=11)},
        {"expires_at": timedelta(0)},
        {"expires_at": timedelta(minutes=1, microseconds=1)},
    ],
)
def test_a_challenge_is_random_and_short_lived(
    world: World, proposed: Plan, change: dict[str, Any]
) -> None:
    now = timezone.now().replace(microsecond=0)
    row = {"nonce": "A" * 43, "expires_at": timedelta(minutes=1), **change}
    row["expires_at"] += now
    with pytest.raises(IntegrityError, match="32 bytes"):
        ApprovalChallenge.objects.create(
            person=world.person("chen"), plan=proposed, digest=proposed.digest, seal="a" * 64,
            decision="approve", role="risk", **row,
        )  # fmt: skip
