"""Undoing an executed plan: the exact opposite, approved like any other plan, once."""

from typing import Any

import numpy as np
import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from backoffice.models import AuditEvent, Plan
from backoffice.services import ledger_places, plans, quorums, remedies, undo
from backoffice.services.refusals import NotAllowed, Refused, Stale
from exchange.models import Balance, Batch, Journal, LedgerAccount, Position
from exchange.services import ledger, reconciliation
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import (
    BTC,
    START,
    World,
    close_gates,
    compute,
    execute,
    executed,
    make_world,
)


def holdings() -> tuple[list[Any], list[Any]]:
    """What everybody has, without how often it moved."""
    return (
        list(Balance.objects.order_by("pk").values_list("pk", "amount")),
        list(
            Position.objects.exclude(quantity=0)
            .order_by("account", "contract")
            .values_list("account", "contract", "quantity", "cost")
        ),
    )


def undone(world: World, plan: Plan, reason: str = "The reference was wrong.") -> Plan:
    return undo.compute_undo(plan=plan, by=world.person("mira"), reason=reason)


def spend(world: World, account: int, units: int) -> None:
    moved(world, world.futures[account].pk, -units)


def moved(world: World, place: int, units: int) -> None:
    """Into a ledger account from custody, or out of it."""
    legs = [(place, world.btc.pk, units), (world.custody.pk, world.btc.pk, -units)]
    with transaction.atomic():
        ledger.post(venue=world.venue, key="moved", reason="r", effective_at=START, legs=legs)


def test_execute_then_undo_is_the_start(world: World) -> None:
    close_gates(world)
    before = holdings()
    plan = executed(world, remedy.computed(world))
    made = undone(world, plan)
    assert (made.state, made.remedy) == (Plan.State.COMPUTED, "undo")
    assert made.parameters == {
        "undoes": plan.digest, "undone": ["rollback"], "reason": "The reference was wrong."
    }  # fmt: skip
    assert holdings() != before
    executed(world, made)
    assert holdings() == before
    assert Journal.objects.get(batch=made.batch).reverses == Journal.objects.get(batch=plan.batch)
    assert undo.undone(made) == plan
    assert undo.undoing(plan) == made
    report = reconciliation.reconcile(world.venue)
    assert (report.ledger_ok, report.positions_ok) == (True, True)


def test_its_effects_are_the_opposite_from_where_people_stand_now(world: World) -> None:
    close_gates(world)
    plan = executed(world, remedy.computed(world))
    spend(world, 0, 5)
    made = undone(world, plan)
    rows = made.effects.order_by("account__tape_index").values_list(
        "account__tape_index", "futures_before", "futures_delta", "paid", "positions_changed"
    )
    assert list(rows) == [
        (0, BTC + remedy.TAKEN - 5, -remedy.TAKEN, -remedy.TAKEN, 1),
        (1, 2 * BTC - remedy.TAKEN, remedy.TAKEN, remedy.TAKEN, 1),
    ]
    assert made.totals["by_asset"]["BTC"]["debited"] == str(-remedy.TAKEN)
    assert made.manifest["sum_by_asset"] == {"BTC": 0}
    assert made.manifest["positions_sum_by_contract"] == {"BTC0629": 0}
    assert made.manifest["inputs"] == remedies.inputs(world.incident)


def test_taking_back_a_payment_needs_withdrawals_closed(world: World) -> None:
    plan = execute(world, compute(world, [5, 6, 7]))
    assert plan.manifest["gates"] == {"market": [], "withdrawals": False}
    assert undone(world, plan).manifest["gates"] == {"market": [], "withdrawals": True}


def test_it_takes_the_people_the_plan_took(world: World) -> None:
    plan = execute(world, compute(world, [5, 6, 7]))
    made = undone(world, plan)
    assert made.quorum == quorums.of("goodwill", "undo") == {"risk": 2, "finance": 1}


@pytest.mark.parametrize(
    ("column", "value"),
    [("quorum", {"risk": 2}), ("manifest", {"parameters": {"undoes": "0" * 64}})],
)
def test_the_database_wants_them_too(
    world: World, monkeypatch: pytest.MonkeyPatch, column: str, value: dict[str, Any]
) -> None:
    plan = execute(world, compute(world, [5, 6, 7]))
    step = undo.drafting.lifecycle.step

    def weaker(row: Plan, to: str, **changes: Any) -> None:
        changes[column] = changes[column] | value if column == "manifest" else value
        step(row, to, **changes)

    monkeypatch.setattr(undo.drafting.lifecycle, "step", weaker)
    with pytest.raises(IntegrityError, match="an undo reverses the plan it names"):
        undone(world, plan)


def test_nothing_else_reverses_a_batch(world: World) -> None:
    plan = execute(world, compute(world, [5]))
    with (
        pytest.raises(IntegrityError, match="an undo reverses the plan it names"),
        transaction.atomic(),
    ):
        remedy.computed(world, remedy="undo")
    assert undo.undoing(plan) is None


def test_a_plan_is_undone_once(world: World) -> None:
    plan = execute(world, compute(world, [5]))
    made = undone(world, plan)
    with pytest.raises(Stale, match=f"Plan {made.pk} undoes this plan already; it is computed"):
        undone(world, plan)
    close_gates(world)
    executed(world, made)
    with pytest.raises(Stale, match="it is reconciled"):
        undone(world, plan)
    assert Batch.objects.filter(reverses=plan.batch_id).count() == 1


