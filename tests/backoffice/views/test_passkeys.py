"""The pages of passkeys: whose they are, adding one in two steps, signing on the decide page."""

import json
import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backoffice.models import Approval, ApprovalChallenge, Passkey, Plan, SpentCode
from backoffice.services import approvals
from tests.backoffice.services.authenticator import Device, register
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import text
from tests.backoffice.views.test_decisions import AMOUNT, traces

pytestmark = pytest.mark.django_db
LOCAL = {"SERVER_NAME": "localhost", "SERVER_PORT": "8000"}


@pytest.fixture
def plan(proposed: Plan) -> Plan:
    return proposed


def ask(client: Client, plan: Plan, **changes: str) -> HttpResponse:
    sent = {"decision": "approve", "digest": plan.digest, **changes}
    return client.post(reverse("plan-challenge", args=[plan.pk]), sent)


def sign(client: Client, plan: Plan, device: Device, decision: str = "approve") -> dict[str, str]:
    """What the decide form sends when a passkey has signed."""
    told = json.loads(ask(client, plan, decision=decision).content)
    answer = device.sign(told["publicKey"])
    signed = {"challenge": told["challenge"], "role": told["role"], "response": answer}
    return {
        "decision": decision, "typed": AMOUNT, "digest": plan.digest, "reason": "because",
        "signed": json.dumps(signed),
    }  # fmt: skip


def test_the_pages_are_for_staff(world: World, plan: Plan) -> None:
    assert matrix(getting("passkeys")) == expected()
    assert matrix(getting("passkey-device")) == expected(done=302)
    for name, args in (
        ("passkey-offer", []), ("passkey-register", []), ("passkey-remove", [1]),
        ("plan-challenge", [plan.pk]),
    ):  # fmt: skip
        address = reverse(name, args=args)
        done = {"passkey-offer": 422, "passkey-register": 302}.get(name, 404)
        if name == "plan-challenge":
            done = 422
        got = matrix(lambda client, at=address: client.post(at).status_code)
        assert got == expected(done=done), name


def test_adding_one_takes_two_steps(officer: Client, world: World) -> None:
    page = officer.get(reverse("passkeys"), **LOCAL)
    assert "You have no passkey" in text(page)
    sent = {"name": "Red key", "code": world.code("chen")}
    assert officer.post(reverse("passkey-offer"), sent).url == reverse("passkey-device")
    second = officer.get(reverse("passkey-device"), **LOCAL)
    assert "Add Red key" in text(second)
    found = re.search(
        r'<script id="passkey-options" type="application/json">(.*?)</script>',
        second.content.decode(),
    )
    assert found is not None
    answer = {"response": json.dumps(Device().create(json.loads(found[1])))}
    assert officer.post(reverse("passkey-register"), answer).url == reverse("passkeys")
    page = officer.get(reverse("passkeys"), **LOCAL)
    assert "Red key can sign your decisions now." in text(page)
    assert Passkey.objects.get().person == world.person("chen")
    assert officer.get(reverse("passkey-device")).url == reverse("passkeys")
    assert officer.post(reverse("passkey-register"), answer).url == reverse("passkeys")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"name": "", "code": "000000"}, "This field is required"),
        ({"name": "Red key", "code": ""}, "This field is required"),
        ({"name": "Red key", "code": "000000"}, "not the code your authenticator shows"),
        ({"name": "x" * 61, "code": "000000"}, "at most 60 characters"),
    ],
)
def test_a_wrong_first_step_goes_no_further(
    officer: Client, sent: dict[str, str], words: str
) -> None:
    answer = officer.post(reverse("passkey-offer"), sent)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert officer.get(reverse("passkey-device")).url == reverse("passkeys")
    assert not SpentCode.objects.exists()


@pytest.mark.parametrize("response", ["", "{}", "[]", "7", '{"rawId": "AA"}'])
def test_a_wrong_answer_may_be_given_again(officer: Client, world: World, response: str) -> None:
    officer.post(reverse("passkey-offer"), {"name": "Red key", "code": world.code("chen")})
    answer = officer.post(reverse("passkey-register"), {"response": response}, follow=True)
    assert answer.redirect_chain == [(reverse("passkey-device"), 302)]
    assert re.search("cannot be read|does not hold", text(answer))
    assert not Passkey.objects.exists()


