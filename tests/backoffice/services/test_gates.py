"""Which gates a plan needs, that it is not executed without them, and that it keeps them closed."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from backoffice.models import Execution, Gate, Plan
from backoffice.services import drafting, executions, gates, incidents, plans
from backoffice.services.refusals import Moved, Refused, Stale
from exchange.models import Account, Contract
from exchange.services import batches
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import (
    World,
    approve_by_row,
    close_gates,
    compute,
    execute,
    run_sql,
    without_triggers,
)


def close(world: World, kind: str, contract: Contract | None = None) -> Gate:
    return incidents.close_gate(
        incident=world.incident, by=world.person("mira"), kind=kind, reason="x", contract=contract
    )


def ran_out(world: World, kind: str) -> Gate:
    """A gate that was closed, and ran out a second ago."""
    return Gate.objects.create(
        incident=world.incident, kind=kind, reason="x", owner=world.person("mira"),
        expires_at=timezone.now() - timedelta(seconds=1),
    )  # fmt: skip


def lift(world: World, gate: Gate) -> Gate:
    return incidents.lift_gate(gate=gate, by=world.person("mira"), reason="calm again")


class TestWhatAPlanNeeds:
    def test_it_follows_from_its_legs(self, world: World) -> None:
        assert remedy.computed(world).manifest["gates"] == {
            "market": ["BTC0629"], "withdrawals": True
        }  # fmt: skip
        moves = remedy.computed(world, remedy.draft(contracts=0))
        assert moves.manifest["gates"] == {"market": [], "withdrawals": True}
        pays = compute(world, [1, 2, 3], remedy="rollback")
        assert pays.manifest["gates"] == {"market": [], "withdrawals": False}

    def test_the_houses_own_accounts_are_nobodys_withdrawals(self, world: World) -> None:
        Account.objects.create(
            venue=world.venue, kind="insurance", customer=None, code="FUND", tape_index=7
        )
        charged = remedy.draft(charged=1, contracts=0)
        assert drafting.gates(charged)["withdrawals"] is True
        assert drafting.gates(charged._replace(own=frozenset({1})))["withdrawals"] is False

    def test_one_that_only_pays_is_executed_with_every_gate_open(self, world: World) -> None:
        execute(world, compute(world, [1, 2, 3], remedy="restore"))

    @pytest.mark.parametrize(
        "named", [None, {}, {"market": [], "withdrawals": True},
                  {"market": ["BTC0629"], "withdrawals": False}, {"market": ["BTC0629"]}],
    )  # fmt: skip
    def test_a_manifest_that_asks_for_less_is_refused(
        self, world: World, monkeypatch: pytest.MonkeyPatch, named: object
    ) -> None:
        """Whoever writes the row: the staged rows say what they need."""
        monkeypatch.setattr(drafting, "gates", lambda draft: named)
        with pytest.raises(IntegrityError, match="its legs need the gates"), transaction.atomic():
            remedy.computed(world)

    def test_a_manifest_may_ask_for_more(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        more = {"market": ["BTC0629", "ETH0629"], "withdrawals": True}
        monkeypatch.setattr(drafting, "gates", lambda draft: more)
        assert remedy.computed(world).manifest["gates"] == more


class TestClosedBefore:
    def test_each_is_asked_for_by_name(self, world: World) -> None:
        plan = remedy.approved(world)
        with pytest.raises(Refused, match=r"trading of BTC0629 and withdrawals\.") as refused:
            plans.request_execution(plan=plan, by=world.person("mira"))
        assert not isinstance(refused.value, Moved)
        close(world, "market", world.contract)
        with pytest.raises(Refused, match=r"executed: withdrawals\."):
            plans.request_execution(plan=plan, by=world.person("mira"))
        close(world, "withdrawals")
        execute(world, plan)

    def test_a_gate_on_the_whole_venue_does_for_each_contract(self, world: World) -> None:
        plan = remedy.approved(world)
        close_gates(world)
        execute(world, plan)

    def test_a_gate_on_another_contract_does_not(self, world: World) -> None:
        other = Contract.objects.create(
            venue=world.venue, symbol="BTC0330", kind="inverse", underlying="BTC",
            settle=world.btc, face=100, tick="0.01", tape_index=1,
        )  # fmt: skip
        plan = remedy.approved(world)
        close(world, "market", other)
        close(world, "withdrawals")
        assert [gate.what for gate in gates.wanting(plan)] == ["trading of BTC0629"]

    def test_one_that_ran_out_before_the_plan_was_computed_is_open(self, world: World) -> None:
        ran_out(world, "withdrawals")
        plan = remedy.approved(world)
        assert [gate.opened_at for gate in gates.wanting(plan)] == [None, None]

    def test_one_that_was_lifted_before_the_plan_was_computed_voids_nothing(
        self, world: World
    ) -> None:
        close_gates(world)
        lift(world, world.incident.gates.get(kind="market"))
        plan = remedy.computed(world)
        assert [gate.opened_at for gate in gates.wanting(plan)] == [None]
        close(world, "market")
        assert gates.wanting(plan) == []

    def test_one_that_ran_out_is_closed_again(self, world: World) -> None:
        over = ran_out(world, "withdrawals")
        close(world, "withdrawals")
        over.refresh_from_db()
        assert over.lifted_reason == "It had run out."
        with pytest.raises(Stale, match="closed already"):
            close(world, "withdrawals")

    def test_the_executing_transaction_asks_again(self, world: World) -> None:
        """Queued in time and run when the gate has run out: the plan is void."""
        close_gates(world)
        plan = remedy.approved(world)
        plans.request_execution(plan=plan, by=world.person("mira"))
        without_triggers(
            "gate",
            "UPDATE gate SET expires_at = clock_timestamp() WHERE kind = 'withdrawals'",
        )
        execution = plans.execute(plan_id=plan.pk)
        assert execution.state == Execution.State.REFUSED
        assert execution.message.startswith("Withdrawals opened at ")
        plan.refresh_from_db()
        assert plan.state == Plan.State.STALE
        assert "after the plan was computed" in plan.reason

    def test_the_database_asks_when_it_commits(self, world: World) -> None:
        """Every other condition met by hand, and the gates open."""
        plan = remedy.approved(world)
        with pytest.raises(IntegrityError, match="trading of BTC0629 not closed; withdrawals not"):
            self.post_by_hand(plan)

    def test_the_database_knows_no_plan_without_gates(self, world: World) -> None:
        plan = remedy.approved(world)
        without_triggers("plan", "UPDATE plan SET manifest = manifest - 'gates'")
        with pytest.raises(IntegrityError, match="does not say which gates"):
            self.post_by_hand(plan)

    def post_by_hand(self, plan: Plan) -> None:
        with transaction.atomic():
            Plan.objects.filter(pk=plan.pk).update(state="executing")
            batches.post(plan.batch, batches.sealed_digests(plan.batch))
            Plan.objects.filter(pk=plan.pk).update(state="executed", executed_at=timezone.now())
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class TestKeptClosed:
    def test_an_approved_plan_keeps_what_it_needs(self, world: World) -> None:
        close_gates(world)
        plan = remedy.approved(world)
        for gate in world.incident.gates.all():
            with pytest.raises(Refused, match=f"plan {plan.pk} needs it and is approved"):
                lift(world, gate)
        assert world.incident.gates.filter(lifted_at__isnull=False).count() == 0
        plans.withdraw(plan=plan, by=world.person("mira"), reason="another way")
        for gate in world.incident.gates.all():
            lift(world, gate)

    def test_an_executed_plan_keeps_them_until_its_books_are_compared(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        close_gates(world)
        plan = remedy.approved(world)
        with monkeypatch.context() as patched:  # a worker that dies before it compares them
            patched.setattr(executions, "reconcile", lambda plan: None)
            plans.request_execution(plan=plan, by=world.person("mira"))
            plans.execute(plan_id=plan.pk)
        plan.refresh_from_db()
        assert plan.state == Plan.State.EXECUTED
        gate = world.incident.gates.get(kind="withdrawals")
        with pytest.raises(Refused, match="executed, its books not yet compared"):
            lift(world, gate)
        connection.check_constraints()  # what the executing transaction was asked at its commit
        plans.reconcile(plan=plan)
        assert lift(world, gate).lifted_reason == "calm again"

    def test_the_executing_transaction_holds_their_rows(self, world: World) -> None:
        """So that none is lifted between the question and the commit."""

        def held() -> int:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM gate WHERE xmax::text <> '0'")
                return cursor.fetchone()[0]

        close_gates(world)
        plan = remedy.approved(world)
        gates.require_closed(plan)
        assert held() == 0
        gates.require_closed(plan, hold=True)
        assert held() == len(Gate.Kind.values)

    def test_what_no_plan_needs_is_lifted(self, world: World) -> None:
        close_gates(world)
        plan = remedy.computed(world, remedy.draft(contracts=0))
        approve_by_row(world, plan)
        lift(world, world.incident.gates.get(kind="market"))

    def test_one_of_two_gates_over_the_same_is_lifted(self, world: World) -> None:
        close_gates(world)
        narrow = close(world, "market", world.contract)
        plan = remedy.approved(world)
        lift(world, world.incident.gates.get(kind="market", contract=None))
        assert gates.wanting(plan) == []
        with pytest.raises(Refused):
            lift(world, narrow)

    def test_another_incident_at_the_venue_closes_and_keeps_too(self, world: World) -> None:
        other = incidents.open_incident(
            tape=world.incident.tape, by=world.person("mira"), title="Elsewhere"
        )
        for kind in Gate.Kind.values:
            incidents.close_gate(incident=other, by=world.person("mira"), kind=kind, reason="x")
        remedy.approved(world)
        with pytest.raises(Refused):
            lift(world, other.gates.get(kind="market"))

    def test_a_plan_whose_time_is_over_keeps_nothing(self, world: World) -> None:
        close_gates(world)
        remedy.approved(world)
        without_triggers("plan", "UPDATE plan SET expires_at = now()")
        lift(world, world.incident.gates.get(kind="market"))

    @pytest.mark.parametrize(
        "change",
        [
            "lifted_at = now(), lifted_by_id = owner_id, lifted_reason = 'by hand'",
            "expires_at = now()",
            "kind = 'market'",
            "incident_id = incident_id + 1",
            "closed_at = closed_at - interval '1 day'",
        ],
    )
    def test_nobody_opens_one_by_hand(self, world: World, change: str) -> None:
        close_gates(world)
        remedy.approved(world)
        with pytest.raises(IntegrityError, match="gate: "), transaction.atomic():
            run_sql(f"UPDATE gate SET {change} WHERE kind = 'withdrawals'")
        with pytest.raises(IntegrityError, match="append only"), transaction.atomic():
            run_sql("DELETE FROM gate")

    def test_a_gate_is_lifted_once_and_for_a_reason(self, world: World) -> None:
        close_gates(world)
        gate = world.incident.gates.get(kind="market")
        with pytest.raises(IntegrityError, match="for a reason"), transaction.atomic():
            run_sql(f"UPDATE gate SET lifted_at = now() WHERE id = {gate.pk}")
        lift(world, gate)
        with pytest.raises(IntegrityError, match="lifted once"), transaction.atomic():
            run_sql(f"UPDATE gate SET lifted_reason = 'other' WHERE id = {gate.pk}")


class TestOpenedSince:
    def test_a_gate_lifted_after_the_plan_was_computed_voids_it(self, world: World) -> None:
        close_gates(world)
        plan = remedy.computed(world)
        lift(world, world.incident.gates.get(kind="market"))
        close(world, "market")
        with pytest.raises(Moved, match="Trading of BTC0629 opened at"):
            plans.propose(plan=plan, by=world.person("mira"))
        plan.refresh_from_db()
        assert plan.state == Plan.State.STALE

    def test_one_closed_only_after_it_was_computed_does_not(self, world: World) -> None:
        plan = remedy.computed(world)
        close_gates(world)
        assert gates.wanting(plan) == []

    def test_a_gate_that_another_took_over_from_does_not(self, world: World) -> None:
        close_gates(world)
        plan = remedy.computed(world)
        close(world, "market", world.contract)
        lift(world, world.incident.gates.get(kind="market", contract=None))
        assert gates.wanting(plan) == []

    def test_a_plan_that_needs_none_does_not_care(self, world: World) -> None:
        close_gates(world)
        plan = compute(world, [1, 2, 3])
        for gate in world.incident.gates.all():
            lift(world, gate)
        assert gates.wanting(plan) == []
