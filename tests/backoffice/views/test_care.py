"""The care lane: for support and legal only, placed and released by name, found by whole codes."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, CareHold
from backoffice.services import care
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def support(world: World) -> Client:
    return signed_in("support")


def send(client: Client, world: World, **changes: object) -> HttpResponse:
    given = {"venue": world.venue.pk, "who": "C1", "reason": "said so on the telephone"}
    return client.post(reverse("care-place"), {**given, **changes})


def traces() -> tuple[object, ...]:
    holds = list(CareHold.objects.values_list("customer", "released_by"))
    return holds, AuditEvent.objects.count()


def test_only_support_and_legal_open_it(world: World) -> None:
    assert matrix(getting("care")) == expected("support", "legal")
    place = reverse("care-place")
    assert matrix(lambda client: client.post(place, {}).status_code) == (
        expected("support", "legal", done=422)
    )
    rail = {who: 'href="/care/"' in page(who) for who in ("analyst", "support", "risk", "legal")}
    assert rail == {"analyst": False, "support": True, "risk": False, "legal": True}


def page(who: str) -> str:
    return signed_in(who).get(reverse("incidents")).content.decode()


@pytest.mark.parametrize("who", ["C1", "A00001", "c1@customers.example"])
def test_somebody_is_taken_in(world: World, support: Client, who: str) -> None:
    assert send(support, world, who=who).status_code == 302
    hold = CareHold.objects.get()
    assert (hold.customer, hold.placed_by) == (world.customers[1], world.person("sana"))
    (row,) = cells(support.get(reverse("care")), "holds")
    assert row[:5] == [
        "C1", "Customer 1", "Rehearsal Drill", "said so on the telephone", "Sana Lindqvist"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"who": "Customer"}, "Nobody of this venue has exactly that"),
        ({"who": "c1@"}, "Nobody of this venue has exactly that"),
        ({"reason": " "}, "This field is required"),
        ({"venue": 0}, "Select a valid choice"),
    ],
)
def test_nobody_is_taken_in_by_a_wrong_form(
    world: World, support: Client, changes: dict[str, object], words: str
) -> None:
    before = traces()
    answer = send(support, world, **changes)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert traces() == before


def test_nobody_is_in_it_twice(world: World, support: Client) -> None:
    send(support, world)
    before = traces()
    answer = send(support, world)
    assert (answer.status_code, "is in the care lane already" in text(answer)) == (409, True)
    assert traces() == before


def test_somebody_is_released_by_name(world: World, support: Client) -> None:
    hold = care.place(customer=world.customers[0], by=world.person("sana"), reason="x")
    at = reverse("care-release", args=[hold.pk])
    before = traces()
    assert signed_in("analyst").post(at).status_code == 403
    assert traces() == before
    signed_in("legal").post(at)
    hold.refresh_from_db()
    assert hold.released_by.display_name == "Lena Brandt"
    (row,) = cells(support.get(reverse("care")), "past")
    assert row[:3] == ["C0", "Sana Lindqvist", "Lena Brandt"]
    before = traces()
    assert "released already" in text(support.post(at, follow=True))
    assert traces() == before


def test_the_page_costs_the_same_however_many(
    world: World, support: Client, django_assert_num_queries: object
) -> None:
    for customer in world.customers:
        care.place(customer=customer, by=world.person("sana"), reason="x")
    # session, person, standing, holds, released, and two for the venues of the form
    with django_assert_num_queries(7):
        support.get(reverse("care"))