def test_one_removes_ones_own(officer: Client, world: World, device: Device) -> None:
    key = Passkey.objects.get()
    assert signed_in("fay").post(reverse("passkey-remove", args=[key.pk])).status_code == 404
    page = officer.post(reverse("passkey-remove", args=[key.pk]), follow=True)
    assert "Test device signs nothing any more." in text(page)
    again = officer.post(reverse("passkey-remove", args=[key.pk]), follow=True)
    assert "was removed already" in text(again)


def test_by_ip_the_page_says_where_passkeys_work(
    officer: Client, plan: Plan, device: Device
) -> None:
    for address in (reverse("passkeys"), reverse("plan-decide", args=[plan.pk])):
        page = officer.get(address, SERVER_NAME="127.0.0.1", SERVER_PORT="8000")
        assert "Passkeys do not work at this address" in text(page)
        assert f'href="http://localhost:8000{address}"' in page.content.decode()
        assert "data-sign" not in page.content.decode()
        page = officer.get(address, **LOCAL)
        assert "Passkeys do not work" not in text(page)


def test_without_any_address_codes_are_all(
    officer: Client, plan: Plan, device: Device, settings: object
) -> None:
    settings.PASSKEY_ORIGINS = []  # type: ignore[attr-defined]
    assert "Passkeys do not work on this desk" in text(officer.get(reverse("passkeys")))
    assert "no address at which passkeys work" in ask(officer, plan).content.decode()


def test_the_decide_page_shows_what_is_signed(officer: Client, plan: Plan, device: Device) -> None:
    address = reverse("plan-decide", args=[plan.pk])
    page = officer.get(address, **LOCAL)
    words = page.context["words"]
    assert f"it signs the digest that begins {' '.join(words)}" in text(page)
    assert page.content.decode().count(f'data-sign="/plans/{plan.pk}/challenge/"') == 2
    bare = signed_in("fay").get(address, **LOCAL)
    assert "data-sign" not in bare.content.decode()
    assert f'href="{reverse("passkeys")}"' in bare.content.decode()


def test_one_approves_by_passkey(officer: Client, plan: Plan, device: Device) -> None:
    sent = sign(officer, plan, device)
    answer = officer.post(reverse("plan-decide", args=[plan.pk]), sent)
    assert answer.url == reverse("plan", args=[plan.pk])
    approval = Approval.objects.get()
    assert (approval.method, approval.role, approval.decision) == ("passkey", "risk", "approve")
    assert approvals.valid_approvals(plan) == 1
    assert not SpentCode.objects.exclude(step=Passkey.objects.get().code_step).exists()


def test_one_rejects_by_passkey(officer: Client, plan: Plan, device: Device) -> None:
    sent = sign(officer, plan, device, "reject")
    officer.post(reverse("plan-decide", args=[plan.pk]), sent)
    plan.refresh_from_db()
    assert (plan.state, plan.reason) == (Plan.State.REJECTED, "because")


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"typed": "0.6 BTC"}, 422, "That is not the amount"),
        ({"digest": "0" * 64}, 409, "not the plan that is here"),
        ({"decision": "reject"}, 422, "signed another decision"),
        ({"signed": "{"}, 422, "cannot be read"),
        ({"signed": "7"}, 422, "cannot be read"),
        ({"signed": '{"challenge": 1, "role": "risk"}'}, 422, "cannot be read"),
        ({"signed": '{"challenge": 0, "role": "risk", "response": {}}'}, 422, "not asked to sign"),
    ],
)
def test_a_wrong_form_is_refused(
    officer: Client, plan: Plan, device: Device, changes: dict[str, str], status: int, words: str
) -> None:
    sent = {**sign(officer, plan, device), **changes}
    before = traces()
    answer = officer.post(reverse("plan-decide", args=[plan.pk]), sent, **LOCAL)
    assert (answer.status_code, words in text(answer)) == (status, True)
    assert traces() == before
    # What was signed is never sent back, and the code's field asks for a code again.
    page = answer.content.decode()
    assert not re.search(r'name="signed"[^>]*value=', page)


def test_what_may_not_be_decided_is_not_asked(world: World, plan: Plan, device: Device) -> None:
    mira = signed_in("mira")
    world.person("mira").roles.create(name="risk")
    register(Device(), world.person("mira"), world.code("mira"))
    answer = ask(mira, plan)
    assert answer.status_code == 403
    assert "the maker of a plan" in json.loads(answer.content)["refused"]
    assert ask(signed_in("chen"), plan, digest="0" * 64).status_code == 409
    assert ask(signed_in("chen"), plan, decision="perhaps").status_code == 422
    assert not ApprovalChallenge.objects.exists()
