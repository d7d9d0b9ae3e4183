"""A sender of webhooks killed at any step: the event is sent again with the same id, none is lost,
the order is kept, and two senders at once send nothing twice."""

import json
from collections.abc import Iterator

import pytest
from django.test import override_settings

from backoffice.celery import app
from backoffice.models import Endpoint, Event, Gate
from backoffice.services import delivering, incidents, plans, webhooks
from tests.backoffice.listener import Listener, listening, status
from tests.backoffice.services.conftest import World, approve_by_row, compute, make_world
from tests.desk import WAIT_SECONDS_MAX, Desk, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("default_queue")]
FRESH = "fresh-deliverer"
# How often the first event arrives: what was handed over before the sender died comes again.
STEPS = {"webhook.claimed": 1, "webhook.answered": 2, "webhook.recorded": 1}


@pytest.fixture(scope="module")
def world(desk: Desk) -> World:
    made = make_world()
    desk.environment["MAKEWHOLE_WEBHOOK_HOSTS"] = "127.0.0.1"
    desk.worker(FRESH)
    return made


@pytest.fixture
def ear() -> Iterator[Listener]:
    with listening(status(200)) as heard:
        yield heard


def endpoint(world: World, ear: Listener, name: str) -> Endpoint:
    with override_settings(WEBHOOK_HOSTS=["127.0.0.1"]):
        row, _ = webhooks.make(
            venue=world.venue, name=name, url=ear.url, kinds=Event.Kind.values,
            by=world.person("chen"),
        )  # fmt: skip
    return row


def gates(world: World, times: int) -> None:
    """A gate closed and lifted again, so many times."""
    mira = world.person("mira")
    for _ in range(times):
        shut: Gate = incidents.close_gate(
            incident=world.incident, by=mira, kind="market", reason="off the index"
        )
        incidents.lift_gate(gate=shut, by=mira, reason="calm again")


def sent(row: Endpoint) -> bool:
    return set(row.deliveries.values_list("state", flat=True)) == {"delivered"}


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_lost_when_the_sender_dies(
    desk: Desk, world: World, ear: Listener, step: str
) -> None:
    row = endpoint(world, ear, f"engine-{step}")
    app.conf.task_default_queue = f"doomed-{step}"
    gates(world, 1)
    doomed = desk.worker(f"doomed-{step}", die_at=step)
    assert doomed.wait(WAIT_SECONDS_MAX) == -9, desk.log(f"worker-doomed-{step}")
    first = row.deliveries.order_by("event")[0]
    assert first.attempts == 1
    assert first.state == ("delivered" if step == "webhook.recorded" else "queued")

    app.conf.task_default_queue = FRESH
    assert delivering.sweep() == 1
    wait_until(lambda: sent(row), f"all is delivered: {desk.log('worker-' + FRESH)}")
    events = [str(d.event.key) for d in row.deliveries.select_related("event").order_by("event")]
    assert ear.ids() == [events[0]] * STEPS[step] + [events[1]]
    assert len({got.body for got in ear.got}) == 2, "the same event is the same bytes"
    webhooks.retire(endpoint=row, by=world.person("chen"))


@pytest.mark.parametrize(("step", "told"), [("execution.audited", 0), ("execution.committed", 1)])
def test_a_plan_is_told_of_when_it_is_committed_and_once(
    desk: Desk, world: World, ear: Listener, step: str, told: int
) -> None:
    row = endpoint(world, ear, f"ledger-{step}")
    plan = compute(world, [10, 20, 30 + told])
    approve_by_row(world, plan)
    app.conf.task_default_queue = f"doomed-{step}"
    plans.request_execution(plan=plan, by=world.person("mira"))
    doomed = desk.worker(f"doomed-{step}", die_at=step)
    assert doomed.wait(WAIT_SECONDS_MAX) == -9, desk.log(f"worker-doomed-{step}")
    assert (Event.objects.filter(plan=plan).count(), row.deliveries.count()) == (told, told)

    app.conf.task_default_queue = FRESH
    wait_until(lambda: plans.sweep() == 1, "the plan is found")
    wait_until(lambda: Event.objects.filter(plan=plan).count() == 2, "it is reconciled")
    # The worker's own nudges go to the queue that all workers share, which none serves here.
    delivering.sweep()
    wait_until(lambda: sent(row), f"all is told: {desk.log('worker-' + FRESH)}")
    kinds = [got.headers["makewhole-event"] for got in ear.got]
    assert kinds == ["plan.executed", "plan.reconciled"]
    webhooks.retire(endpoint=row, by=world.person("chen"))


def test_two_senders_send_nothing_twice_and_keep_the_order(
    desk: Desk, world: World, ear: Listener
) -> None:
    row = endpoint(world, ear, "engine")
    app.conf.task_default_queue = FRESH
    desk.worker(FRESH)
    gates(world, 20)
    for _ in range(5):
        delivering.sweep()
    wait_until(lambda: sent(row), f"all is delivered: {desk.log('worker-' + FRESH)}")
    numbers = [json.loads(got.body)["number"] for got in ear.got]
    assert len(numbers) == 40
    assert numbers == sorted(set(numbers))
    assert set(row.deliveries.values_list("attempts", flat=True)) == {1}
