"""Closing and opening gates: by two roles, with a reason, and refused without a trace."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Gate
from tests.backoffice.services.conftest import World, close_gates
from tests.backoffice.views.conftest import expected, matrix
from tests.backoffice.views.reading import cells, text

CLOSING = {"kind": "market", "contract": "", "hours": "6", "reason": "Prices off the index"}


def _close(client: Client, world: World, **changed: str) -> object:
    url = reverse("gate-close", args=[world.incident.slug])
    return client.post(url, {**CLOSING, **changed}, follow=True)


def test_it_closes_trading_of_the_whole_venue(world: World, analyst: Client) -> None:
    assert "Trading is closed." in text(_close(analyst, world))
    gate = Gate.objects.get()
    assert (gate.kind, gate.contract, gate.reason) == ("market", None, "Prices off the index")
    assert (gate.expires_at - gate.closed_at).total_seconds() == pytest.approx(6 * 3600, abs=5)


def test_it_closes_one_contract(world: World, analyst: Client) -> None:
    answer = _close(analyst, world, contract=str(world.contract.pk))
    assert Gate.objects.get().contract == world.contract
    assert "Halted in part" in answer.content.decode()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"reason": " "}, "This field is required"),
        ({"hours": "73"}, "less than or equal to 72"),
        ({"hours": "0"}, "greater than or equal to 1"),
        ({"kind": "deposits"}, "not one of the available choices"),
        ({"contract": "999999"}, "not one of the available choices"),
    ],
)
def test_it_refuses_what_cannot_be_meant(
    world: World, analyst: Client, changed: dict[str, str], why: str
) -> None:
    before = AuditEvent.objects.count()
    answer = _close(analyst, world, **changed)
    assert answer.status_code == 422
    assert why in text(answer)
    assert (Gate.objects.count(), AuditEvent.objects.count()) == (0, before)


def test_it_refuses_to_close_twice(world: World, analyst: Client) -> None:
    _close(analyst, world)
    answer = _close(analyst, world, reason="Again")
    assert "That gate is closed already." in text(answer)
    assert [gate.reason for gate in Gate.objects.all()] == ["Prices off the index"]


def test_it_opens_a_gate_for_a_reason(world: World, analyst: Client) -> None:
    close_gates(world)
    gate = Gate.objects.get(kind="market")
    answer = analyst.post(
        reverse("gate-lift", args=[gate.pk]), {"reason": "Prices are back"}, follow=True
    )
    assert "Trading is open." in text(answer)
    gate.refresh_from_db()
    assert gate.lifted_reason == "Prices are back"
    rows = cells(answer, "gate-sheet")
    assert [row[1] for row in rows] == ["Closed", "Open"], "closed ones first"


def test_it_refuses_to_open_without_a_reason(world: World, analyst: Client) -> None:
    close_gates(world)
    gate = Gate.objects.get(kind="market")
    before = AuditEvent.objects.count()
    answer = analyst.post(reverse("gate-lift", args=[gate.pk]), {"reason": ""}, follow=True)
    assert "Say why the gate can open." in text(answer)
    gate.refresh_from_db()
    assert gate.lifted_at is None
    assert AuditEvent.objects.count() == before


def _prolong(client: Client, gate: Gate, **data: str) -> object:
    sent = {"hours": "72", "reason": "Officers are still deciding", **data}
    return client.post(reverse("gate-prolong", args=[gate.pk]), sent, follow=True)


def test_an_officer_keeps_it_closed_for_longer(
    world: World, analyst: Client, officer: Client
) -> None:
    _close(analyst, world)
    gate = Gate.objects.get()
    before = gate.expires_at
    answer = _prolong(officer, gate)
    gate.refresh_from_db()
    assert gate.expires_at - before == pytest.approx(timedelta(hours=66), abs=timedelta(minutes=1))
    assert f"Trading stays closed until {gate.expires_at:%Y-%m-%d %H:%M} UTC." in text(answer)
    assert "kept closed by" in (told := cells(answer, "gate-sheet")[0][-1])
    assert told.endswith("Officers are still deciding")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ({"reason": " "}, "Why it stays closed: This field is required."),
        ({"hours": "73"}, "Hours from now: Ensure this value is less than or equal to 72."),
        ({"hours": "1"}, "anyway."),
    ],
)
def test_it_refuses_to_prolong(
    world: World, analyst: Client, officer: Client, data: dict[str, str], why: str
) -> None:
    _close(analyst, world)
    gate = Gate.objects.get()
    before, events = gate.expires_at, AuditEvent.objects.count()
    assert why in text(_prolong(officer, gate, **data))
    gate.refresh_from_db()
    assert (gate.expires_at, AuditEvent.objects.count()) == (before, events)


def test_gates_are_the_analysts_and_the_risk_officers(world: World) -> None:
    close_gates(world)
    gate = Gate.objects.first()

    def close(client: Client) -> int:
        return client.post(reverse("gate-close", args=[world.incident.slug]), {}).status_code

    def lift(client: Client) -> int:
        return client.post(reverse("gate-lift", args=[gate.pk]), {"reason": ""}).status_code

    def prolong(client: Client) -> int:
        return client.post(reverse("gate-prolong", args=[gate.pk]), {}).status_code

    assert matrix(prolong) == expected("risk", "finance", "legal", done=302)
    assert matrix(close) == expected("analyst", "risk", done=422)
    assert matrix(lift) == expected("analyst", "risk", done=302)
    assert Gate.objects.filter(lifted_at__isnull=True).count() == 2
