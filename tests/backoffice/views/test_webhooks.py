"""Webhooks on the desk: who makes them, what a page tells of deliveries, secrets shown once."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Delivery, Endpoint, Event
from backoffice.services import delivering, incidents, webhooks
from exchange.queries import keyset
from tests.backoffice.listener import Listener, listening, status
from tests.backoffice.services.conftest import World, close_gates
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def listed(settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]


@pytest.fixture
def ear() -> Iterator[Listener]:
    with listening(status(500, "<b>not now</b>"), status(200, "thanks")) as heard:
        yield heard


@pytest.fixture
def risk(world: World) -> Client:
    return signed_in("risk")


@pytest.fixture
def endpoint(world: World, ear: Listener) -> Endpoint:
    row, _ = webhooks.make(
        venue=world.venue, name="engine", url=ear.url, kinds=Event.Kind.values,
        by=world.person("chen"),
    )  # fmt: skip
    return row


def make(client: Client, world: World, **changes: object) -> HttpResponse:
    given = {
        "venue": world.venue.pk, "name": "engine", "url": "https://engine.example/hook",
        "kinds": ["gate.closed"],
    }  # fmt: skip
    return client.post(reverse("webhook-make"), {**given, **changes})


def traces() -> tuple[object, ...]:
    return (
        list(Endpoint.objects.values_list("pk", "seed", "retired_at")),
        list(Delivery.objects.values_list("pk", "state", "due_at")),
        AuditEvent.objects.count(),
    )


def test_staff_see_them_and_two_roles_connect(world: World, endpoint: Endpoint) -> None:
    assert matrix(getting("webhooks")) == expected()
    assert matrix(getting("webhook", endpoint.pk)) == expected()
    close_gates(world)
    delivery = endpoint.deliveries.first()

    def posting(name: str, *args: object) -> dict[str, int]:
        return matrix(lambda client: client.post(reverse(name, args=args), {}).status_code)

    assert posting("webhook-make") == expected("risk", "finance", done=422)
    assert posting("webhook-secret", endpoint.pk) == expected("risk", "finance")
    assert posting("webhook-retire", endpoint.pk) == expected("risk", "finance", done=422)
    assert posting("delivery-send", delivery.pk) == (
        expected("analyst", "risk", "finance", done=302)
    )


def test_making_one_shows_its_secret_once(world: World, risk: Client) -> None:
    answer = make(risk, world)
    (secret,) = set(re.findall(r"whsec_[\w-]{43}", answer.content.decode()))
    assert "no-store" in answer["Cache-Control"]
    row = Endpoint.objects.get()
    assert webhooks.secret_of(row.seed) == secret
    for name, args in (("webhooks", ()), ("webhook", (row.pk,))):
        assert "whsec_" not in risk.get(reverse(name, args=args)).content.decode()
    (shown,) = cells(risk.get(reverse("webhooks")), "endpoints")
    assert shown[:4] == ["engine", "In use", "rehearsal", "https://engine.example/hook"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "http://engine.example/"}, "Without TLS"),
        ({"url": "https://10.1.2.3/"}, "not a public address"),
        ({"url": ""}, "This field is required"),
        ({"kinds": []}, "This field is required"),
        ({"kinds": ["plan.imagined"]}, "Select a valid choice"),
        ({"name": " "}, "This field is required"),
    ],
)
def test_none_is_made_by_a_wrong_form(
    world: World, risk: Client, changes: dict[str, object], words: str
) -> None:
    before = traces()
    answer = make(risk, world, **changes)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert traces() == before


def test_the_page_tells_how_deliveries_went(world: World, endpoint: Endpoint, risk: Client) -> None:
    close_gates(world)
    at = reverse("webhook", args=[endpoint.pk])
    assert [row[2] for row in cells(risk.get(at), "delivery-sheet")] == ["Queued", "Queued"]
    delivering.deliver(endpoint_id=endpoint.pk)
    page = risk.get(at)
    newest, first = cells(page, "delivery-sheet")
    assert (first[2], first[4], first[5]) == ("Waits to be tried again", "1", "500")
    assert "&lt;b&gt;not now" in page.content.decode(), "an answer is text from outside"
    assert newest[4] == "0"
    (shown,) = cells(risk.get(reverse("webhooks")), "endpoints")
    assert [shown[n] for n in (4, 6, 7)] == ["2", "0", "0"]


def test_sending_again_is_one_button(world: World, endpoint: Endpoint, risk: Client) -> None:
    close_gates(world)
    delivering.deliver(endpoint_id=endpoint.pk)
    first = endpoint.deliveries.order_by("event")[0]
    answer = risk.post(reverse("delivery-send", args=[first.pk]), follow=True)
    assert "A worker is sending it" in text(answer)
    assert delivering.deliver(endpoint_id=endpoint.pk) == 2
    rows = cells(risk.get(reverse("webhook", args=[endpoint.pk])), "delivery-sheet")
    assert [(row[2], row[5], row[6]) for row in rows] == [("Delivered", "200", "thanks")] * 2
    failed = risk.get(reverse("webhook", args=[endpoint.pk]), {"state": "failed"})
    assert "No delivery matches" in text(failed)


def test_a_secret_is_changed_and_shown_once(world: World, endpoint: Endpoint, risk: Client) -> None:
    answer = risk.post(reverse("webhook-secret", args=[endpoint.pk]))
    (secret,) = set(re.findall(r"whsec_[\w-]{43}", answer.content.decode()))
    endpoint.refresh_from_db()
    assert webhooks.secret_of(endpoint.seed) == secret
    assert "Former secret signs until" in text(risk.get(reverse("webhook", args=[endpoint.pk])))


def test_retiring_asks_for_its_name(world: World, endpoint: Endpoint, risk: Client) -> None:
    close_gates(world)
    at = reverse("webhook-retire", args=[endpoint.pk])
    before = traces()
    assert risk.post(at, {"typed": "motor"}).status_code == 422
    assert traces() == before
    assert "Nothing is sent there any more" in text(risk.post(at, {"typed": "engine"}, follow=True))
    page = risk.get(reverse("webhook", args=[endpoint.pk]))
    assert {row[2] for row in cells(page, "delivery-sheet")} == {"Failed"}
    assert "Make a new secret" not in text(page)
    before = traces()
    for name, args in (
        ("webhook-retire", endpoint.pk),
        ("webhook-secret", endpoint.pk),
    ):
        answer = risk.post(reverse(name, args=[args]), {"typed": "engine"})
        assert (answer.status_code, "retired; make a new one" in text(answer)) == (409, True)
    again = reverse("delivery-send", args=[endpoint.deliveries.first().pk])
    assert "retired; make a new one" in text(risk.post(again, follow=True))
    assert traces() == before


def test_deliveries_are_paged_and_cost_the_same(
    world: World,
    endpoint: Endpoint,
    risk: Client,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: object,
) -> None:
    monkeypatch.setattr(keyset, "LIMIT", 3)
    mira = world.person("mira")
    for _ in range(4):
        shut = incidents.close_gate(
            incident=world.incident, by=mira, kind="market", reason="off the index"
        )
        incidents.lift_gate(gate=shut, by=mira, reason="calm again")
    at = reverse("webhook", args=[endpoint.pk])
    # session, person, standing, endpoint, deliveries
    with django_assert_num_queries(5):
        page = risk.get(at)
    shown = [row[0] for row in cells(page, "delivery-sheet")]
    (after,) = re.findall(r"after=(\d+)\"", page.content.decode())[:1]
    shown += [row[0] for row in cells(risk.get(at, {"after": after}), "delivery-sheet")]
    assert shown == ["8", "7", "6", "5", "4", "3"]
