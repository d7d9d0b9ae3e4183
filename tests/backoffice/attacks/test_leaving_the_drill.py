"""Attacks by whoever read the documentation: the passwords and codes of a drill's people are in it.

A drill may be played on any installation. Its officers decide on drills alone, which is told by
their address; so it must not change, neither by the sign-in pages nor by hand.
"""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.urls import reverse

from backoffice.models import Person
from backoffice.services import approvals
from exchange.models import Venue
from tests.backoffice.attacks.conftest import Desk, refused
from tests.backoffice.services.conftest import run_sql
from tests.backoffice.views.conftest import signed_in

OWN = "whoever@elsewhere.example"


@pytest.fixture
def real(desk: Desk) -> Desk:
    """The same desk with a real plan before its officers."""
    Venue.objects.filter(pk=desk.world.venue.pk).update(is_drill=False)
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
