"""Declaring a tie: one's own, once, for good, and what it does."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Interest
from backoffice.services import recusals
from tests.backoffice.services.conftest import World, compare
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db


def send(client: Client, world: World, **changes: object) -> object:
    sent = {"venue": world.venue.pk, "code": "A00003", "relation": "sibling", **changes}
    return client.post(reverse("ties"), sent)


def test_the_page_is_for_staff(world: World) -> None:
    assert matrix(getting("ties")) == expected()


def test_a_tie_is_declared_and_recuses(world: World) -> None:
    chen = signed_in("chen")
    assert "No tie declared" in text(chen.get(reverse("ties")))
    compare(world, {3: 5})
    assert send(chen, world, code=" A00003 ").status_code == 302
    (row,) = cells(chen.get(reverse("ties")), "ties")
    assert row == ["A00003", "Rehearsal", "sibling"]
    assert recusals.recused(incident=world.incident, person=world.person("chen"))
    event = AuditEvent.objects.latest("number")
    tie = Interest.objects.get()
    assert (event.action, event.data) == ("interest.declared", {"tie": tie.pk})


def test_nobody_sees_another_persons_ties(world: World) -> None:
    send(signed_in("chen"), world)
    assert "A00003" not in text(signed_in("ravi").get(reverse("ties")))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"code": "A99999"}, "no account with this code"),
        ({"code": ""}, "This field is required"),
        ({"relation": " "}, "This field is required"),
        ({"relation": "x" * 41}, "at most 40"),
        ({"venue": 0}, "valid choice"),
    ],
)
def test_it_is_refused_by_name(world: World, changes: dict[str, object], words: str) -> None:
    answer = send(signed_in("chen"), world, **changes)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert not Interest.objects.exists()


def test_a_tie_is_declared_once(world: World) -> None:
    chen = signed_in("chen")
    send(chen, world)
    before = AuditEvent.objects.count()
    answer = send(chen, world, relation="own")
    assert (answer.status_code, "already" in text(answer)) == (422, True)
    assert AuditEvent.objects.count() == before
    assert Interest.objects.get().relation == "sibling"
