"""Attacks on what a plan, a recusal and a gate are read from: rows that say otherwise than is done.

All by hand; through the services these rows are written rightly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import transaction

from backoffice.models import Gate, Person, Plan
from backoffice.services import (
    drafting,
    executions,
    gates,
    incidents,
    ledger_places,
    plans,
    recusals,
    staleness,
)
from exchange.models import Venue
from exchange.services import batches
from tests.backoffice.attacks.conftest import Desk, refused
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import (
    START,
    World,
    close_gates,
    run_sql,
    without_triggers,
)

Change = Callable[[drafting.Effects], drafting.Effects]


def computes(desk: Desk, change: Change, **columns: Any) -> None:
    """All that `remedies.compute_remedy` writes, with other effects or other columns."""
    world, made = desk.world, remedy.draft()
    with transaction.atomic():
        plan = Plan.objects.create(
            incident=world.incident, maker=world.person("mira"),
            **{"remedy": "rollback", "parameters": {}, **columns},
        )  # fmt: skip
        batch = batches.open_batch(
            venue=world.venue, key=f"by-hand-{plan.pk}", reason="rollback", effective_at=START
        )
        known = ledger_places.numbers(world.venue, made.assets)
        batches.stage(
            batch, drafting._cash_legs(plan, made.cash, known),
            drafting._position_legs(made.moves, known),
        )  # fmt: skip
        batches.seal(batch)
        plan.remedy, plan.parameters = "rollback", {}  # what the manifest says
        drafting.describe(
            plan=plan, batch=batch, draft=made._replace(effects=change(made.effects)),
            inputs=remedy.TAPE, known=known,
        )  # fmt: skip


def as_they_are(effects: drafting.Effects) -> drafting.Effects:
    return effects


def none(effects: drafting.Effects) -> drafting.Effects:
    """Nobody is told, and nobody is recused."""
    return drafting.Effects(*(column[:0] for column in effects))


def all_but_one(effects: drafting.Effects) -> drafting.Effects:
    return drafting.Effects(*(column[1:] for column in effects))


def nothing_to_speak_of(effects: drafting.Effects) -> drafting.Effects:
    """A row each, of zeros: what changes nothing for an account ties nobody."""
    zeros = np.zeros_like(effects.futures_delta)
    return effects._replace(futures_delta=zeros, paid=zeros, positions_changed=zeros)


def another_amount(effects: drafting.Effects) -> drafting.Effects:
    return effects._replace(futures_delta=effects.futures_delta * 2, paid=effects.paid * 2)


def no_positions(effects: drafting.Effects) -> drafting.Effects:
    return effects._replace(positions_changed=np.zeros_like(effects.positions_changed))


class TestAPlan:
    @pytest.mark.parametrize(
        "change", [none, all_but_one, nothing_to_speak_of, another_amount, no_positions]
    )
    def test_its_effects_are_what_its_rows_do(self, desk: Desk, change: Change) -> None:
        refused(desk, lambda desk: computes(desk, change), "effects are not what its rows do")

    @pytest.mark.parametrize("columns", [{"remedy": "bust"}, {"parameters": {"cutoff": "later"}}])
    def test_its_columns_are_its_manifest(self, desk: Desk, columns: dict[str, Any]) -> None:
        refused(desk, lambda desk: computes(desk, as_they_are, **columns), "told_as_digested")

    def test_rightly_it_is_taken(self, desk: Desk) -> None:
        computes(desk, as_they_are)

    def test_nor_are_they_changed_with_the_triggers_off(self, desk: Desk) -> None:
        """The feed is made of the parameters, and the page names the remedy."""
        for change in ("remedy = 'bust'", 'parameters = \'{"words": {"band": "0.5"}}\''):
            refused(
                desk, lambda desk, change=change: without_triggers(
                    "plan", f"UPDATE plan SET {change}"
                ), "told_as_digested",
            )  # fmt: skip


def test_a_tie_outlives_the_customer(desk: Desk) -> None:
    """The role is given up, the customer forgotten, and the role taken again."""
    chen, world = desk.person("chen"), desk.world
    Person.objects.filter(pk=chen.pk).update(customer=world.customers[0])
    run_sql(
        f"DELETE FROM role WHERE person_id = {chen.pk}",
        f"UPDATE backoffice_person SET customer_id = NULL WHERE id = {chen.pk}",
        "INSERT INTO role (person_id, name, granted_at)"
        f" VALUES ({chen.pk}, 'risk', clock_timestamp())",
    )
    assert recusals.recused(incident=world.incident, person=chen)
    refused(desk, lambda desk: desk.forge("chen", "risk"), "recused")


def test_a_real_venue_becomes_no_drill(desk: Desk) -> None:
    """On a drill people decide whose passwords are in the documentation."""
    venue = desk.world.venue.pk
    Venue.objects.filter(pk=venue).update(is_drill=False)
    refused(
        desk,
        lambda desk: run_sql(f"UPDATE exchange_venue SET is_drill = true WHERE id = {venue}"),
        "is real and stays so",
    )


class TestAGate:
    """The doors were open for a while after the plan was computed, so it is void."""

    @pytest.fixture
    def opened(self, world: World) -> Plan:
        close_gates(world)
        plan = remedy.computed(world)
        assert gates.wanting(plan) == []
        return plan

    def test_none_is_closed_before_it_is(self, world: World, opened: Plan) -> None:
        for gate in Gate.objects.all():
            incidents.lift_gate(gate=gate, by=world.person("mira"), reason="calm")
        assert "opened at" in (staleness.why(opened) or "")
        run_sql(
            "INSERT INTO gate (incident_id, kind, reason, owner_id, closed_at, expires_at,"
            " lifted_reason) SELECT incident_id, kind, 'x', owner_id, closed_at, expires_at, ''"
            " FROM gate"
        )
        assert "opened at" in (staleness.why(opened) or "")

    def test_none_is_lifted_before_it_is(self, world: World, opened: Plan) -> None:
        """As if they had been open since before the plan, and are closed again now."""
        run_sql(
            "UPDATE gate SET lifted_at = closed_at, lifted_by_id = owner_id, lifted_reason = 'x'"
        )
        close_gates(world)
        assert "opened at" in (staleness.why(opened) or "")


class TestAReconciliation:
    @pytest.fixture
    def executed(self, approved: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
        """Posted, and the worker died before the books were compared."""
        monkeypatch.setattr(executions, "reconcile", lambda plan: None)
        plans.request_execution(plan=approved.plan, by=approved.person("mira"))
        assert plans.execute(plan_id=approved.plan.pk).state == "done"
        return approved

    def test_no_plan_is_reconciled_without_one(self, executed: Desk) -> None:
        says = "not compared, or did not agree"
        refused(executed, lambda desk: run_sql("UPDATE plan SET state = 'reconciled'"), says)
        run_sql(
            "INSERT INTO reconciliation (plan_id, at, ledger_ok, positions_ok, details)"
            " SELECT id, now(), true, false, '{}' FROM plan"
        )
        refused(executed, lambda desk: run_sql("UPDATE plan SET state = 'reconciled'"), says)

    @pytest.mark.parametrize(
        "statement",
        ["UPDATE reconciliation SET ledger_ok = true", "DELETE FROM reconciliation",
         "TRUNCATE reconciliation"],
    )  # fmt: skip
    def test_what_it_found_stands(self, desk: Desk, statement: str) -> None:
        refused(desk, lambda desk: run_sql(statement), "append only")
