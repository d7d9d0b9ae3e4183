"""A gate that stays closed for weeks: an officer decides it anew, at most 72 hours ahead."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from backoffice.models import AuditEvent, Event, Gate, GateProlongation, Plan, TimelineEntry
from backoffice.services import gates, incidents, plans
from backoffice.services.refusals import NotAllowed, Refused, Stale
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import (
    World,
    close_gates,
    execute,
    run_sql,
    without_triggers,
)


@pytest.fixture
def gate(world: World) -> Gate:
    """Withdrawals, closed for a day."""
    return incidents.close_gate(
        incident=world.incident, by=world.person("mira"), kind="withdrawals", reason="off the index"
    )


def prolong(world: World, gate: Gate, by: str = "chen", hours: int = 72, reason: str = "w") -> Gate:
    return incidents.prolong_gate(gate=gate, by=world.person(by), hours=hours, reason=reason)


def by_hand(world: World, gate: Gate, **changes: object) -> None:
    """A prolongation as anyone with the database's password could write it, as right as `changes`
    leave it."""
    row = {
        "officer": world.person("chen").pk, "reason": "by hand", "before": gate.expires_at,
        "until": timezone.now() + timedelta(hours=71), **changes,
    }  # fmt: skip
    run_sql(
        "INSERT INTO gate_prolongation (gate_id, officer_id, reason, expires_before, expires_at,"
        " decided_at) VALUES (%s, %s, %s, %s, %s, '2000-01-01')",
        values=[gate.pk, row["officer"], row["reason"], row["before"], row["until"]],
    )


class TestThroughTheDoor:
    @pytest.mark.parametrize("officer", ["chen", "fay", "lena"])
    def test_it_ends_later(self, world: World, gate: Gate, officer: str) -> None:
        before = gate.expires_at
        prolong(world, gate, officer)
        row = GateProlongation.objects.get()
        assert (row.gate, row.officer, row.reason) == (gate, world.person(officer), "w")
        assert (row.expires_before, row.expires_at) == (before, gate.expires_at)
        assert timedelta(hours=71.9) < gate.expires_at - timezone.now() <= timedelta(hours=72)
        gate.refresh_from_db()
        assert (gate.expires_at, gate.lifted_at) == (row.expires_at, None)

    def test_it_is_told(self, world: World, gate: Gate) -> None:
        prolong(world, gate, reason="the audit of the wallets goes on")
        said = AuditEvent.objects.latest("pk")
        assert (said.action, said.subject, said.actor) == (
            "gate.prolonged", f"gate:{gate.pk}", world.person("chen")
        )  # fmt: skip
        assert said.data["reason"] == "the audit of the wallets goes on"
        assert said.data["until"] == gate.expires_at.isoformat()
        line = TimelineEntry.objects.latest("pk")
        assert (line.text, line.public) == ("Withdrawals stays closed: everything", True)
        first, again = Event.objects.filter(gate=gate).order_by("number")
        assert first.kind == again.kind == "gate.closed"
        assert again.payload["gate"]["expires_at"] == gate.expires_at.isoformat()

    def test_for_weeks(self, world: World, gate: Gate) -> None:
        for hours in (25, 48, 72):
            prolong(world, gate, hours=hours)
        assert gate.prolongations.count() == 3

    def test_who_is_no_officer(self, world: World, gate: Gate) -> None:
        for handle in ("mira", "sana"):
            with pytest.raises(NotAllowed):
                prolong(world, gate, handle)
        self.untouched(gate)

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            ({"reason": " "}, "Say why"),
            ({"hours": 73}, "1 to 72 hours"),
            ({"hours": 0}, "1 to 72 hours"),
            ({"hours": 23}, "anyway"),
        ],
    )
    def test_what_is_refused(
        self, world: World, gate: Gate, words: dict[str, object], why: str
    ) -> None:
        with pytest.raises(Refused, match=why):
            prolong(world, gate, **words)
        self.untouched(gate)

    def test_what_is_open_is_closed_anew(self, world: World, gate: Gate) -> None:
        without_triggers("gate", "UPDATE gate SET expires_at = clock_timestamp()")
        with pytest.raises(Stale, match="Close it anew"):
            prolong(world, gate)
        again = incidents.close_gate(
            incident=world.incident, by=world.person("mira"), kind="withdrawals", reason="x"
        )
        incidents.lift_gate(gate=again, by=world.person("mira"), reason="calm")
        with pytest.raises(Stale, match="Close it anew"):
            prolong(world, again)
        assert not GateProlongation.objects.exists()

    def untouched(self, gate: Gate) -> None:
        was = gate.expires_at
        gate.refresh_from_db()
        assert gate.expires_at == was
        assert not GateProlongation.objects.exists()
        assert not AuditEvent.objects.filter(action="gate.prolonged").exists()
        assert Event.objects.filter(gate=gate).count() == 1


class TestByHand:
    def test_as_rightly_as_the_desk_does(self, world: World, gate: Gate) -> None:
        by_hand(world, gate)
        row = GateProlongation.objects.get()
        gate.refresh_from_db()
        assert gate.expires_at == row.expires_at
        assert timezone.now() - row.decided_at < timedelta(minutes=10)  # the database's clock

    def test_what_is_refused(self, world: World, gate: Gate) -> None:
        now, was = timezone.now(), gate.expires_at
        for changes, why in (
            ({"officer": world.person("mira").pk}, "by an officer"),
            ({"reason": " "}, "has_a_reason"),
            ({"until": now + timedelta(hours=73)}, "at most 72 hours"),
            ({"until": was - timedelta(hours=1)}, "is_longer"),
            ({"before": was - timedelta(hours=1)}, "from when it ends"),
        ):
            with pytest.raises(IntegrityError, match=why), transaction.atomic():
                by_hand(world, gate, **changes)
        run_sql("UPDATE backoffice_person SET is_active = false WHERE email LIKE 'chen@%%'")
        with pytest.raises(IntegrityError, match="by an officer"), transaction.atomic():
            by_hand(world, gate)
        gate.refresh_from_db()
        assert gate.expires_at == was

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ("expires_at = now() + interval '1 hour'", "the rest stays"),
            ("expires_at = now() + interval '9 days'", "the rest stays"),
        ],
    )
    def test_no_end_is_moved_without_a_decision(
        self, world: World, gate: Gate, change: str, why: str
    ) -> None:
        prolong(world, gate)
        with pytest.raises(IntegrityError, match=why), transaction.atomic():
            run_sql(f"UPDATE gate SET {change}")

    def test_nothing_else_moves_with_a_decision(self, world: World, gate: Gate) -> None:
        """The decision is there and not yet followed, as if its trigger had been off."""
        without_triggers(
            "gate_prolongation",
            "INSERT INTO gate_prolongation (gate_id, officer_id, reason, expires_before,"
            f" expires_at, decided_at) SELECT id, {world.person('chen').pk}, 'x', expires_at,"
            " expires_at + interval '1 hour', now() FROM gate",
        )
        later = "expires_at = expires_at + interval '1 hour'"
        for more in ("reason = 'other'", "lifted_at = now(), lifted_by_id = owner_id,"
                     " lifted_reason = 'x'"):  # fmt: skip
            with pytest.raises(IntegrityError, match="the rest stays"), transaction.atomic():
                run_sql(f"UPDATE gate SET {later}, {more}")
        run_sql(f"UPDATE gate SET {later}")

    def test_what_is_open_is_not_prolonged(self, world: World, gate: Gate) -> None:
        incidents.lift_gate(gate=gate, by=world.person("mira"), reason="calm")
        with pytest.raises(IntegrityError, match="closed anew"), transaction.atomic():
            by_hand(world, gate)
        over = Gate.objects.create(
            incident=world.incident, kind="market", reason="x", owner=world.person("mira"),
            expires_at=timezone.now() - timedelta(seconds=1),
        )  # fmt: skip
        with pytest.raises(IntegrityError, match="closed anew"), transaction.atomic():
            by_hand(world, over)

    def test_a_decision_stands(self, world: World, gate: Gate) -> None:
        prolong(world, gate)
        for attack in ("UPDATE gate_prolongation SET reason = 'y'", "DELETE FROM gate_prolongation",
                       "TRUNCATE gate_prolongation"):  # fmt: skip
            with pytest.raises(IntegrityError, match="append only"), transaction.atomic():
                run_sql(attack)

    @pytest.mark.parametrize(
        "times",
        [
            "now(), now() + interval '73 hours', NULL",
            "now() + interval '1 hour', now() + interval '2 hours', NULL",
            "now(), now() + interval '1 hour', now()",
        ],
    )
    def test_none_begins_longer_later_or_open(self, world: World, times: str) -> None:
        with pytest.raises(IntegrityError, match="at most 72 hours"), transaction.atomic():
            run_sql(
                "INSERT INTO gate (incident_id, kind, reason, owner_id, closed_at, expires_at,"
                f" lifted_at, lifted_reason) SELECT id, 'market', 'x', commander_id, {times}, ''"
                " FROM incident"
            )


class TestWithAPlan:
    def test_a_plan_computed_before_is_executed_after(self, world: World) -> None:
        close_gates(world)
        plan = remedy.approved(world)
        for gate in world.incident.gates.all():
            prolong(world, gate)
        assert gates.wanting(plan) == []
        execute(world, plan)

    def test_a_prolonged_gate_opens_by_a_person_as_any_other(self, world: World) -> None:
        close_gates(world)
        plan = remedy.computed(world)
        withdrawals = prolong(world, world.incident.gates.get(kind="withdrawals"))
        incidents.lift_gate(gate=withdrawals, by=world.person("mira"), reason="calm")
        with pytest.raises(Refused, match="Withdrawals opened at"):
            plans.propose(plan=plan, by=world.person("mira"))
        plan.refresh_from_db()
        assert plan.state == Plan.State.STALE
