"""A whole incident from market to goodwill, played by the cast of a drill.

Every step is the verb that a person of the desk would use, with that person as its `by`: nothing is
written here that a screen could not have done. Execution and sending go through a worker.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from backoffice.models import (
    Campaign,
    Comparison,
    Execution,
    Gate,
    Incident,
    Person,
    Plan,
    Programme,
)
from backoffice.queries import cast
from backoffice.services import (
    approvals,
    campaigns,
    comparisons,
    compensation,
    executions,
    findings,
    incidents,
    jobs,
    notice_texts,
    notices,
    nudges,
    people,
    plans,
    sending,
    timeline,
)
from backoffice.services.second_factor import Code
from exchange import drill
from exchange.models import Liquidation, Tape, Venue
from exchange.services import books
from exchange.tape import arrays, bundle

Progress = Callable[[str, int, int], None]
WAIT_SECONDS_MAX = 1800
NUDGE_SECONDS = 15
ATTEMPTS_MAX = 3
GOODWILL_PERCENT_BP = 1000
GOODWILL_CAP_BTC = 1
GOODWILL_BUDGET_BTC = 5000
TITLES = {"okex-2018": "BTC quarterly futures driven off the index"}


class RehearsalFailed(RuntimeError):
    """The rehearsal could not go on; the message says at which step and why."""


@dataclass
class Outcome:
    """What a rehearsal leaves: its rows, and the seconds of each stage."""

    tape: arrays.Tape | None = None
    record: Tape | None = None
    incident: Incident | None = None
    comparison: Comparison | None = None
    plan: Plan | None = None
    programme: Programme | None = None
    goodwill: Plan | None = None
    campaigns: list[Campaign] = field(default_factory=list)
    sign_ins: list[people.SignIn] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    began_ns: int = field(default_factory=time.time_ns)


@dataclass
class Rehearsal:
    """One run. `progress` hears of long work, `tell` of each thing that was done."""

    scenario: str
    accounts: int
    fills: int
    seed: int
    progress: Progress
    tell: Callable[[str], None]
    outcome: Outcome = field(default_factory=Outcome)

    def run(self) -> Outcome:
        """Play everything; raises RehearsalFailed, or what a verb refused."""
        self.make_market()
        self.investigate()
        self.tell_first()
        self.compare()
        self.roll_back()
        self.tell_customers()
        self.make_good()
        return self.outcome

    def make_market(self) -> None:
        """The simulated exchange, its bundle, the stored tape, the opened books."""
        folder = settings.DATA / "bundles" / f"{time.time_ns()}"
        try:
            with self.stage("market"):
                drill.generate(
                    self.scenario, self.accounts, self.fills, self.seed, folder, self.progress
                )
            with self.stage("import"):
                tape = bundle.read(folder, self.progress)
        except OSError as error:
            raise RehearsalFailed(f"The bundle could not be kept in {folder}: {error}.") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        with self.stage("books"):
            self.outcome.tape = tape
            self.outcome.record = books.open_books(
                tape=tape,
                venue=self.free_code(),
                name=str(tape.manifest["venue"]),
                is_drill=True,
                progress=self.progress,
            )
        self.tell(f"tape {tape.digest[:16]} of {len(tape.fills.seq):,} fills is in the books")

    def investigate(self) -> None:
        """Incident, closed gates, computed timeline, recomputed liquidations."""
        record, tape = self.outcome.record, self.outcome.tape
        with self.stage("incident"):
            self.outcome.sign_ins = people.seed_cast(venue=record.venue)
            mira = self.person("mira")
            incident = incidents.open_incident(
                tape=record, by=mira, title=TITLES.get(self.scenario, tape.manifest["title"])
            )
            self.outcome.incident = incident
            incidents.advance(incident=incident, by=mira, to=Incident.Status.DECLARED)
            for kind in Gate.Kind.values:
                incidents.close_gate(
                    incident=incident, by=mira, kind=kind, reason="Prices far from the index."
                )
            incidents.advance(incident=incident, by=mira, to=Incident.Status.CONTAINED)
            timeline.compute(incident=incident, tape=tape)
        with self.stage("liquidations"):
            self.await_verdicts(record)
            findings.of_liquidations(incident=incident)
        self.tell(f"incident {incident.slug}: trading and withdrawals closed")

    def tell_first(self) -> None:
        """The first public words, and a promise of the next."""
        with self.stage("notice"):
            incident, sana = self.outcome.incident, self.person("sana")
            notices.publish(incident=incident, slug="first", texts=notice_texts.FIRST, by=sana)
            notices.promise(
                incident=incident,
                text="Next update",
                due_at=timezone.now() + timedelta(hours=2),
                by=sana,
            )
        self.tell("first notice published in English and Chinese")

    def compare(self) -> None:
        """Every remedy side by side, computed by a worker: what the desk chooses from."""
        incident, mira = self.outcome.incident, self.person("mira")
        with self.stage("comparison"):
            row = comparisons.request(incident=incident, by=mira)
            for _ in self.ticks("the comparison"):
                row.refresh_from_db()
                if row.state == Comparison.State.REFUSED or row.attempts >= ATTEMPTS_MAX:
                    raise RehearsalFailed(f"The comparison was refused or failed: {row.message}")
                if row.state == Comparison.State.DONE:
                    break
                if told := jobs.progress(row):
                    self.progress(told.stage, told.done, max(1, told.total))
            self.outcome.comparison = row
        self.tell(f"{row.scenarios.count()} scenarios computed side by side")

    def roll_back(self) -> None:
        """Compute, propose, two approvals, execution by a worker, reconciliation."""
        incident, mira = self.outcome.incident, self.person("mira")
        with self.stage("rollback"):
            plan = plans.compute_remedy(incident=incident, by=mira, progress=self.progress)
            self.outcome.plan = plan
            incidents.advance(incident=incident, by=mira, to=Incident.Status.REMEDY)
        self.tell(f"rollback computed: digest {plan.digest}")
        with self.stage("approval"):
            plans.propose(plan=plan, by=mira)
            self.approve(plan)
        with self.stage("execution"):
            plans.request_execution(plan=plan, by=mira)
            self.await_execution(plan)
        self.tell("rollback executed and reconciled")

    def tell_customers(self) -> None:
        """The second notice, and a message to everyone whose account changed."""
        with self.stage("notice"):
            incident, sana = self.outcome.incident, self.person("sana")
            notices.publish(
                incident=incident, slug="rollback", texts=notice_texts.AFTER_ROLLBACK, by=sana
            )
            for promise in incident.promises.filter(kept_at__isnull=True):
                notices.keep_promise(promise=promise, by=sana)
        with self.stage("messages"):
            self.campaign(self.outcome.plan, Campaign.Kind.ADJUSTMENT)
        with self.stage("people"):
            self.outcome.sign_ins += people.seed_customers(
                venue=self.outcome.record.venue,
                chosen=cast.customers(incident=incident, plan=self.outcome.plan),
            )

    def make_good(self) -> None:
        """The goodwill programme: rules, awards, plan, approvals, payment, letters."""
        incident, fay = self.outcome.incident, self.person("fay")
        asset = incident.contract.settle
        if not cast.has_verified_loss(incident, asset):
            self.tell("nobody had a verified loss: no goodwill is due")
            return
        with self.stage("goodwill"):
            coin = 10**asset.decimals
            self.outcome.programme = compensation.make_programme(
                incident=incident,
                by=fay,
                name="Goodwill for forced closes that were not due",
                asset=asset,
                percent_bp=GOODWILL_PERCENT_BP,
                cap=GOODWILL_CAP_BTC * coin,
                budget=GOODWILL_BUDGET_BTC * coin,
            )
            plan = compensation.compute_plan(programme=self.outcome.programme, by=fay)
            self.outcome.goodwill = plan
            plans.propose(plan=plan, by=fay)
            self.approve(plan)
            plans.request_execution(plan=plan, by=fay)
            self.await_execution(plan)
        with self.stage("messages"):
            self.campaign(plan, Campaign.Kind.GOODWILL)
        self.tell("goodwill paid through the ledger")

    def approve(self, plan: Plan) -> None:
        """The officers its quorum asks for look at the plan, and approve it with a code each."""
        for role, officer in people.cast_for(plan.quorum, besides=plan.maker):
            seen = Plan.objects.get(pk=plan.pk)
            proof = Code(self.code_of(officer))
            approvals.decide(plan=seen, by=officer, decision="approve", proof=proof, role=role)
            self.tell(f"{officer.display_name} approved {seen.digest[:16]}")
        plan.refresh_from_db()

    def code_of(self, officer: Person) -> str:
        """The officer's next code; waits, visibly, while all codes of this minute are spent."""
        waited = 0
        while (code := people.demo_code(officer.email)) is None:
            self.progress(f"Waiting for {officer.display_name}'s next code", waited, 30)
            time.sleep(1)
            waited = min(waited + 1, 29)
        return code

    def await_verdicts(self, record: Tape) -> None:
        """Until a worker has judged the forced closes; they are written in one transaction."""
        nudges.now(nudges.RECOMPUTE_LIQUIDATIONS, record.pk)
        for tick, _ in enumerate(self.ticks("the liquidations")):
            self.progress("Judging forced closes", min(tick, 99), 100)
            if Liquidation.objects.filter(tape=record).exists():
                break
        self.progress("Judging forced closes", 100, 100)

    def await_execution(self, plan: Plan) -> None:
        """Until a worker has executed and reconciled the plan."""
        for _ in self.ticks("the execution"):
            row = Execution.objects.select_related("plan").get(plan=plan)
            if row.state == Execution.State.REFUSED or row.attempts >= ATTEMPTS_MAX:
                raise RehearsalFailed(f"The execution was refused or failed: {row.message}")
            if row.plan.state == Plan.State.RECONCILED:
                break
            if row.plan.reconciliations.exists():
                row.plan.refresh_from_db()
                if row.plan.state != Plan.State.RECONCILED:
                    raise RehearsalFailed("The books do not agree after the execution.")
        plan.refresh_from_db()

    def campaign(self, plan: Plan, kind: str) -> None:
        """Sana writes, Mira approves, a worker sends."""
        campaign = campaigns.freeze(plan=plan, kind=kind, by=self.person("sana"))
        self.outcome.campaigns.append(campaign)
        campaigns.approve(campaign=campaign, by=self.person("mira"))
        campaigns.start(campaign=campaign, by=self.person("sana"))
        label = f"Writing to {campaign.audience:,} customers"
        for _ in self.ticks("the mail"):
            done = Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.SENT).exists()
            left = campaign.messages.filter(state__in=["queued", "sending"]).count()
            self.progress(label, campaign.audience - left, max(1, campaign.audience))
            if done:
                break
        campaign.refresh_from_db()
        self.tell(f"{campaign.audience:,} messages sent ({campaign.get_kind_display().lower()})")

    def ticks(self, what: str) -> Iterator[None]:
        """Ticks of a tenth to half a second; nudges the workers when it takes long."""
        began = nudged = time.monotonic()
        while (now := time.monotonic()) - began < WAIT_SECONDS_MAX:
            yield
            time.sleep(0.1 if now - began < 10 else 0.5)
            if now - nudged > NUDGE_SECONDS:
                nudged = now
                comparisons.sweep()
                executions.sweep()
                sending.sweep()
        raise RehearsalFailed(f"Waited {WAIT_SECONDS_MAX} s for {what}: is a worker running?")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the seconds of the block to the stage."""
        began = time.monotonic()
        try:
            yield
        finally:
            spent = self.outcome.stages.get(name, 0.0) + time.monotonic() - began
            self.outcome.stages[name] = round(spent, 3)

    def free_code(self) -> str:
        """A venue code nobody has; each rehearsal is a venue of its own."""
        stem = f"{self.scenario}-s{self.seed}"
        taken = set(Venue.objects.filter(code__startswith=stem).values_list("code", flat=True))
        numbers = range(1, len(taken) + 2)
        return next(code for n in numbers if (code := f"{stem}-{n}") not in taken)

    @staticmethod
    def person(handle: str) -> Person:
        return people.cast_member(handle)


def mail_root() -> Path | None:
    """The catcher's folder, or None where mail goes to a server of the operator's."""
    local = settings.EMAIL_HOST in ("127.0.0.1", "localhost", "::1")
    return Path(settings.MAIL_ROOT) if local else None