def test_a_dead_attempt_gives_its_place_to_the_next(world: World) -> None:
    plan = execute(world, compute(world, [5]))
    first = undone(world, plan)
    plans.withdraw(plan=first, by=world.person("mira"), reason="wrong reason")
    second = undone(world, plan)
    plans.propose(plan=second, by=world.person("mira"))
    Plan.objects.filter(pk=second.pk).update(state="rejected")  # its batch is still sealed
    third = undone(world, plan)
    assert Batch.objects.get(pk=second.batch_id).state == Batch.State.DISCARDED
    assert third.state == Plan.State.COMPUTED


def test_the_undone_may_be_computed_again(world: World) -> None:
    """Its books are then what the tape says."""
    close_gates(world)
    plan = executed(world, remedy.computed(world))
    with pytest.raises(Refused, match="in the books already"):
        remedies.require_not_done(world.incident)
    executed(world, undone(world, plan))
    remedies.require_not_done(world.incident)


def test_an_undo_is_not_undone(world: World) -> None:
    close_gates(world)
    made = executed(world, undone(world, execute(world, compute(world, [5]))))
    with pytest.raises(Refused, match="An undo is not undone"):
        undone(world, made)


def test_what_was_moved_on_is_named_and_nothing_is_made(world: World) -> None:
    plan = execute(world, compute(world, [BTC, 2 * BTC]))
    spend(world, 0, 2 * BTC)
    before = (holdings(), Plan.objects.count(), Batch.objects.count())
    with pytest.raises(
        Refused,
        match=f"Plan {plan.pk} cannot be undone: wallets would end below zero: the futures wallet"
        r" of A00000 holds 0\.00000000 BTC and would change by -1\.00000000",
    ):
        undone(world, plan)
    assert (holdings(), Plan.objects.count(), Batch.objects.count()) == before


def test_a_debt_repaid_meanwhile_is_named_and_nothing_is_made(world: World) -> None:
    """The plan lent what it could not take; to forgive that again would be a gift."""
    close_gates(world)
    made = remedy.draft(contracts=0)
    given, lent = made.effects.futures_delta.copy(), np.array([0, -remedy.TAKEN])
    given[1] = 0
    kinds = np.array([ledger_places.KINDS.index(k) for k in ("futures", "receivable")], np.int8)
    made = made._replace(
        cash=made.cash._replace(kind=kinds),
        effects=made.effects._replace(futures_delta=given, receivable_delta=lent),
    )
    plan = executed(world, remedy.computed(world, made))
    owed = LedgerAccount.objects.get(kind="receivable", account__tape_index=1)
    moved(world, owed.pk, remedy.TAKEN)
    before = (holdings(), Plan.objects.count(), Batch.objects.count())
    with pytest.raises(
        Refused,
        match="receivables would end above zero: the receivable of A00001"
        r" holds 0\.00000000 BTC and would change by 0\.10000000",
    ):
        undone(world, plan)
    assert (holdings(), Plan.objects.count(), Batch.objects.count()) == before


def test_only_a_reconciled_plan_is_undone_and_for_a_reason(world: World) -> None:
    plan = compute(world, [5])
    with pytest.raises(Stale, match="only a reconciled plan is undone"):
        undone(world, plan)
    execute(world, plan)
    with pytest.raises(Refused, match="Say why"):
        undone(world, plan, reason="  ")
    with pytest.raises(NotAllowed):
        undo.compute_undo(plan=plan, by=world.person("chen"), reason="x")
    assert not Plan.objects.filter(remedy="undo").exists()


def test_the_same_undo_has_the_same_digest(world: World) -> None:
    plan = execute(world, compute(world, [5, 6]))
    first = undone(world, plan)
    plans.withdraw(plan=first, by=world.person("mira"), reason="again")
    second = undone(world, plan)
    assert first.digest == second.digest
    assert first.batch_id != second.batch_id
    assert AuditEvent.objects.filter(action="plan.computed", data__undoes=plan.digest).count() == 2


class AnyPlan(TestCase):
    """Whatever a plan did, its undo restores to the unit."""

    @given(
        st.lists(st.tuples(st.integers(0, 3), st.integers(-BTC, BTC).filter(bool)), max_size=8),
        st.lists(
            st.tuples(
                st.integers(0, 3), st.integers(0, 3), st.integers(1, 9), st.integers(-900, 900)
            ).filter(lambda trade: trade[0] != trade[1]),
            max_size=5,
        ),
    )
    @settings(max_examples=15, deadline=None)
    def test_execute_then_undo(
        self, cash: list[tuple[int, int]], trades: list[tuple[int, int, int, int]]
    ) -> None:
        made = remedy.anything(cash, trades)
        assume(self.postable(made))
        world = make_world()
        close_gates(world)
        before = holdings()
        plan = executed(world, remedy.computed(world, made))
        executed(world, undone(world, plan))
        assert holdings() == before
        report = reconciliation.reconcile(world.venue)
        assert (report.ledger_ok, report.positions_ok) == (True, True), report.details
        connection.check_constraints()

    def postable(self, made: Any) -> bool:
        """Something to post, no wallet below zero, nobody flat with a cost."""
        effects, moves = made.effects, made.moves
        if not len(effects.account):
            return False
        flat = ((moves.quantity == 0) & (moves.cost != 0)).any()
        return not flat and bool((effects.futures_before + effects.futures_delta >= 0).all())
