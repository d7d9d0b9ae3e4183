"""The database itself ends under an execution: the whole server at once, as in a power cut, or one
of its processes, upon which it drops everyone and recovers from its log."""

import random
from collections.abc import Callable

import psutil
import pytest
from django.db import connection

from backoffice import embedded
from backoffice.embedded import postgres
from tests.chaos.cutting import DONE, LOST, SEED, Theatre, Victim, crash, executing

pytestmark = pytest.mark.chaos


def power_cut() -> None:
    """SIGKILL to the server and every process of it, then started again as any command would."""
    server = postgres.running(embedded.places())
    assert server is not None
    doomed = [server, *server.children(recursive=True)]
    for process in doomed:
        process.kill()
    psutil.wait_procs(doomed, 10)
    connection.close()
    embedded.ensure()


@pytest.mark.parametrize("end", [power_cut, crash])
@pytest.mark.parametrize("number", range(4))
def test_a_plan_survives_its_database(
    theatre: Theatre, end: Callable[[], None], number: int
) -> None:
    chance = random.Random(f"{SEED}/{end.__name__}/{number}")
    plan, before = theatre.queued(chance)
    victim = Victim.start(executing(plan))
    # The last one comes when the plan is in the books.
    theatre.pause("execute", chance.uniform(0.1, 0.9) if number < 3 else 3)
    end()
    code = victim.end()
    assert code in (DONE, LOST)
    there = theatre.judge(end.__name__, plan, before)
    assert there or code == LOST, "what was reported as committed is there"
