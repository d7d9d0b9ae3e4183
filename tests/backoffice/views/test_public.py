"""What anyone may read: the latest words, every version, what changed, and no word more."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import Incident
from backoffice.services import facts, incidents, notices
from tests.backoffice.services.conftest import World
from tests.backoffice.views.reading import cells, text


def _publish(world: World, body: str) -> None:
    notices.publish(
        incident=world.incident,
        slug="first",
        texts={"en": ("Trading is closed", body), "zh-hans": ("交易已暂停", "{{ low }}")},
        by=world.person("mira"),
    )


def _low(world: World, value: str) -> None:
    low = facts.Computed(value=value, source="lowest print of the tape", inputs={})
    facts.record(incident=world.incident, computed={"low": low})


@pytest.fixture
def told(world: World) -> World:
    """Two versions of one notice, the second after a fact moved."""
    _low(world, "4,755.00")
    _publish(world, "It fell to {{ low }}.")
    _low(world, "4,754.99")
    _publish(world, "It fell to {{ low }}, we know now.")
    return world


def test_an_incident_nobody_was_told_of_is_not_there(world: World) -> None:
    client = Client()
    assert client.get(reverse("notice", args=[world.incident.slug])).status_code == 404
    assert "BTC0629 off the index" not in text(client.get(reverse("public")))


def test_it_shows_the_latest_version(told: World) -> None:
    incidents.advance(incident=told.incident, by=told.person("mira"), to=Incident.Status.DECLARED)
    words = text(Client().get(reverse("notice", args=[told.incident.slug])))
    assert "It fell to 4,754.99, we know now." in words
    assert "It fell to 4,755.00." not in words
    assert "Incident declared Recorded by the desk" in words
    assert "Mira" not in words


def test_an_old_version_stays_as_it_was(told: World) -> None:
    page = Client().get(reverse("notice-version", args=[told.incident.slug, "first", 1]))
    assert "It fell to 4,755.00." in text(page)
    assert [row[:2] for row in cells(page, "facts")] == [["low", "4,755.00"]]


def test_it_shows_what_changed(told: World) -> None:
    page = Client().get(reverse("notice-version", args=[told.incident.slug, "first", 2]))
    body = page.content.decode()
    assert "<ins>" in body
    assert "<del>" in body
    assert (
        Client().get(reverse("notice-version", args=[told.incident.slug, "first", 3])).status_code
        == 404
    )


def test_it_speaks_chinese(told: World) -> None:
    page = Client().get(
        reverse("notice", args=[told.incident.slug]), headers={"accept-language": "zh-hans"}
    )
    assert "交易已暂停" in text(page)


def test_json_cites_its_facts(told: World) -> None:
    body = json.loads(Client().get(reverse("notice-json", args=[told.incident.slug])).content)
    (notice,) = body["notices"]
    assert notice["version"] == 2
    assert notice["facts"]["low"]["value"] == "4,754.99"
    assert len(notice["facts"]["low"]["digest"]) == 64
    assert body["status"] == {"trading": "trading", "withdrawals": "gate_open"}


def test_the_feed_holds_every_version(told: World) -> None:
    feed = Client().get(reverse("notices-feed"))
    assert feed["Content-Type"].startswith("application/atom+xml")
    assert feed.content.decode().count("<entry>") == 2
