"""A worker killed at any step of an execution: the plan is wholly absent or wholly there, and the
next worker finishes it once."""

import subprocess
from collections.abc import Callable

import numpy as np
import pytest

from backoffice.celery import app
from backoffice.models import Execution, Plan
from backoffice.services import audit, drafting, nudges, plans
from exchange.models import Balance, Batch, Journal, LedgerEntry, Position, PositionEntry
from exchange.services import reconciliation
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import (
    BTC,
    World,
    close_gates,
    make_world,
    payment,
    without_triggers,
)
from tests.chaos.cutting import plans_left_open
from tests.desk import WAIT_SECONDS_MAX, Desk, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("default_queue")]

# Before the commit nothing may be seen, after it everything.
BEFORE = (
    "execution.claimed", "execution.locked", "execution.executing", "execution.checked",
    "batch.claimed", "batch.digested", "batch.cash_attached", "batch.positions_attached",
    "batch.balances_moved", "batch.conserved", "execution.posted", "execution.marked",
    "execution.audited",
)  # fmt: skip
AFTER = ("execution.committed", "execution.reconciled")
STEPS = (*BEFORE, *AFTER)
Doomed = Callable[[str], "subprocess.Popen[bytes]"]
FRESH = "fresh"
PAID = BTC // 100


@pytest.fixture(scope="module")
def world(desk: Desk) -> World:
    made = make_world()
    close_gates(made)
    return made


@pytest.fixture(scope="module")
def doomed(desk: Desk) -> Doomed:
    """Gives the worker of a step, each on a queue of its own. The next two start meanwhile: all of
    them at once would take a small machine minutes."""
    desk.worker(FRESH)
    started: dict[str, subprocess.Popen[bytes]] = {}

    def worker(step: str) -> subprocess.Popen[bytes]:
        at = STEPS.index(step)
        for each in STEPS[at : at + 3]:
            if each not in started:
                started[each] = desk.worker(each, die_at=each)
        return started[step]

    return worker


def approved(world: World) -> Plan:
    """A rollback that pays 0.01 BTC to three accounts and moves five contracts, approved."""
    plans_left_open(world)
    draft = payment([PAID] * 3)
    moves = drafting.Moves(
        np.array([0, 1]), np.array([0, 0]), np.array([5, -5]), np.array([700, -700])
    )
    effects = draft.effects._replace(positions_changed=np.array([1, 1, 0]))
    return remedy.approved(world, draft._replace(moves=moves, effects=effects))


def books() -> tuple[object, ...]:
    """Everything an execution may change in the books."""
    return (
        list(Balance.objects.order_by("pk").values_list("pk", "amount", "version")),
        list(Position.objects.order_by("account", "contract").values_list(
            "account", "contract", "quantity", "cost", "version")),
        LedgerEntry.objects.count(),
        PositionEntry.objects.count(),
        Journal.objects.count(),
        list(Batch.objects.filter(state="posted").order_by("pk").values_list("pk", flat=True)),
    )  # fmt: skip


def paid_once(world: World, before: tuple[object, ...], plan: Plan) -> None:
    """Exactly the plan's legs are in the books on top of what was there."""
    was, now = {pk: rest for pk, *rest in before[0]}, books()
    for place in world.futures[:3]:
        balance = Balance.objects.get(pk=place.pk)
        assert [balance.amount, balance.version] == [was[place.pk][0] + PAID, was[place.pk][1] + 1]
    assert now[2] == before[2] + 4  # three wallets and the house's expense
    assert now[3] == before[3] + 2
    assert now[4] == before[4] + 1
    assert now[5] == [*before[5], plan.batch_id]


@pytest.mark.parametrize("step", STEPS)
def test_a_plan_survives_the_death_of_its_worker(
    desk: Desk, world: World, doomed: Doomed, step: str
) -> None:
    worker = doomed(step)
    plan = approved(world)
    before = books()
    app.conf.task_default_queue = step
    execution = plans.request_execution(plan=plan, by=world.person("mira"))
    assert worker.wait(WAIT_SECONDS_MAX) == -9, desk.log(f"worker-{step}")

    plan.refresh_from_db()
    execution.refresh_from_db()
    if step in BEFORE:
        assert books() == before
        assert plan.state == Plan.State.APPROVED
        assert execution.state == Execution.State.RUNNING
    else:
        paid_once(world, before, plan)
        assert execution.state == Execution.State.DONE

    app.conf.task_default_queue = FRESH
    swept = plans.sweep()
    assert swept == (0 if step == "execution.reconciled" else 1)
    if not swept:  # nothing is left to do, and a late copy of the message does nothing
        nudges.now(nudges.EXECUTE_PLAN, plan.pk)
    wait_until(
        lambda: Plan.objects.get(pk=plan.pk).state == Plan.State.RECONCILED,
        f"a fresh worker finished the plan: {desk.log('worker-' + FRESH)}",
    )
    execution.refresh_from_db()
    paid_once(world, before, plan)
    assert execution.state == Execution.State.DONE
    assert execution.attempts == (2 if step in BEFORE else 1)
    assert plan.reconciliations.count() == 1
    report = reconciliation.reconcile(world.venue)
    assert (report.ledger_ok, report.positions_ok) == (True, True)
    assert audit.verify().ok


def test_many_nudges_execute_once(desk: Desk, world: World, doomed: Doomed) -> None:
    """The same message delivered ten times, to two workers."""
    desk.worker(FRESH)
    plan = approved(world)
    before = books()
    app.conf.task_default_queue = FRESH
    plans.request_execution(plan=plan, by=world.person("mira"))
    for _ in range(10):
        nudges.now(nudges.EXECUTE_PLAN, plan.pk)
    wait_until(
        lambda: Plan.objects.get(pk=plan.pk).state == Plan.State.RECONCILED, "it is executed"
    )
    plan.refresh_from_db()
    paid_once(world, before, plan)
    assert Execution.objects.get(plan=plan).attempts == 1


def test_an_expired_plan_is_refused_by_the_worker(desk: Desk, world: World, doomed: Doomed) -> None:
    """Approved and asked for in time, executed too late: nothing is posted, and it is over."""
    plan = approved(world)
    before = books()
    app.conf.task_default_queue = "nobody"
    execution = plans.request_execution(plan=plan, by=world.person("mira"))
    # The clock cannot be moved, so the frozen expiry is, by the owner of the table.
    without_triggers(
        "plan", f"UPDATE plan SET expires_at = now() - interval '1 second' WHERE id = {plan.pk}"
    )
    app.conf.task_default_queue = FRESH
    plans.sweep()
    wait_until(
        lambda: Execution.objects.get(pk=execution.pk).state == Execution.State.REFUSED,
        "it is refused",
    )
    plan.refresh_from_db()
    assert plan.state == Plan.State.EXPIRED
    assert books() == before
