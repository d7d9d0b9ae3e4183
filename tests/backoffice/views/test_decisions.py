"""Deciding on a plan in the browser: what is shown, every refusal by name, nothing changed."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.models import Approval, AuditEvent, Plan, Role, SpentCode
from backoffice.services import approvals, people, plans
from tests.backoffice.services.conftest import BTC, World, propose, tie
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db
AMOUNT = "0.60000000 BTC"


@pytest.fixture
def plan(proposed: Plan) -> Plan:
    return proposed


def traces() -> tuple[object, ...]:
    return (
        list(Plan.objects.values_list("pk", "state")),
        Approval.objects.count(),
        SpentCode.objects.count(),
        AuditEvent.objects.count(),
    )


def send(client: Client, plan: Plan, **changes: str) -> HttpResponse:
    """An approval as the form sends it, as right as `changes` leave it."""
    who = client.session["_auth_user_id"]
    person = Role.objects.filter(person=who).first().person
    sent = {
        "decision": "approve", "typed": AMOUNT, "digest": plan.digest,
        "code": people.demo_code(person.email), **changes,
    }  # fmt: skip
    return client.post(reverse("plan-decide", args=[plan.pk]), sent)


def test_the_page_is_for_staff(world: World, plan: Plan) -> None:
    assert matrix(getting("plan-decide", plan.pk)) == expected()


def test_it_shows_exactly_what_one_approves(officer: Client, plan: Plan) -> None:
    page = officer.get(reverse("plan-decide", args=[plan.pk]))
    shown = text(page)
    assert "4 cash legs and 0 position legs in 3 accounts" in shown
    assert f"To confirm, type {AMOUNT}" in shown
    assert cells(page, "kinds") == [["BTC", "+0.60000000", "−0.60000000", "sums to 0"]]
    assert f'name="digest" value="{plan.digest}"' in page.content.decode()


def test_two_officers_approve(officer: Client, plan: Plan) -> None:
    assert send(officer, plan).url == reverse("plan", args=[plan.pk])
    plan.refresh_from_db()
    assert plan.state == Plan.State.PROPOSED
    send(signed_in("fay"), plan)
    plan.refresh_from_db()
    assert plan.state == Plan.State.APPROVED
    assert approvals.valid_approvals(plan) == 2


def test_the_amount_may_be_typed_without_spaces(officer: Client, plan: Plan) -> None:
    assert send(officer, plan, typed="0.60000000BTC").status_code == 302


def test_one_rejects_with_a_reason(officer: Client, plan: Plan) -> None:
    send(officer, plan, decision="reject", reason="the cap is too low", typed="")
    plan.refresh_from_db()
    assert (plan.state, plan.reason) == (Plan.State.REJECTED, "the cap is too low")


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"typed": "0.6 BTC"}, 422, "That is not the amount"),
        ({"code": "000000"}, 422, "not the code your authenticator shows"),
        ({"code": ""}, 422, "This field is required"),
        ({"digest": "0" * 64}, 409, "not the plan that is here"),
        ({"decision": "reject", "reason": ""}, 422, "This field is required"),
        ({"decision": "maybe", "reason": "x"}, 422, "to approve or to reject"),
    ],
)
def test_a_wrong_form_is_refused(
    officer: Client, plan: Plan, changes: dict[str, str], status: int, words: str
) -> None:
    before = traces()
    answer = send(officer, plan, **changes)
    assert (answer.status_code, words in text(answer)) == (status, True)
    assert traces() == before


def test_a_code_decides_once(officer: Client, plan: Plan, world: World) -> None:
    code = world.code("chen")
    send(officer, plan, code=code)
    other = propose(world, [BTC])
    before = traces()
    answer = send(officer, other, code=code, typed="1.00000000 BTC")
    assert "That code was used before" in text(answer)
    assert traces() == before


def test_the_maker_is_refused_by_name(world: World, plan: Plan, analyst: Client) -> None:
    Role.objects.create(person=world.person("mira"), name="risk")
    assert "the maker of a plan cannot decide on it" in text(
        analyst.get(reverse("plan-decide", args=[plan.pk]))
    )
    before = traces()
    answer = send(analyst, plan)
    assert answer.status_code == 403
    assert "the maker of a plan cannot decide on it" in text(answer)
    assert traces() == before


@pytest.mark.parametrize("who", ["sana", "lena"])
def test_another_role_is_refused_by_name(world: World, plan: Plan, who: str) -> None:
    before = traces()
    answer = send(signed_in(who), plan)
    assert (answer.status_code, "does not hold the role" in text(answer)) == (403, True)
    assert traces() == before


def test_whoever_is_tied_to_an_account_is_recused(
    world: World, plan: Plan, officer: Client
) -> None:
    tie(world, "chen", account=1)
    before = traces()
    answer = send(officer, plan)
    assert (answer.status_code, "recused: tied to an account" in text(answer)) == (403, True)
    assert traces() == before


def test_nobody_decides_twice(plan: Plan, officer: Client) -> None:
    send(officer, plan)
    page = officer.get(reverse("plan-decide", args=[plan.pk]))
    assert "You have decided on this plan already." in text(page)
    before = traces()
    assert send(officer, plan).status_code == 403
    assert traces() == before


def test_a_plan_past_its_time_is_refused(
    plan: Plan, officer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timezone.now() + timedelta(hours=5)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    before = traces()
    answer = send(officer, plan)
    assert "The time to decide on this plan is over." in text(answer)
    assert traces() == before


def test_a_plan_that_moved_on_is_refused(world: World, plan: Plan, officer: Client) -> None:
    plans.withdraw(plan=plan, by=world.person("mira"), reason="computed anew")
    before = traces()
    answer = send(officer, plan)
    assert answer.status_code == 409
    assert "This plan is withdrawn; only a proposed plan is decided on." in text(answer)
    assert traces() == before


def test_the_waiting_plans_are_listed(
    plan: Plan, officer: Client, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(4):  # session, person, standing, the plans
        (row,) = cells(officer.get(reverse("approvals")), "waiting")
    assert row[0] == f"{plan.pk}: Goodwill payment"
    assert row[2:6] == ["Mira Okafor", "0 / 2", "1 risk, 1 finance", "3"]
    assert row[6].replace("\N{NO-BREAK SPACE}", " ").endswith("3 hours, 59 minutes left")


def test_who_holds_two_roles_chooses_one(world: World, plan: Plan, officer: Client) -> None:
    page = officer.get(reverse("plan-decide", args=[plan.pk]))
    assert "You act as" not in text(page)
    Role.objects.create(person=world.person("chen"), name="finance")
    page = officer.get(reverse("plan-decide", args=[plan.pk]))
    assert "You act as" in text(page)
    assert send(officer, plan).status_code == 422
    assert send(officer, plan, role="legal").status_code == 422
    assert Approval.objects.count() == 0
    assert send(officer, plan, role="finance").status_code == 302
    assert Approval.objects.get().role == "finance"
    page = text(officer.get(reverse("plan", args=[plan.pk])))
    assert "Risk officer 0 / 1 Missing Finance officer 1 / 1 Met" in page
