"""Two hundred and sixteen cuts across approving and executing, the books checked after each.

Every case is drawn from the seed and its own number, which its name shows: any of them runs alone,

    pytest tests/chaos/test_cuts.py -k "cut-137-"

and another seed is CHAOS_SEED=... before it. What is drawn is the plan's legs, how it is cut and
when, as a part of what the step takes undisturbed on this machine. Where in the step a kill falls
is not decided by us; that whatever it falls on leaves the plan wholly there or wholly absent is.
"""

import random
import re
from collections import Counter
from dataclasses import dataclass

import pytest
from django.db import connection

from backoffice.embedded.places import PROJECT
from backoffice.models import Execution, Plan
from backoffice.services import approvals, plans
from tests.chaos.books import Books, decided, is_there, sound
from tests.chaos.cutting import (
    DONE,
    KILLED,
    KILLS,
    LOST,
    REFUSED,
    SEED,
    Officer,
    Theatre,
    Victim,
    deciding,
    executing,
    officers,
)

pytestmark = pytest.mark.chaos

CASES = 216
# Up to the commit nothing may be seen, after it everything.
ABSENT = (
    "execution.claimed", "execution.locked", "execution.executing", "execution.gated",
    "execution.checked", "batch.claimed", "batch.digested", "batch.journal",
    "batch.cash_attached", "batch.positions_attached", "batch.summed", "batch.balances_locked",
    "batch.positions_locked", "batch.balances_moved", "batch.positions_moved", "batch.verified",
    "batch.conserved", "execution.posted", "execution.marked", "execution.audited",
)  # fmt: skip
THERE = ("execution.committed", "execution.reconciled")
UNDECIDED = ("approval.locked", "approval.written", "approval.advanced", "approval.audited")
DECIDED = ("approval.committed",)
# One round; every way is drawn as often as it stands here.
WAYS = (
    "die executing", "kill executing", "cut off executing", "die approving", "two executing",
    "die executing", "kill approving", "redeliver executing", "two approving", "kill executing",
    "kill requesting", "withdraw executing",
)  # fmt: skip


@dataclass(frozen=True)
class Cut:
    """One case: in which way, at which step, and at which parts of the step's usual time."""

    number: int
    way: str
    step: str
    moments: tuple[float, float]

    def chance(self) -> random.Random:
        """What else is drawn, for this case alone."""
        return random.Random(f"{SEED}/{self.number}/legs")

    def __str__(self) -> str:
        at = self.step or "-".join(f"{moment:.0%}" for moment in self.moments)
        return f"{SEED}-cut-{self.number}-{self.way.replace(' ', '-')}-{at}"


def draw(number: int) -> Cut:
    way = WAYS[number % len(WAYS)]
    steps = {"die executing": ABSENT + THERE, "die approving": UNDECIDED + DECIDED}.get(way, ())
    # Steps are taken in turn, so that none is left to chance.
    earlier = sum(WAYS[n % len(WAYS)] == way for n in range(number))
    chance = random.Random(f"{SEED}/{number}")
    return Cut(
        number, way, steps[earlier % len(steps)] if steps else "",
        (chance.uniform(0, 1.1), chance.uniform(0, 1.1)),
    )  # fmt: skip


CUTS = [draw(number) for number in range(CASES)]


def test_every_step_of_the_code_is_died_at() -> None:
    """One that is added is among them, or this fails."""
    named: set[str] = set()
    for path, step, prefix in (
        ("backoffice/services/executions.py", r"\breach\(.([a-z_.]+)", ""),
        ("backoffice/services/approvals.py", r"\breach\(.([a-z_.]+)", ""),
        ("exchange/services/batches.py", r"clock\.reach\(.([a-z_]+)", "batch."),
    ):
        named |= {prefix + found for found in re.findall(step, (PROJECT / path).read_text())}
    assert {cut.step for cut in CUTS if cut.step} == named


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_a_cut(theatre: Theatre, cut: Cut) -> None:
    play = {
        "die executing": die_executing, "kill executing": kill_executing,
        "cut off executing": kill_executing, "two executing": two_executing,
        "redeliver executing": redeliver, "withdraw executing": withdraw_meanwhile,
        "kill requesting": kill_requesting, "die approving": die_approving,
        "kill approving": kill_approving, "two approving": two_approving,
    }[cut.way]  # fmt: skip
    play(theatre, cut)


def die_executing(theatre: Theatre, cut: Cut) -> None:
    plan, before = theatre.queued(cut.chance())
    victim = Victim.start(executing(plan), die_at=cut.step)
    assert victim.end() == KILLED
    assert theatre.judge(cut.way, plan, before) == (cut.step in THERE)
    assert Execution.objects.get(plan=plan).attempts == (1 if cut.step in THERE else 2)


def kill_executing(theatre: Theatre, cut: Cut) -> None:
    plan, before = theatre.queued(cut.chance())
    victim = Victim.start(executing(plan))
    theatre.pause("execute", cut.moments[0])
    if cut.way.startswith("cut off"):
        victim.cut_off()
        assert victim.end() in (DONE, LOST)
    else:
        victim.kill()
        assert victim.end() in (DONE, KILLED)
    theatre.judge(cut.way, plan, before)


def two_executing(theatre: Theatre, cut: Cut) -> None:
    """The message is delivered twice at once; in every other case one of the two is killed."""
    plan, before = theatre.queued(cut.chance())
    one_dies = cut.moments[1] > 0.55
    dies = ("execute", cut.moments[0]) if one_dies else None
    assert theatre.race(executing(plan), executing(plan), dies=dies)[1] == DONE
    assert theatre.judge(cut.way, plan, before) or one_dies
    assert Execution.objects.get(plan=plan).attempts == 1 or one_dies


