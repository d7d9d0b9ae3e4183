"""Writing a line of the timeline, with and without a script."""

from django.test import Client
from django.urls import reverse

from backoffice.models import TimelineEntry
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, matrix, signed_in
from tests.backoffice.views.reading import text


def test_it_adds_a_line(world: World) -> None:
    answer = signed_in("support").post(
        reverse("timeline-add", args=[world.incident.slug]),
        {"text": "Customers ask on the phone", "public": "on"},
        follow=True,
    )
    entry = TimelineEntry.objects.get(source="person")
    assert (entry.text, entry.public, str(entry.author)) == (
        "Customers ask on the phone", True, "Sana Lindqvist",
    )  # fmt: skip
    words = "Customers ask on the phone Written by a person: Sana Lindqvist · public"
    assert words in text(answer)


def test_a_script_gets_the_timeline_alone(world: World, analyst: Client) -> None:
    answer = analyst.post(
        reverse("timeline-add", args=[world.incident.slug]),
        {"text": "Seen"},
        headers={"HX-Request": "true"},
    )
    assert (
        answer.content.decode()
        .strip()
        .startswith('<div id="timeline" data-announce="The entry was added.">')
    )
    assert TimelineEntry.objects.get(source="person").public is False


def test_it_refuses_an_empty_line(world: World, analyst: Client) -> None:
    url = reverse("timeline-add", args=[world.incident.slug])
    answer = analyst.post(url, {"text": "  "})
    assert answer.status_code == 422
    assert "Nothing was changed" in text(answer)
    assert not TimelineEntry.objects.filter(source="person").exists()


def test_every_role_may_write_and_nobody_else(world: World) -> None:
    def ask(client: Client) -> int:
        url = reverse("timeline-add", args=[world.incident.slug])
        return client.post(url, {"text": ""}).status_code

    assert matrix(ask) == expected(done=422)


def test_a_line_cannot_bring_markup(world: World, analyst: Client) -> None:
    url = reverse("timeline-add", args=[world.incident.slug])
    answer = analyst.post(url, {"text": "<script>alert(1)</script>"}, follow=True)
    assert b"<script>alert" not in answer.content
