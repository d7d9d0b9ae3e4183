"""Executing a plan in the browser: what is typed, what is polled, what is refused."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Execution, Plan
from backoffice.services import executions, locks, plans
from exchange.models import Balance, Journal
from exchange.services import batches
from tests.backoffice.services import remedy as in_small
from tests.backoffice.services.conftest import (
    BTC,
    PAID,
    World,
    approve_all,
    close_gates,
    compute,
    propose,
    without_triggers,
)
from tests.backoffice.services.test_staleness import fee
from tests.backoffice.views.conftest import expected, matrix
from tests.backoffice.views.reading import text
from tests.exchange.services.small_batches import in_another_session

pytestmark = pytest.mark.django_db
AMOUNT = "0.60000000 BTC"


def approved(world: World, remedy: str = "goodwill") -> Plan:
    plan = propose(world, PAID, remedy=remedy)
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


@pytest.mark.parametrize(("remedy", "closed"), [("goodwill", False), ("rollback", True)])
def test_what_follows_is_said_at_its_end(
    world: World, analyst: Client, remedy: str, closed: bool
) -> None:
    plan = approved(world) if remedy == "goodwill" else in_small.approved(world)
    close_gates(world)
    executions.request_execution(plan=plan, by=world.person("mira"))
    at = reverse("plan-execution", args=[plan.pk])
    assert "What follows" not in text(analyst.get(at))
    executions.execute(plan_id=plan.pk)
    shown = text(analyst.get(at))
    assert "What follows Tell the public what was done Write to the customers it touched" in shown
    assert ("Open what was closed for it" in shown) is closed


def test_another_amount_starts_nothing(world: World, analyst: Client) -> None:
    plan = approved(world)
    before = traces()
    answer = analyst.post(reverse("plan-execute", args=[plan.pk]), {"typed": "0.6 BTC"})
    assert answer.status_code == 422
    assert "That is not the amount. Nothing was started." in text(answer)
    assert traces() == before


def test_it_waits_for_the_gates_its_legs_need(world: World, analyst: Client) -> None:
    plan = in_small.approved(world)
    at = reverse("plan-execution", args=[plan.pk])
    words = "Closed first, while this plan is executed: trading of BTC0629 and withdrawals."
    shown = text(analyst.get(at))
    assert words in shown
    assert "Trading of BTC0629 Open to be closed before it is executed" in shown
    before = traces()
    typed = {"typed": "0.10000000 BTC"}
    answer = analyst.post(reverse("plan-execute", args=[plan.pk]), typed)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert traces() == before
    close_gates(world)
    assert "Trading of BTC0629 Closed Withdrawals Closed" in text(analyst.get(at))
    assert analyst.post(reverse("plan-execute", args=[plan.pk]), typed).status_code == 302


def test_one_that_only_pays_needs_no_gate(world: World, analyst: Client) -> None:
    shown = text(analyst.get(reverse("plan-execution", args=[approved(world).pk])))
    assert "it takes from nobody and moves no position" in shown
    assert "would be refused now" not in shown


def test_what_moved_is_said_before_and_after_it_is_asked_for(world: World, analyst: Client) -> None:
    plan = approved(world)
    fee(world)
    words = "The futures wallet of A00001 was 2.00000000 BTC when the plan was computed and is"
    at = reverse("plan-execution", args=[plan.pk])
    assert f"It would be refused now{words}" in text(analyst.get(at))
    answer = analyst.post(reverse("plan-execute", args=[plan.pk]), {"typed": AMOUNT})
    assert (answer.status_code, words in text(answer)) == (409, True)
    page = text(analyst.get(reverse("plan", args=[plan.pk])))
    assert f"Stale{words}" in page


def test_what_was_refused_says_why(world: World, analyst: Client) -> None:
    plan = approved(world)
    executions.request_execution(plan=plan, by=world.person("mira"))
    fee(world)
    executions.execute(plan_id=plan.pk)
    page = analyst.get(reverse("plan-execution", args=[plan.pk]))
    assert "RefusedThe futures wallet of A00001 was 2.00000000 BTC" in text(page)
    assert "Nothing was posted.Its batch waits sealed" in text(page)
    assert "load delay" not in page.content.decode()


def test_a_session_in_the_way_makes_no_plan_stale(
    world: World, analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ATTACH_SECONDS_MAX", 0.1)
    plan = approved(world)
    executions.request_execution(plan=plan, by=world.person("mira"))
    with in_another_session("LOCK TABLE ledger_entry IN SHARE UPDATE EXCLUSIVE MODE"):
        executions.execute(plan_id=plan.pk)
    shown = text(analyst.get(reverse("plan-execution", args=[plan.pk])))
    assert "RefusedIt could not be posted now: another session has held the ledger or" in shown
    assert "Nothing was posted.Its batch waits sealed" in shown
    plan.refresh_from_db()
    assert plan.state == Plan.State.APPROVED
    executions.request_execution(plan=plan, by=world.person("mira"))
    assert executions.execute(plan_id=plan.pk).state == Execution.State.DONE


class TestWhichIsIt:
    """Told by the books, whatever the execution's row says."""

    def shown(self, client: Client, plan: Plan) -> str:
        part = client.get(reverse("plan-execution", args=[plan.pk]), headers={"HX-Request": "true"})
        return text(part)

    def test_before_during_and_after(self, world: World, analyst: Client) -> None:
        plan = approved(world)
        assert "Nothing was posted.Its batch waits sealed; no journal" in self.shown(analyst, plan)
        executions.request_execution(plan=plan, by=world.person("mira"))
        assert "Nothing was posted." in self.shown(analyst, plan)
        executions.execute(plan_id=plan.pk)
        journal = Journal.objects.get(batch=plan.batch_id)
        at = f"{journal.recorded_at:%Y-%m-%d %H:%M:%S}"
        assert (
            f"Wholly posted at {at} UTC.Its batch is posted, journal {journal.pk} records it"
            in self.shown(analyst, plan)
        )

    def test_a_worker_that_died_left_nothing(self, world: World, analyst: Client) -> None:
        plan = approved(world)
        executions.request_execution(plan=plan, by=world.person("mira"))
        Execution.objects.filter(plan=plan).update(state="running", attempts=1)
        shown = self.shown(analyst, plan)
        assert "Nothing was posted." in shown
        assert "No worker is at it: the one that was has died" in shown

    def test_a_worker_at_work_is_seen(self, world: World, analyst: Client) -> None:
        plan = approved(world)
        executions.request_execution(plan=plan, by=world.person("mira"))
        Execution.objects.filter(plan=plan).update(state="running", attempts=1)
        with locks.held(locks.EXECUTION, plan.pk):
            assert "A worker is at it now." in self.shown(analyst, plan)

    def test_a_plan_that_was_taken_back(self, world: World, analyst: Client) -> None:
        plan = approved(world)
        plans.withdraw(plan=plan, by=world.person("mira"), reason="no")
        assert "Its batch was discarded; no journal records it" in self.shown(analyst, plan)

    def test_books_that_contradict_themselves(self, world: World, analyst: Client) -> None:
        """What the database's checks make impossible, made with them switched off."""
        plan = approved(world)
        without_triggers("batch", f"UPDATE batch SET state = 'posted' WHERE id = {plan.batch_id}")
        shown = self.shown(analyst, plan)
        assert "The books contradict themselves" in shown
        assert "Batch posted, journal None, 0 of 2 tables in the ledger." in shown


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
    # session, person, standing, three of the plan, the books, and whether a worker is at it
    with django_assert_max_num_queries(8):
        analyst.get(reverse("plan-execution", args=[plan.pk]), headers={"HX-Request": "true"})
