"""Executing a plan in the browser: what is typed, what is polled, what is refused."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Execution, Plan
from backoffice.services import executions, incidents, plans
from exchange.models import Balance
from tests.backoffice.services.conftest import BTC, World, approve_all, close_gates, compute
from tests.backoffice.views.conftest import expected, matrix
from tests.backoffice.views.reading import text

pytestmark = pytest.mark.django_db
AMOUNT = "0.60000000 BTC"


def approved(world: World, remedy: str = "goodwill") -> Plan:
    plan = compute(world, [BTC // 10, BTC // 5, 3 * BTC // 10], remedy=remedy)
    plans.propose(plan=plan, by=world.person("mira"))
    approve_all(plan)
    return plan


def traces() -> tuple[object, ...]:
    return (
        list(Plan.objects.values_list("pk", "state")),
        list(Execution.objects.values_list("plan", "state")),
        list(Balance.objects.order_by("pk").values_list("pk", "amount", "version")),
        AuditEvent.objects.count(),
    )


def test_it_is_asked_for_by_typing_the_amount(world: World, analyst: Client) -> None:
    plan = approved(world)
    at = reverse("plan-execution", args=[plan.pk])
    assert f"To confirm, type {AMOUNT}" in text(analyst.get(at))
    assert analyst.post(reverse("plan-execute", args=[plan.pk]), {"typed": AMOUNT}).url == at
    page = analyst.get(at)
    assert "Queued" in text(page)
    assert "Waiting for a worker" in text(page)
    assert f'hx-get="{at}" hx-trigger="load delay:1s"' in page.content.decode()


def test_it_is_followed_to_its_end(world: World, analyst: Client) -> None:
    plan = approved(world)
    executions.request_execution(plan=plan, by=world.person("mira"))
    executions.execute(plan_id=plan.pk)
    at = reverse("plan-execution", args=[plan.pk])
    part = analyst.get(at, headers={"HX-Request": "true"})
    shown = text(part)
    assert "Done Execution of plan" in shown
    assert "every balance and position rebuilt from entries and compared3 / 3" in shown
    assert "positions were rebuilt from their entries, and every one agrees" in shown
    assert "load delay" not in part.content.decode(), "polling has an end"
    assert 'hx-swap-oob="true"' in part.content.decode()


def test_another_amount_starts_nothing(world: World, analyst: Client) -> None:
    plan = approved(world)
    before = traces()
    answer = analyst.post(reverse("plan-execute", args=[plan.pk]), {"typed": "0.6 BTC"})
    assert answer.status_code == 422
    assert "That is not the amount. Nothing was started." in text(answer)
    assert traces() == before


def test_a_rollback_waits_for_closed_gates(world: World, analyst: Client) -> None:
    plan = approved(world, remedy="rollback")
    words = "Trading and withdrawals must both be closed for the whole venue."
    assert words in text(analyst.get(reverse("plan-execution", args=[plan.pk])))
    before = traces()
    answer = analyst.post(reverse("plan-execute", args=[plan.pk]), {"typed": AMOUNT})
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert traces() == before
    close_gates(world)
    answer = analyst.post(reverse("plan-execute", args=[plan.pk]), {"typed": AMOUNT})
    assert answer.status_code == 302


def test_what_was_refused_says_why(world: World, analyst: Client) -> None:
    plan = approved(world, remedy="rollback")
    close_gates(world)
    executions.request_execution(plan=plan, by=world.person("mira"))
    for gate in world.incident.gates.all():
        incidents.lift_gate(gate=gate, by=world.person("mira"), reason="test")
    executions.execute(plan_id=plan.pk)
    page = analyst.get(reverse("plan-execution", args=[plan.pk]))
    assert "Refused. Nothing was posted." in text(page)
    assert "load delay" not in page.content.decode()


def test_only_an_approved_plan_is_executed(world: World, analyst: Client) -> None:
    plan = compute(world, [BTC])
    before = traces()
    answer = analyst.post(reverse("plan-execute", args=[plan.pk]), {"typed": "1.00000000 BTC"})
    assert answer.status_code == 409
    assert "This plan is computed; only an approved plan is executed." in text(answer)
    assert traces() == before


def test_the_roles_that_may_ask(world: World) -> None:
    plan = approved(world)
    at = reverse("plan-execute", args=[plan.pk])
    assert matrix(lambda client: client.post(at, {}).status_code) == (
        expected("analyst", "risk", "finance", done=422)
    )
    assert not Execution.objects.exists()


def test_a_poll_is_cheap(
    world: World, analyst: Client, django_assert_max_num_queries: object
) -> None:
    plan = approved(world)
    executions.request_execution(plan=plan, by=world.person("mira"))
    with django_assert_max_num_queries(6):  # session, person, standing, and three of the plan
        analyst.get(reverse("plan-execution", args=[plan.pk]), headers={"HX-Request": "true"})
