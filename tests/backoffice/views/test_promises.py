"""Promised times: made in public, kept or not."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.models import AuditEvent, Promise
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, matrix
from tests.backoffice.views.reading import text

pytestmark = pytest.mark.django_db


def test_it_is_promised_and_kept(world: World, analyst: Client) -> None:
    slug = world.incident.slug
    due = timezone.now() + timedelta(hours=2)
    analyst.post(
        reverse("promise-add", args=[slug]),
        {"text": "Next update", "due_at": f"{due:%Y-%m-%d %H:%M:%S}"},
    )
    promise = Promise.objects.get()
    assert promise.due_at == due.replace(microsecond=0)
    page = analyst.get(reverse("incident-notices", args=[slug]))
    assert "Due Next update" in text(page)
    assert "data-countdown" in page.content.decode()
    analyst.post(reverse("promise-keep", args=[promise.pk]))
    assert Promise.objects.get().kept_at is not None
    assert "Kept Next update" in text(analyst.get(reverse("incident-notices", args=[slug])))


def test_a_past_time_is_refused(world: World, analyst: Client) -> None:
    at = reverse("promise-add", args=[world.incident.slug])
    before = AuditEvent.objects.count()
    answer = analyst.post(at, {"text": "Next update", "due_at": "2018-03-30 01:00"})
    assert answer.status_code == 422
    assert "A promise is about a time to come." in text(answer)
    assert (Promise.objects.count(), AuditEvent.objects.count()) == (0, before)


def test_the_roles_that_promise(world: World) -> None:
    at = reverse("promise-add", args=[world.incident.slug])
    assert matrix(lambda client: client.post(at, {}).status_code) == (
        expected("analyst", "support", "legal", done=422)
    )


def test_keeping_twice_changes_nothing(world: World, analyst: Client) -> None:
    promise = Promise.objects.create(
        incident=world.incident, text="Next", due_at=timezone.now(), made_by=world.person("mira")
    )
    at = reverse("promise-keep", args=[promise.pk])
    analyst.post(at)
    kept, events = Promise.objects.get().kept_at, AuditEvent.objects.count()
    page = text(analyst.post(at, follow=True))
    assert "That promise was kept already." in page
    assert (Promise.objects.get().kept_at, AuditEvent.objects.count()) == (kept, events)
