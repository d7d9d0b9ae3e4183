"""A plan is void once what it was computed from moved: it says so in words, and nobody is asked to
vote on it any longer."""

import pytest
from django.db import transaction

from backoffice.models import Execution, Plan, SpentCode
from backoffice.services import dry_runs, plans, staleness
from backoffice.services.refusals import Moved, Refused, Stale
from exchange.domain import rules
from exchange.models import Balance, Batch, Journal, LedgerAccount, Tape
from exchange.services import ledger
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import (
    BTC,
    START,
    World,
    approve_all,
    approve_by_row,
    close_gates,
    compute,
    execute,
    propose,
)

FEE = r"The futures wallet of A00001 was 2\.00000000 BTC when the plan was computed and is"
FEE += r" 1\.99999999 BTC now; it moved at 20.* UTC \(fee\)\."


def fee(world: World, account: int = 1, key: str = "fee") -> Journal:
    """One satoshi from an account's futures wallet to the house."""
    legs = [(world.futures[account].pk, world.btc.pk, -1), (world.custody.pk, world.btc.pk, 1)]
    with transaction.atomic():
        return ledger.post(venue=world.venue, key=key, reason="fee", effective_at=START, legs=legs)


def trade(world: World) -> Journal:
    """Three contracts bought by account 0 from account 3."""
    a, b, contract = world.accounts[0].pk, world.accounts[3].pk, world.contract.pk
    with transaction.atomic():
        return ledger.post(
            venue=world.venue, key="trade", reason="trade", effective_at=START,
            position_legs=[(a, contract, 3, 40), (b, contract, -3, -40)],
        )  # fmt: skip


def books() -> tuple[object, ...]:
    return (
        list(Balance.objects.order_by("pk").values_list("pk", "amount", "version")),
        Journal.objects.count(),
    )


def is_stale(plan: Plan, why: str) -> None:
    plan.refresh_from_db()
    assert plan.state == Plan.State.STALE
    assert plan.reason == why[:300]
    assert Batch.objects.get(pk=plan.batch_id).state == Batch.State.DISCARDED


def test_what_holds_is_not_stale(world: World) -> None:
    close_gates(world)
    plan = remedy.approved(world)
    fee(world, account=3)  # the plan does not touch it
    assert staleness.why(plan) is None
    assert staleness.sweep() == 0
    execute(world, plan)


class TestABalance:
    def test_it_is_named_when_execution_is_asked_for(self, world: World) -> None:
        close_gates(world)
        plan = remedy.approved(world)
        fee(world)
        before = books()
        with pytest.raises(Moved, match=FEE) as refused:
            plans.request_execution(plan=plan, by=world.person("mira"))
        is_stale(plan, str(refused.value))
        assert books() == before
        assert not Execution.objects.exists()
        with pytest.raises(Stale, match="This plan is stale"):
            plans.request_execution(plan=plan, by=world.person("mira"))

    def test_it_is_named_when_it_moved_after_that(self, world: World) -> None:
        close_gates(world)
        plan = remedy.approved(world)
        plans.request_execution(plan=plan, by=world.person("mira"))
        fee(world)
        before = books()
        execution = plans.execute(plan_id=plan.pk)
        assert execution.state == Execution.State.REFUSED
        plan.refresh_from_db()
        assert (plan.state, plan.reason) == (Plan.State.STALE, execution.message[:300])
        assert "A00001 was 2.00000000 BTC" in plan.reason
        assert books() == before

    def test_it_is_named_when_the_plan_is_proposed(self, world: World) -> None:
        plan = compute(world, [BTC, BTC])
        fee(world)
        with pytest.raises(Moved, match=FEE):
            plans.propose(plan=plan, by=world.person("mira"))
        plan.refresh_from_db()
        assert plan.state == Plan.State.STALE

    def test_it_is_named_to_an_officer_and_their_code_is_not_spent(self, world: World) -> None:
        plan = propose(world, [5, 5])
        fee(world)
        with pytest.raises(Moved, match=FEE):
            approve_all(plan)
        plan.refresh_from_db()
        assert plan.state == Plan.State.STALE
        assert not plan.approvals.exists()
        assert not SpentCode.objects.exists()

    def test_the_others_are_counted(self, world: World) -> None:
        plan = compute(world, [5, 5, 5])
        for account in (2, 0, 1):
            fee(world, account, key=f"fee {account}")
        found = staleness.why(plan)
        assert found is not None
        assert found.startswith("The futures wallet of A00000 was 1.00000000 BTC")
        assert "(fee 0). 2 more of what the plan touches moved too." in found

    def test_the_houses_own_has_no_account(self, world: World) -> None:
        plan = compute(world, [5])
        house = {
            kind: LedgerAccount.objects.get(venue=world.venue, kind=kind).pk
            for kind in ("goodwill", "capital")
        }
        legs = [(house["goodwill"], world.btc.pk, -9), (house["capital"], world.btc.pk, 9)]
        with transaction.atomic():
            ledger.post(venue=world.venue, key="k", reason="r", effective_at=START, legs=legs)
        assert (staleness.why(plan) or "").startswith("The goodwill expense was 0.00000000 BTC")

    def test_a_dry_run_says_it_too(self, world: World) -> None:
        plan = compute(world, [5, 5])
        fee(world)
        with pytest.raises(Moved, match=FEE):
            dry_runs.dry_run(plan=plan, by=world.person("mira"))


