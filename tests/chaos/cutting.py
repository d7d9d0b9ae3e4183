"""Cutting a step of the desk short, over and over: what the chaos suite forks, kills and checks.

A worker that is started for each attempt takes seconds; a process that is forked from this one has
Django loaded and takes milliseconds. It opens its own connection, says which backend serves it,
waits for the word to go and takes one step through the services, as a worker or a web server would.
Then it dies at a named step (`exchange.faults`), or is killed from outside after a while, or its
backend is terminated under it. Nothing is unwound: the next one finds what a power cut would leave.
"""

import multiprocessing
import os
import random
import signal
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from backoffice.models import Execution, Person, Plan
from backoffice.services import approvals, plans, second_factor
from backoffice.services.refusals import Refused
from exchange import faults
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import World
from tests.chaos.books import Books, is_there, sound
from tests.desk import WAIT_SECONDS_MAX, wait_until

FORK = multiprocessing.get_context("fork")
SEED = os.environ.get("CHAOS_SEED", "2018-03-30")
DONE, REFUSED, LOST = 0, 3, 4
KILLED = -signal.SIGKILL
# The ways of cutting that are a kill after a while, and the step whose usual time it is a part of.
KILLS = {"kill executing": "execute", "kill approving": "approve", "kill requesting": "request"}
Job = Callable[[], object]


@dataclass
class Victim:
    """A forked process at one step. `backend` is PostgreSQL's process that serves it."""

    process: Any
    line: Connection
    backend: int

    @classmethod
    def fork(cls, job: Job, *, die_at: str = "") -> "Victim":
        """A process that is ready and waits for the word. Closes this process's own connection:
        a socket is not shared."""
        connection.close()
        ours, theirs = FORK.Pipe()
        process = FORK.Process(target=_live, args=(job, die_at, theirs), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours, ours.recv())

    @classmethod
    def start(cls, job: Job, *, die_at: str = "") -> "Victim":
        """A process at its step already."""
        victim = cls.fork(job, die_at=die_at)
        victim.go()
        return victim

    def go(self) -> None:
        self.line.send("go")

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)

    def cut_off(self) -> None:
        """Its connection ends, on the database's side."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [self.backend])

    def end(self) -> int:
        """Wait for it and for its backend, which may still be committing; its exit code."""
        self.process.join(WAIT_SECONDS_MAX)
        assert self.process.exitcode is not None, "it hangs"
        self.line.close()
        until = time.monotonic() + WAIT_SECONDS_MAX
        while _serves(self.backend):
            assert time.monotonic() < until, f"backend {self.backend} does not end"
            time.sleep(0.001)
        return int(self.process.exitcode)


def _live(job: Job, die_at: str, line: Connection) -> None:
    """The life of a victim. Whatever happens, nothing of its parent's is unwound."""
    code = 1
    try:
        faults._DIE_AT = die_at
        connection.ensure_connection()
        line.send(connection.connection.info.backend_pid)
        line.recv()
        code = _outcome(job)
    except BaseException:
        traceback.print_exc()  # what a test shows of a case that failed
    finally:
        os._exit(code)


def _outcome(job: Job) -> int:
    try:
        job()
    except Refused:
        return REFUSED
    except DatabaseError:
        return LOST
    return DONE


def _serves(backend: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)", [backend])
        found: bool = cursor.fetchone()[0]
    return found


