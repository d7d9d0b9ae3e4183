"""Decisions signed by a passkey: what is signed, every way in which it is not, nothing changed."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone
from fido2.utils import websafe_decode, websafe_encode

from backoffice.models import (
    ApprovalChallenge,
    Execution,
    Passkey,
    Plan,
    SpentChallenge,
)
from backoffice.services import (
    approvals,
    break_glass,
    canonical,
    passkeys,
    plans,
    proven,
    second_factor,
    signing,
)
from backoffice.services.refusals import Moved, NotAllowed, Refused, Stale, WrongPasskey
from tests.backoffice.services.authenticator import Device, assertion, flipped, register
from tests.backoffice.services.conftest import BTC, World, compute, propose
from tests.backoffice.services.test_approvals import fingerprint


def traces() -> tuple[object, ...]:
    """Everything a refused decision must leave as it was."""
    return (
        *fingerprint(),
        list(Passkey.objects.order_by("pk").values("pk", "sign_count", "last_used_at")),
        list(SpentChallenge.objects.order_by("pk").values()),
    )


def refuses(
    kind: type[Exception], words: str, world: World, plan: Plan, proof: signing.Assertion,
    *, handle: str = "chen", decision: str = "approve",
) -> None:  # fmt: skip
    """The decision is refused in these words, and nothing has changed."""
    before = traces()
    with pytest.raises(kind, match=words):
        approvals.decide(
            plan=plan, by=world.person(handle), decision=decision, proof=proof, reason="because"
        )
    assert traces() == before


def crossed(world: World, plan: Plan, proof: signing.Assertion) -> signing.Assertion:
    """A request to approve the plan, answered with what was signed for another."""
    mine, _ = signing.ask(plan=plan, by=world.person("chen"), decision="approve")
    return signing.Assertion(mine.pk, proof.response)


def test_two_officers_sign(world: World, proposed: Plan, device: Device) -> None:
    other = Device()
    register(other, world.person("fay"), world.code("fay"))
    for handle, held in (("chen", device), ("fay", other)):
        person = world.person(handle)
        approval = approvals.decide(
            plan=proposed, by=person, decision="approve", proof=assertion(held, proposed, person)
        )
        key = Passkey.objects.get(person=person)
        assert (approval.method, key.sign_count) == ("passkey", 1)
        assert key.last_used_at is not None
        assert SpentChallenge.objects.filter(passkey=key).count() == 1
    assert proposed.state == Plan.State.APPROVED
    assert approvals.blocked(proposed) is None
    assert proven.forged(proposed) == []


def test_a_code_and_a_passkey_make_a_quorum(world: World, proposed: Plan, device: Device) -> None:
    chen, fay = world.person("chen"), world.person("fay")
    approvals.decide(
        plan=proposed, by=chen, decision="approve", proof=assertion(device, proposed, chen)
    )
    code = second_factor.Code(world.code("fay"))
    approvals.decide(plan=proposed, by=fay, decision="approve", proof=code)
    assert proposed.state == Plan.State.APPROVED


def test_one_rejects_with_a_passkey(world: World, proposed: Plan, device: Device) -> None:
    chen = world.person("chen")
    approvals.decide(
        plan=proposed, by=chen, decision="reject", reason="the cap is too low",
        proof=assertion(device, proposed, chen, "reject"),
    )  # fmt: skip
    assert proposed.state == Plan.State.REJECTED


def test_the_evidence_says_it_all(world: World, proposed: Plan, device: Device) -> None:
    """The challenge is derived here once more, from the documented form and nothing of ours."""
    chen = world.person("chen")
    proof = assertion(device, proposed, chen)
    kept = approvals.decide(plan=proposed, by=chen, decision="approve", proof=proof).evidence
    asked = ApprovalChallenge.objects.get()
    said = json.loads(websafe_decode(kept["client_data_json"]))
    terms = [
        "makewhole-approval/1", proposed.digest, proven.seal(proposed), "approve", "risk",
        chen.pk, kept["nonce"], kept["expires"],
    ]  # fmt: skip
    assert said["challenge"] == websafe_encode(bytes.fromhex(canonical.digest(terms)))
    assert len(websafe_decode(kept["nonce"])) == 32
    assert kept["expires"] == int(asked.expires_at.timestamp())
    assert timedelta(seconds=290) < asked.expires_at - asked.created_at <= timedelta(minutes=5)
    assert (kept["rp_id"], kept["origin"]) == ("localhost", "http://localhost:8000")
    assert kept["public_key"] == Passkey.objects.get().public_key
    with connection.cursor() as cursor:
        cursor.execute("SELECT approval_challenge_bytes(c) FROM approval_challenge c")
        assert bytes(cursor.fetchone()[0]) == websafe_decode(said["challenge"])


def test_what_the_browser_is_asked(world: World, proposed: Plan, device: Device) -> None:
    challenge, options = signing.ask(plan=proposed, by=world.person("chen"), decision="approve")
    assert options["challenge"] == websafe_encode(signing.terms_of(challenge).challenge())
    assert options["userVerification"] == "required"
    assert options["rpId"] == "localhost"
    assert [each["id"] for each in options["allowCredentials"]] == list(device.keys)


def test_asking_is_refused_as_deciding_would_be(
    world: World, proposed: Plan, device: Device
) -> None:
    chen = world.person("chen")
    with pytest.raises(WrongPasskey, match="no passkey"):
        signing.ask(plan=proposed, by=world.person("ravi"), decision="approve")
    with pytest.raises(Refused, match="to approve or to reject"):
        signing.ask(plan=proposed, by=chen, decision="perhaps")
    with pytest.raises(Stale):
        signing.ask(plan=compute(world, [5]), by=chen, decision="approve")
    shown = Plan.objects.get(pk=proposed.pk)
    shown.digest = "f" * 64
    with pytest.raises(Moved):
        signing.ask(plan=shown, by=chen, decision="approve")
    chen.roles.all().delete()
    with pytest.raises(NotAllowed, match="role"):
        signing.ask(plan=proposed, by=chen, decision="approve")
    assert not ApprovalChallenge.objects.exists()


def test_only_so_many_requests_are_open(
    world: World, proposed: Plan, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "UNANSWERED_MAX", 1)
    signing.ask(plan=proposed, by=world.person("chen"), decision="approve")
    with pytest.raises(Refused, match="Too many"):
        signing.ask(plan=proposed, by=world.person("chen"), decision="approve")


@pytest.mark.parametrize(
    ("wrongly", "words"),
    [
        ({"verified": False}, "did not make sure who signed"),
        ({"origin": "http://127.0.0.1:8000"}, "signed at another address"),
        ({"origin": "https://desk.evil.example"}, "signed at another address"),
        ({"site": "evil.example"}, "signed for another site"),
        ({"kind": "webauthn.create"}, "no answer to a request to sign"),
    ],
)
def test_a_wrong_answer_is_refused(
    world: World, proposed: Plan, device: Device, wrongly: dict[str, Any], words: str
) -> None:
    proof = assertion(device, proposed, world.person("chen"), **wrongly)
    refuses(WrongPasskey, words, world, proposed, proof)


def test_another_digest_is_refused(world: World, proposed: Plan, device: Device) -> None:
    shown = Plan.objects.get(pk=proposed.pk)
    proof = assertion(device, shown, world.person("chen"))
    shown.digest = "f" * 64
    refuses(Moved, "not the plan that is here", world, shown, proof)
    challenge, options = signing.ask(plan=proposed, by=world.person("chen"), decision="approve")
    terms = signing.terms_of(challenge)._replace(digest="f" * 64)
    options["challenge"] = websafe_encode(terms.challenge())
    proof = signing.Assertion(challenge.pk, device.sign(options))
    refuses(WrongPasskey, "it signs something else", world, proposed, proof)


def test_another_plans_assertion_is_refused(world: World, proposed: Plan, device: Device) -> None:
    other = propose(world, [5])
    proof = assertion(device, other, world.person("chen"))
    refuses(WrongPasskey, "signed another plan", world, proposed, proof)
    refuses(
        WrongPasskey, "it signs something else", world, proposed, crossed(world, proposed, proof)
    )


def test_an_assertion_decides_once(world: World, proposed: Plan, device: Device) -> None:
    chen = world.person("chen")
    proof = assertion(device, proposed, chen)
    approvals.decide(plan=proposed, by=chen, decision="approve", proof=proof)
    refuses(NotAllowed, "decided on this plan already", world, proposed, proof)
    other = propose(world, [5])
    refuses(WrongPasskey, "used before", world, other, proof)


def test_a_challenge_ends(world: World, proposed: Plan, device: Device) -> None:
    chen = world.person("chen")
    soon = timezone.now().replace(microsecond=0) + timedelta(seconds=2)
    asked = ApprovalChallenge.objects.create(
        person=chen, plan=proposed, digest=proposed.digest, seal=proven.seal(proposed),
        decision="approve", role="risk", nonce="A" * 43, expires_at=soon,
    )  # fmt: skip
    options = {
        "challenge": websafe_encode(signing.terms_of(asked).challenge()),
        "allowCredentials": [{"id": each} for each in device.keys],
    }
    proof = signing.Assertion(asked.pk, device.sign(options))
    time.sleep(max(0.0, (soon - timezone.now()).total_seconds()) + 0.01)
    refuses(WrongPasskey, "longer than five minutes", world, proposed, proof)
    with pytest.raises(IntegrityError, match="not in time"):
        SpentChallenge.objects.create(challenge=asked, passkey=Passkey.objects.get())


def test_a_flipped_decision_is_refused(world: World, proposed: Plan, device: Device) -> None:
    proof = assertion(device, proposed, world.person("chen"), "reject")
    refuses(WrongPasskey, "signed another decision", world, proposed, proof)
    refuses(
        WrongPasskey, "it signs something else", world, proposed, crossed(world, proposed, proof)
    )


def test_another_role_is_refused(world: World, proposed: Plan, device: Device) -> None:
    chen = world.person("chen")
    chen.roles.create(name="finance")
    challenge, options = signing.ask(plan=proposed, by=chen, decision="approve", role="finance")
    proof = signing.Assertion(challenge.pk, device.sign(options))
    refuses(WrongPasskey, "signed another decision", world, proposed, proof)


def test_another_persons_key_is_refused(world: World, proposed: Plan, device: Device) -> None:
    ravi = world.person("ravi")
    proof = assertion(device, proposed, world.person("chen"))
    refuses(WrongPasskey, "not asked to sign", world, proposed, proof, handle="ravi")
    register(Device(), ravi, world.code("ravi"))
    challenge, options = signing.ask(plan=proposed, by=ravi, decision="approve")
    options["allowCredentials"] = [{"id": each} for each in device.keys]
    proof = signing.Assertion(challenge.pk, device.sign(options))
    words = "not one of the passkeys you can sign with"
    refuses(WrongPasskey, words, world, proposed, proof, handle="ravi")


def test_a_removed_key_is_refused(world: World, proposed: Plan, device: Device) -> None:
    chen = world.person("chen")
    proof = assertion(device, proposed, chen)
    passkeys.remove(by=chen, key=Passkey.objects.get())
    words = "not one of the passkeys you can sign with"
    refuses(WrongPasskey, words, world, proposed, proof)


def test_removing_a_key_leaves_what_it_signed(world: World, proposed: Plan, device: Device) -> None:
    chen = world.person("chen")
    proof = assertion(device, proposed, chen)
    approvals.decide(plan=proposed, by=chen, decision="approve", proof=proof)
    passkeys.remove(by=chen, key=Passkey.objects.get())
    assert approvals.valid_approvals(proposed) == 1
    assert proven.forged(proposed) == []


@pytest.mark.parametrize("counter", [0, 6, 7])
def test_a_counter_that_goes_back_is_refused(
    world: World, proposed: Plan, device: Device, counter: int
) -> None:
    Passkey.objects.update(sign_count=7)
    proof = assertion(device, proposed, world.person("chen"), counter=counter)
    refuses(WrongPasskey, "counter went back", world, proposed, proof)


def test_a_device_that_does_not_count_is_taken(
    world: World, proposed: Plan, device: Device
) -> None:
    chen = world.person("chen")
    proof = assertion(device, proposed, chen, counter=0)
    approvals.decide(plan=proposed, by=chen, decision="approve", proof=proof)
    assert Passkey.objects.get().sign_count == 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda r: r["response"].update(signature=flipped(r["response"]["signature"])), "match"),
        (lambda r: r["response"].update(signature="MEUCIQ"), "match"),
        (lambda r: r["response"].update(signature=r["response"]["signature"] + "="), "be read"),
        (lambda r: r["response"].update(signature="\n" + r["response"]["signature"]), "be read"),
        (lambda r: r["response"].update(clientDataJSON="e30"), "cannot be read"),
        (lambda r: r["response"].update(authenticatorData="AAAA"), "cannot be read"),
        (lambda r: r["response"].update(clientDataJSON=7), "cannot be read"),
        (lambda r: r.pop("response"), "cannot be read"),
        (lambda r: r.update(rawId=["x"]), "cannot be read"),
        (lambda r: r.update(rawId="AAAA"), "not one of the passkeys"),
    ],
)  # fmt: skip
def test_rubbish_is_refused(
    world: World, proposed: Plan, device: Device, spoil: Callable[[Any], object], words: str
) -> None:
    proof = assertion(device, proposed, world.person("chen"))
    spoil(proof.response)
    refuses(WrongPasskey, words, world, proposed, proof)


def test_a_decision_for_small_amounts_executes(world: World, device: Device) -> None:
    """From the signature to the books: the second look lets through what holds."""
    plan = propose(world, [BTC // 100])
    chen = world.person("chen")
    approvals.decide(plan=plan, by=chen, decision="approve", proof=assertion(device, plan, chen))
    code = second_factor.Code(world.code("fay"))
    approvals.decide(plan=plan, by=world.person("fay"), decision="approve", proof=code)
    plans.request_execution(plan=plan, by=world.person("mira"))
    assert plans.execute(plan_id=plan.pk).state == Execution.State.DONE


def test_breaking_the_glass_is_signed_like_a_decision(
    world: World, proposed: Plan, device: Device
) -> None:
    chen, ravi, other = world.person("chen"), world.person("ravi"), Device()
    register(other, ravi, world.code("ravi"))
    for step in ("approve", "second"):
        with pytest.raises(WrongPasskey, match="another decision"):
            break_glass.open_glass(
                plan=proposed, by=chen, reason="Fay is away",
                proof=assertion(device, proposed, chen, step),
            )  # fmt: skip
    opened = break_glass.open_glass(
        plan=proposed,
        by=chen,
        reason="Fay is away",
        proof=assertion(device, proposed, chen, "open"),
    )
    assert opened.method == "passkey"
    proof = assertion(other, proposed, ravi, "second")
    break_glass.second(plan=proposed, by=ravi, proof=proof)
    for person, held in ((chen, device), (ravi, other)):
        proof = assertion(held, proposed, person)
        approvals.decide(plan=proposed, by=person, decision="approve", proof=proof)
    assert proposed.state == Plan.State.APPROVED
    assert proven.forged(proposed) == []