class TestAPosition:
    def test_it_is_named_with_contracts_and_cost(self, world: World) -> None:
        plan = remedy.computed(world)
        trade(world)
        assert (staleness.why(plan) or "").startswith(
            "The position of A00000 in BTC0629 was 0 contracts at a cost of 0.00000000 BTC when the"
            " plan was computed and is 3 contracts at a cost of 0.00000040 BTC now; it moved at "
        )


class TestWhatItWasComputedFrom:
    def test_another_version_of_the_rules(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        close_gates(world)
        plan = self.with_inputs(world)
        plans.request_execution(plan=plan, by=world.person("mira"))
        monkeypatch.setattr(rules.get(world.venue.rules), "VERSION", "2", raising=False)
        before = books()
        execution = plans.execute(plan_id=plan.pk)
        words = "It was computed under the rules okex-2018/1, and they are okex-2018/2 now."
        assert execution.message == words
        plan.refresh_from_db()
        assert (plan.state, plan.reason) == (Plan.State.STALE, words)
        assert books() == before

    def test_another_tape(self, world: World) -> None:
        close_gates(world)
        plan = self.with_inputs(world)
        Tape.objects.filter(pk=world.incident.tape_id).update(digest="c" * 64)
        with pytest.raises(Moved, match="from the tape aaaaaaaaaaaa…, .* stands on cccccccccccc…"):
            plans.request_execution(plan=Plan.objects.get(pk=plan.pk), by=world.person("mira"))

    def with_inputs(self, world: World) -> Plan:
        return remedy.approved(world, inputs={"tape": "a" * 64, "rules": "okex-2018/1"})


class TestTheSweep:
    @pytest.mark.parametrize("state", ["computed", "proposed", "approved"])
    def test_it_ends_a_plan_that_is_void(self, world: World, state: str) -> None:
        plan = compute(world, [5, 5])
        if state == "proposed":
            plans.propose(plan=plan, by=world.person("mira"))
        if state == "approved":
            approve_by_row(world, plan)
        fee(world)
        assert staleness.sweep() == 1
        plan.refresh_from_db()
        assert plan.state == Plan.State.STALE
        assert "A00001" in plan.reason
        assert staleness.sweep() == 0

    def test_an_execution_that_waits_is_refused_with_what_moved(self, world: World) -> None:
        plan = compute(world, [5, 5])
        approve_by_row(world, plan)
        plans.request_execution(plan=plan, by=world.person("mira"))
        fee(world)
        assert staleness.sweep() == 1
        execution = plans.execute(plan_id=plan.pk)
        assert execution.state == Execution.State.REFUSED
        assert execution.message.startswith(
            "This plan is stale; only an approved plan is executed."
        )
        assert "A00001 was 2.00000000 BTC" in execution.message

    def test_an_executed_remedy_ends_the_others_of_its_incident(self, world: World) -> None:
        close_gates(world)
        others = [remedy.computed(world), remedy.computed(world, remedy.draft(7, contracts=0))]
        apart = compute(world, [9])
        done = execute(world, remedy.approved(world))
        assert staleness.sweep() == 3
        for plan in [*others, apart]:
            plan.refresh_from_db()
            assert plan.state == Plan.State.STALE
            assert f"(batch:remedy-{done.pk})" in plan.reason
        assert done.state == Plan.State.RECONCILED

    def test_a_plan_that_was_executed_meanwhile_is_left_alone(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its own execution moved what it touches."""
        plan = compute(world, [5])
        before = Plan.objects.select_related("incident__venue", "incident__tape").get(pk=plan.pk)
        execute(world, plan)
        monkeypatch.setattr(staleness, "why", lambda plan: "the books moved")
        with pytest.raises(Stale, match="it is reconciled"):
            staleness.require_fresh(before)


class TestSuperseding:
    def test_one_remedy_at_a_time_is_before_the_officers(self, world: World) -> None:
        first, second = remedy.computed(world), remedy.computed(world, remedy="reprice")
        plans.propose(plan=first, by=world.person("mira"))
        with pytest.raises(Refused, match=f"Plan {first.pk} is proposed; proposing this one super"):
            plans.propose(plan=second, by=world.person("mira"))
        with pytest.raises(Refused, match="Say that you mean it"):
            plans.propose(plan=second, by=world.person("mira"), supersedes=second.pk)
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, second.state) == (Plan.State.PROPOSED, Plan.State.COMPUTED)

    @pytest.mark.parametrize("state", ["proposed", "approved"])
    def test_the_older_ends_when_it_is_named_and_both_are_kept(
        self, world: World, state: str
    ) -> None:
        first, second = remedy.computed(world), remedy.computed(world, remedy="bust")
        if state == "approved":
            approve_by_row(world, first)
        else:
            plans.propose(plan=first, by=world.person("mira"))
        plans.propose(plan=second, by=world.person("mira"), supersedes=first.pk)
        first.refresh_from_db()
        assert (first.state, first.reason) == (
            Plan.State.SUPERSEDED, f"Plan {second.pk} took its place."
        )  # fmt: skip
        assert first.effects.count() == 2
        assert first.digest
        assert second.state == Plan.State.PROPOSED

    def test_computing_another_ends_nothing(self, world: World) -> None:
        first = remedy.approved(world)
        remedy.computed(world)
        first.refresh_from_db()
        assert first.state == Plan.State.APPROVED

    def test_goodwill_is_paid_beside_a_remedy(self, world: World) -> None:
        plans.propose(plan=remedy.computed(world), by=world.person("mira"))
        for amounts in ([1], [2, 2]):
            propose(world, amounts)
        assert Plan.objects.filter(state=Plan.State.PROPOSED).count() == 3

    def test_one_under_execution_is_not_superseded(self, world: World) -> None:
        close_gates(world)
        first, second = remedy.approved(world), remedy.computed(world)
        plans.request_execution(plan=first, by=world.person("mira"))
        with pytest.raises(Refused, match="is being executed; wait for its end"):
            plans.propose(plan=second, by=world.person("mira"), supersedes=first.pk)

    def test_two_plans_of_an_incident_are_not_executed_at_once(self, world: World) -> None:
        close_gates(world)
        first, second = remedy.approved(world), compute(world, [1])
        approve_by_row(world, second)
        plans.request_execution(plan=first, by=world.person("mira"))
        with pytest.raises(Refused, match=f"Plan {first.pk} of this incident is being executed"):
            plans.request_execution(plan=second, by=world.person("mira"))
        assert not Execution.objects.filter(plan=second).exists()
