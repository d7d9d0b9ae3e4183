"""Attacks by whoever read the documentation: the passwords and codes of a drill's people are in it.

A drill may be played on any installation. Its officers decide on drills alone, which is told by
their address; so it must not change, neither by the sign-in pages nor by hand.
"""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.urls import reverse

from backoffice.models import Gate, Incident, Person, Plan
from backoffice.services import approvals, incidents, plans, remedies, tokens, webhooks
from exchange.models import Venue
from tests.backoffice.attacks.conftest import Attack, Desk, refused
from tests.backoffice.services.conftest import close_gates, run_sql
from tests.backoffice.views.conftest import signed_in

OWN = "whoever@elsewhere.example"


@pytest.fixture
def real(desk: Desk) -> Desk:
    """The same desk with a real plan before its officers, and its gates closed."""
    close_gates(desk.world)
    Venue.objects.filter(pk=desk.world.venue.pk).update(is_drill=False)
    desk.world.venue.refresh_from_db()
    desk.world.incident = Incident.objects.get(pk=desk.world.incident.pk)
    desk.plan = Plan.objects.get(pk=desk.plan.pk)
    return desk


def test_not_by_the_sign_in_pages(real: Desk) -> None:
    chen, client = real.person("chen"), signed_in("chen")
    client.post(reverse("account_email"), {"action_add": "", "email": OWN})
    for letter in mail.outbox:
        for link in re.findall(r"https?://[^/]+(/\S+confirm-email\S+)", letter.body):
            client.post(link)
    client.post(reverse("account_email"), {"action_primary": "", "email": OWN})
    assert not EmailAddress.objects.filter(email=OWN).exists()
    chen.refresh_from_db()
    assert "drills only" in (approvals.ineligible(plan=real.plan, by=chen) or "")


@pytest.mark.parametrize("address", [OWN, "chen@DRILL.makewhole.example", ""])
def test_nor_by_hand(real: Desk, address: str) -> None:
    chen = real.person("chen").pk
    statement = f"UPDATE backoffice_person SET email = '{address}' WHERE id = {chen}"
    refused(real, lambda desk: run_sql(statement), "keeps its address")
    refused(real, lambda desk: desk.forge("chen", "risk"), "decide on drills only")


def test_others_may_move(desk: Desk) -> None:
    person = Person.objects.create_user("ola@house.example", "x" * 20)
    Person.objects.filter(pk=person.pk).update(email="ola@other.example")


def closes_a_gate(desk: Desk) -> None:
    incidents.close_gate(
        incident=desk.world.incident, by=desk.person("mira"), kind="market", reason="x",
        contract=desk.world.contract,
    )  # fmt: skip


def lifts_a_gate(desk: Desk) -> None:
    incidents.lift_gate(gate=Gate.objects.latest("pk"), by=desk.person("chen"), reason="x")


def prolongs_a_gate(desk: Desk) -> None:
    gate = Gate.objects.latest("pk")
    incidents.prolong_gate(gate=gate, by=desk.person("chen"), reason="x", hours=72)


def reads_the_feed(desk: Desk) -> None:
    tokens.make(venue=desk.world.venue, name="x", by=desk.person("chen"))


def is_told_of_events(desk: Desk) -> None:
    webhooks.make(
        venue=desk.world.venue, name="x", url="https://elsewhere.example/",
        kinds=["plan.executed"], by=desk.person("fay"),
    )  # fmt: skip


def computes(desk: Desk) -> None:
    remedies.compute_remedy(incident=desk.world.incident, by=desk.person("mira"))


def proposes(desk: Desk) -> None:
    plans.propose(plan=desk.plan, by=desk.person("mira"))


def asks_for_an_execution(desk: Desk) -> None:
    plans.request_execution(plan=desk.plan, by=desk.person("chen"))


@pytest.mark.parametrize(
    "attack",
    [
        closes_a_gate,
        lifts_a_gate,
        prolongs_a_gate,
        reads_the_feed,
        is_told_of_events,
        computes,
        proposes,
        asks_for_an_execution,
    ],
)
def test_they_do_nothing_to_a_real_venue(real: Desk, attack: Attack) -> None:
    refused(real, attack, "act on drills only")