def redeliver(theatre: Theatre, cut: Cut) -> None:
    """Killed, delivered again, killed again, and so on: each time the same question."""
    plan, before = theatre.queued(cut.chance())
    for moment in cut.moments:
        victim = Victim.start(executing(plan))
        theatre.pause("execute", moment)
        victim.kill()
        assert victim.end() in (DONE, KILLED)
        assert Books.now() == (before.after(plan) if is_there(plan) else before)
    theatre.judge(cut.way, plan, before)


def withdraw_meanwhile(theatre: Theatre, cut: Cut) -> None:
    """Its maker takes it back while it is executed: one of the two wins, wholly."""
    plan, before = theatre.queued(cut.chance())
    maker = theatre.world.person("mira")
    victim = Victim.fork(executing(plan))
    other = Victim.fork(lambda: plans.withdraw(plan=plan, by=maker, reason="no"))
    victim.go()
    theatre.pause("execute", cut.moments[0])
    other.go()
    assert other.end() in (DONE, REFUSED)
    assert victim.end() == DONE  # a refusal is written down, not raised
    plan.refresh_from_db()
    there = is_there(plan)
    theatre.note(cut.way, there)
    sound(theatre.world)
    if there:
        theatre.finish(plan, before)
        return
    assert plan.state == Plan.State.WITHDRAWN
    assert Books.now() == before
    assert plans.execute(plan_id=plan.pk).state == Execution.State.REFUSED
    assert Books.now() == before


def kill_requesting(theatre: Theatre, cut: Cut) -> None:
    """Asking is one transaction: there is a row to execute, or nothing was asked."""
    plan = theatre.approved(cut.chance())
    before = Books.now()
    victim = Victim.start(theatre.requesting(plan))
    theatre.pause("request", cut.moments[0])
    victim.kill()
    assert victim.end() in (DONE, KILLED)
    asked = Execution.objects.filter(plan=plan)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM audit_event WHERE action = 'execution.requested'"
            " AND subject = %s", [f"plan:{plan.pk}"],
        )  # fmt: skip
        assert cursor.fetchone()[0] == asked.count()
    theatre.note(cut.way, asked.exists())
    assert Books.now() == before
    sound(theatre.world)
    theatre.requesting(plan)()
    theatre.finish(plan, before)


def die_approving(theatre: Theatre, cut: Cut) -> None:
    plan = theatre.proposed(cut.chance())
    pair = officers(2)
    chosen = cut.number // len(WAYS) % 2  # the one who completes the quorum, or the first
    if chosen:
        deciding(plan, pair[0])()
    victim = Victim.start(deciding(plan, pair[chosen]), die_at=cut.step)
    assert victim.end() == KILLED
    assert decided(plan) == chosen + (cut.step in DECIDED)
    complete(theatre, cut, plan, pair)


def kill_approving(theatre: Theatre, cut: Cut) -> None:
    plan = theatre.proposed(cut.chance())
    pair = officers(2)
    victim = Victim.start(deciding(plan, pair[0]))
    theatre.pause("approve", cut.moments[0])
    if cut.moments[1] < 0.55:
        victim.kill()
    else:
        victim.cut_off()
    assert victim.end() in (DONE, KILLED, LOST)
    theatre.note(cut.way, bool(decided(plan)))
    complete(theatre, cut, plan, pair)


def two_approving(theatre: Theatre, cut: Cut) -> None:
    """Two decisions at once: of two officers, or of one who presses twice. One may be killed."""
    plan = theatre.proposed(cut.chance())
    pair = officers(2)
    same = cut.number // len(WAYS) % 2 == 0
    jobs = (
        [deciding(plan, pair[0]), deciding(plan, pair[0], later=True)]
        if same
        else [deciding(plan, officer) for officer in pair]
    )
    one_dies = cut.moments[1] > 0.8
    codes = theatre.race(*jobs, dies=("approve", cut.moments[0]) if one_dies else None)
    if not one_dies:
        assert sorted(codes) == ([DONE, REFUSED] if same else [DONE, DONE])
        assert decided(plan) == (1 if same else 2)
    complete(theatre, cut, plan, pair)


def complete(theatre: Theatre, cut: Cut, plan: Plan, pair: list[Officer]) -> None:
    """After a cut decision: what was not decided can be, with the very same code; then two hold,
    and the plan can be executed."""
    sound(theatre.world)
    for officer in pair:
        if not plan.approvals.filter(officer=officer.person).exists():
            deciding(plan, officer)()
    plan.refresh_from_db()
    assert (plan.state, decided(plan)) == (Plan.State.APPROVED, 2)
    assert approvals.blocked(plan) is None
    before = Books.now()
    if cut.number % 3:  # a partition less each time
        plans.withdraw(plan=plan, by=theatre.world.person("mira"), reason="seen enough")
        assert Books.now() == before
        sound(theatre.world)
        return
    theatre.requesting(plan)()
    theatre.finish(plan, before)


def test_the_kills_fell_before_and_after_the_commit(theatre: Theatre) -> None:
    """If every kill came too late or too early the suite would show nothing."""
    drawn = Counter(cut.way for cut in CUTS)
    for way in KILLS:
        found = theatre.there.get(way, [])
        if len(found) < drawn[way]:
            pytest.skip("only with all cases run")
        assert {True, False} == set(found), (way, found)