@dataclass
class Theatre:
    """Where the cuts are made: a world with its gates closed, how long its steps take, and by way
    of cutting whether the step was found done afterwards."""

    world: World
    seconds: dict[str, float] = field(default_factory=dict)
    there: dict[str, list[bool]] = field(default_factory=dict)

    def measure(self) -> None:
        """The seconds of each step undisturbed, so that a cut falls where it was drawn, whatever
        the machine."""
        for _ in range(3):
            plan = self.proposed(random.Random(0))
            first, second = officers(2)
            for officer in (first, second):
                self._time("approve", deciding(plan, officer))
            self._time("request", self.requesting(plan))
            self._time("execute", executing(plan))
            assert Plan.objects.get(pk=plan.pk).state == Plan.State.RECONCILED

    def _time(self, name: str, job: Job) -> None:
        victim = Victim.fork(job)
        began = time.monotonic()
        victim.go()
        victim.process.join(WAIT_SECONDS_MAX)
        took = time.monotonic() - began
        assert victim.end() == DONE
        self.seconds[name] = min(took, self.seconds.get(name, took))

    def pause(self, name: str, fraction: float) -> None:
        """Wait for a part of what the step takes."""
        time.sleep(fraction * self.seconds[name])

    def note(self, way: str, there: bool) -> None:
        """Whether the step was done before the cut. The next kill of its kind comes a little
        earlier or later for it: on a machine that is slower now than when it was measured all of
        them would fall on one side of the commit."""
        self.there.setdefault(way, []).append(there)
        if step := KILLS.get(way):
            self.seconds[step] *= 0.8 if there else 1.25

    def race(self, *jobs: Job, dies: tuple[str, float] | None = None) -> list[int]:
        """All at once, and how each ended. `dies`: the first is killed after such a part of what
        the step takes."""
        victims = [Victim.fork(job) for job in jobs]
        for victim in victims:
            victim.go()
        if dies:
            self.pause(*dies)
            victims[0].kill()
        return [victim.end() for victim in victims]

    def proposed(self, chance: random.Random) -> Plan:
        """A plan before the officers that moves what chance says: cash between two customers,
        fees, and a position that only grows."""
        plans_left_open(self.world)
        giver, taker = chance.sample(range(4), 2)
        units = chance.randrange(1, 1000)
        contracts, cost = chance.randrange(1, 9), chance.randrange(1, 900)
        made = remedy.anything(
            [(giver, -units), (taker, units - 1), (taker, 1)], [(0, 1, contracts, cost)]
        )
        plan = remedy.computed(self.world, made)
        return plans.propose(plan=plan, by=self.world.person("mira"))

    def approved(self, chance: random.Random) -> Plan:
        plan = self.proposed(chance)
        for officer in officers(2):
            deciding(plan, officer)()
        return plan

    def queued(self, chance: random.Random) -> tuple[Plan, Books]:
        """An approved plan that is asked for, and the books before it."""
        plan = self.approved(chance)
        self.requesting(plan)()
        return plan, Books.now()

    def requesting(self, plan: Plan) -> Job:
        by = self.world.person("mira")
        return lambda: plans.request_execution(plan=plan, by=by)

    def judge(self, way: str, plan: Plan, before: Books) -> bool:
        """After the cut: all of it or nothing, and everything else sound. Then a sweeper's worker
        finishes it, and another that comes too late does nothing. Returns whether it was there."""
        there = is_there(plan)
        assert Books.now() == (before.after(plan) if there else before)
        sound(self.world)
        self.note(way, there)
        self.finish(plan, before)
        return there

    def finish(self, plan: Plan, before: Books) -> None:
        """Execute it as the next worker does, twice: it is in the books once."""
        for _ in range(2):
            execution = plans.execute(plan_id=plan.pk)
            assert execution.state == Execution.State.DONE, execution.message
            plan.refresh_from_db()
            assert plan.state == Plan.State.RECONCILED
            assert plan.reconciliations.count() == 1
            assert Books.now() == before.after(plan)
        sound(self.world)


def executing(plan: Plan) -> Job:
    number = plan.pk
    return lambda: plans.execute(plan_id=number)


def deciding(plan: Plan, officer: "Officer", *, later: bool = False) -> Job:
    """Approving with the code of now, or with the next one."""
    code = officer.code(later=later)
    return lambda: approvals.decide(
        plan=plan, by=officer.person, decision="approve", proof=second_factor.Code(code)
    )


@dataclass(frozen=True)
class Officer:
    """A risk officer of one plan only, because an authenticator shows two codes a minute."""

    person: Person
    secret: str

    def code(self, *, later: bool = False) -> str:
        _, now, following = second_factor.steps_now()
        return second_factor.code_at(self.secret, following if later else now)


def officers(count: int) -> list[Officer]:
    made = []
    for _ in range(count):
        email = f"officer-{time.monotonic_ns()}@drill.makewhole.example"
        person = Person.objects.create_user(email, display_name="Officer")
        person.roles.create(name="risk")
        secret = generate_totp_secret()
        TOTP.activate(person, secret)
        made.append(Officer(person, secret))
    return made


def plans_left_open(world: World) -> None:
    """What a case that failed has left behind is not the next one's."""
    for plan in Plan.objects.filter(state__in=["proposed", "approved"]):
        with suppress(Refused):
            plans.withdraw(plan=plan, by=world.person("mira"), reason="a failed case")


def crash() -> None:
    """SIGKILL to one of its processes, upon which the server ends all others and recovers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        doomed = cursor.fetchone()[0]
    witness = connection.copy()
    witness.ensure_connection()
    os.kill(doomed, signal.SIGKILL)
    wait_until(lambda: not _answers(witness), "the server has seen it")
    witness.close()
    connection.close()
    wait_until(lambda: _answers(connection), "PostgreSQL has recovered")


def _answers(to: BaseDatabaseWrapper) -> bool:
    try:
        with to.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True
