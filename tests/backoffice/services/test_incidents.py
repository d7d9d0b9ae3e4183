"""Opening an incident, its status, its gates: three axes that do not imply each other."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from backoffice.models import AuditEvent, Gate, Incident, TimelineEntry
from backoffice.services import incidents
from backoffice.services.refusals import NotAllowed, Refused, Stale
from tests.backoffice.services.conftest import World


def test_the_manifest_says_when(world: World) -> None:
    incident = world.incident
    assert incident.slug == "btc0629-off-the-index"
    assert incident.effective_cutoff == datetime(2018, 3, 29, 20, 47, 54, tzinfo=UTC)
    assert incident.announced_cutoff == datetime(2018, 3, 29, 21, 0, tzinfo=UTC)
    assert incident.window_start == incident.announced_cutoff
    assert incident.window_end == datetime(2018, 3, 29, 22, 30, tzinfo=UTC)
    assert incident.status == Incident.Status.TRIAGE


def test_a_second_one_has_a_slug_of_its_own(world: World) -> None:
    again = incidents.open_incident(
        tape=world.incident.tape, by=world.person("mira"), title=world.incident.title
    )
    assert again.slug == "btc0629-off-the-index-2"


def test_support_cannot_open_one(world: World) -> None:
    with pytest.raises(NotAllowed):
        incidents.open_incident(tape=world.incident.tape, by=world.person("sana"), title="mine")
    assert Incident.objects.count() == 1


def test_a_tape_without_an_incident_is_refused(world: World) -> None:
    tape = world.incident.tape
    tape.manifest = {"contract": "OTHER"}
    with pytest.raises(Refused, match="names no window"):
        incidents.open_incident(tape=tape, by=world.person("mira"), title="x")
    assert Incident.objects.count() == 1


def test_status_goes_one_way(world: World) -> None:
    mira = world.person("mira")
    for step in ("declared", "contained", "remedy", "closed"):
        incidents.advance(incident=world.incident, by=mira, to=step)
    with pytest.raises(Stale):
        incidents.advance(incident=world.incident, by=mira, to="declared")
    world.incident.refresh_from_db()
    assert world.incident.status == Incident.Status.CLOSED


def test_a_gate_has_a_reason_an_owner_and_an_end(world: World) -> None:
    mira = world.person("mira")
    gate = incidents.close_gate(
        incident=world.incident, by=mira, kind="market", reason="off the index", hours=3
    )
    assert (gate.owner, gate.reason) == (mira, "off the index")
    left = gate.expires_at - timezone.now()
    assert timedelta(hours=2, minutes=59) < left <= timedelta(hours=3)
    with pytest.raises(Stale):
        incidents.close_gate(incident=world.incident, by=mira, kind="market", reason="again")
    for hours in (0, 73):
        with pytest.raises(Refused):
            incidents.close_gate(
                incident=world.incident, by=mira, kind="withdrawals", reason="x", hours=hours
            )
    with pytest.raises(Refused, match="why"):
        incidents.close_gate(incident=world.incident, by=mira, kind="withdrawals", reason=" ")
    assert Gate.objects.count() == 1


def test_a_gate_is_lifted_once_and_leaves_the_others(world: World) -> None:
    mira = world.person("mira")
    one = incidents.close_gate(
        incident=world.incident, by=mira, kind="market", reason="x", contract=world.contract
    )
    whole = incidents.close_gate(incident=world.incident, by=mira, kind="market", reason="x")
    incidents.lift_gate(gate=whole, by=mira, reason="calm again")
    with pytest.raises(Stale):
        incidents.lift_gate(gate=whole, by=mira, reason="calm again")
    one.refresh_from_db()
    assert one.lifted_at is None


def test_every_step_is_told_and_audited(world: World) -> None:
    mira = world.person("mira")
    incidents.close_gate(incident=world.incident, by=mira, kind="market", reason="x")
    incidents.advance(incident=world.incident, by=mira, to="declared")
    incidents.add_entry(incident=world.incident, by=world.person("sana"), text="calls come in")
    assert list(TimelineEntry.objects.order_by("id").values_list("source", "text", "public")) == [
        ("desk", "Trading closed: everything", True),
        ("desk", "Incident declared", True),
        ("person", "calls come in", False),
    ]
    actions = AuditEvent.objects.order_by("number").values_list("action", flat=True)
    assert list(actions)[-3:] == ["gate.closed", "incident.declared", "timeline.written"]
