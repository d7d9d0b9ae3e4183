"""A plan's time running out around its approval and execution, and clocks that are wrong.

The database's clock cannot be moved from here. Only the distance between a plan's expiry and that
clock is ever compared, so the frozen expiry is moved instead, by the owner of the table, to either
side of now; the clock of the process that acts is moved in that process.
"""

import random
import threading
from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from backoffice.models import Execution, Plan
from backoffice.services import plans
from tests.backoffice.services.conftest import without_triggers
from tests.chaos.books import Books, decided, is_there, sound
from tests.chaos.cutting import DONE, REFUSED, Job, Theatre, Victim, deciding, executing, officers
from tests.desk import WAIT_SECONDS_MAX, wait_until

pytestmark = pytest.mark.chaos

OVER = "its time to be approved and executed is over"


def expire(plan: Plan, seconds: float) -> None:
    """Let the plan's time end `seconds` from now, by the database's clock."""
    without_triggers(
        "plan",
        f"UPDATE plan SET expires_at = clock_timestamp() + interval '{seconds} seconds'"
        f" WHERE id = {plan.pk}",
    )


def refused(theatre: Theatre, plan: Plan, before: Books) -> None:
    """It was refused for its time, and nothing of it is in the books."""
    execution = Execution.objects.get(plan=plan)
    assert execution.state == Execution.State.REFUSED
    assert OVER in execution.message
    plan.refresh_from_db()
    assert plan.state == Plan.State.EXPIRED
    assert not is_there(plan)
    assert Books.now() == before
    sound(theatre.world)


@pytest.mark.parametrize("seconds", [-3600, -0.001])
def test_asked_for_in_time_and_executed_too_late(theatre: Theatre, seconds: float) -> None:
    plan, before = theatre.queued(random.Random(1))
    expire(plan, seconds)
    plans.execute(plan_id=plan.pk)
    refused(theatre, plan, before)


@pytest.mark.parametrize("seconds", [60, 3600])
def test_executed_just_in_time(theatre: Theatre, seconds: float) -> None:
    plan, before = theatre.queued(random.Random(2))
    expire(plan, seconds)
    theatre.finish(plan, before)


def test_its_time_runs_out_while_it_is_executed(theatre: Theatre) -> None:
    """Every check was passed in time, then a balance was locked by somebody: at the commit it is
    too late, and nothing was posted."""
    plan, before = theatre.queued(random.Random(3))
    held, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(
                    "SELECT FROM balance WHERE ledger_account_id IN"
                    f" (SELECT ledger_account_id FROM ledger_before_{plan.batch_id}) FOR UPDATE"
                )
                held.set()
                assert may_end.wait(2 * WAIT_SECONDS_MAX)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(WAIT_SECONDS_MAX)
    # In time for the checks of a slow machine, too: they take a part of what an execution takes.
    expire(plan, 5 + 20 * theatre.seconds["execute"])
    worker = threading.Thread(target=_closing, args=(plan,))
    worker.start()
    wait_until(lambda: _holds(WAITING), "it waits for the balance")
    wait_until(lambda: _holds(ENDED, plan.pk), "its time is over")
    may_end.set()
    worker.join(WAIT_SECONDS_MAX)
    holder.join(WAIT_SECONDS_MAX)
    refused(theatre, plan, before)


WAITING = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock')"
)
ENDED = "SELECT expires_at < clock_timestamp() FROM plan WHERE id = %s"


def _holds(statement: str, *values: object) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: bool = cursor.fetchone()[0]
    return found


def _closing(plan: Plan) -> None:
    try:
        plans.execute(plan_id=plan.pk)
    finally:
        connection.close()


@pytest.mark.parametrize("seconds", [-0.001, 60])
def test_an_approval_around_the_end_of_its_time(theatre: Theatre, seconds: float) -> None:
    plan = theatre.proposed(random.Random(4))
    expire(plan, seconds)
    victim = Victim.start(deciding(plan, officers(1)[0]))
    assert victim.end() == (DONE if seconds > 0 else REFUSED)
    assert decided(plan) == int(seconds > 0)
    sound(theatre.world)


DAY = timedelta(days=1)


def by_a_wrong_clock(job: Job, off: timedelta) -> Job:
    """The job in a process whose clock is off; it is forked, so this one's stays right."""
    right = timezone.now

    def wrong() -> datetime:
        return right() + off

    def run() -> None:
        timezone.now = wrong
        job()

    return run


@pytest.mark.parametrize("off", [-DAY, DAY], ids=["behind", "ahead"])
@pytest.mark.parametrize("over", [False, True], ids=["in time", "too late"])
def test_the_databases_clock_decides_whether_it_is_executed(
    theatre: Theatre, off: timedelta, over: bool
) -> None:
    plan, before = theatre.queued(random.Random(5))
    expire(plan, -0.001 if over else 60)
    victim = Victim.start(by_a_wrong_clock(executing(plan), off))
    assert victim.end() == DONE  # a refusal is written down, not raised
    assert is_there(plan) is not over
    assert Books.now() == (before if over else before.after(plan))
    sound(theatre.world)


def test_a_clock_behind_approves_nothing_that_is_over(theatre: Theatre) -> None:
    """The service, asked by the wrong clock, says there is time; the database knows better."""
    plan = theatre.proposed(random.Random(6))
    expire(plan, -0.001)
    victim = Victim.start(by_a_wrong_clock(deciding(plan, officers(1)[0]), -DAY))
    assert victim.end() != DONE
    assert decided(plan) == 0
    sound(theatre.world)
