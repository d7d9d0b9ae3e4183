"""Work that no worker has taken: since when, and what to look at once it takes long."""

import re
import time
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from backoffice import figures
from backoffice.models import Comparison, Execution, Job
from backoffice.services import comparisons, computations, executions, heartbeat, locks, people
from backoffice.services.remedies import ROLLBACK
from tests.backoffice.services.conftest import PAID, World, approve_all, propose
from tests.backoffice.views.market import Market
from tests.backoffice.views.reading import text

pytestmark = pytest.mark.django_db
LONG = "This takes longer than it should"


def asked_for(market: Market) -> Comparison:
    return comparisons.request(incident=market.incident, by=people.cast_member("mira"))


def aged(row: Job, seconds: int, **values: object) -> str:
    """Lets the row have been asked for that long ago; the time as a page writes it."""
    at = timezone.now() - timedelta(seconds=seconds)
    type(row).objects.filter(pk=row.pk).update(requested_at=at, **values)
    parts = figures.moment(at)
    return f"{parts.utc_date} {parts.utc_time} UTC {parts.market_date} {parts.market_time} HKT"


def seen(client: Client, name: str, pk: int) -> str:
    return text(client.get(reverse(name, args=[pk]), headers={"HX-Request": "true"}))


def ago(shown: str) -> int:
    """How many seconds ago the page says that it was asked for, or begun."""
    hours, minutes, seconds = re.search(r"(\d\d):(\d\d):(\d\d) ago, ", shown).groups()
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def test_a_comparison_says_since_when_it_waits(market: Market, analyst: Client) -> None:
    row = asked_for(market)
    at = aged(row, 20)
    shown = seen(analyst, "comparison-progress", row.pk)
    assert "Waiting for a worker" in shown
    assert f" ago, {at}" in shown
    assert ago(shown) >= 20
    assert LONG not in shown
    page = analyst.get(reverse("incident-remedies", args=[market.incident.slug]))
    assert f" ago, {at}" in text(page)


def test_a_computation_says_since_when_it_waits(market: Market, analyst: Client) -> None:
    mira = people.cast_member("mira")
    row = computations.request(incident=market.incident, by=mira, steps=ROLLBACK)
    at = aged(row, 61)
    for shown in (
        seen(analyst, "computation", row.pk),
        text(analyst.get(reverse("incident-plans", args=[market.incident.slug]))),
    ):
        assert f" ago, {at}" in shown
        assert LONG in shown


def test_an_execution_says_since_when_it_waits(world: World, analyst: Client) -> None:
    plan = propose(world, PAID)
    approve_all(plan)
    row = executions.request_execution(plan=plan, by=world.person("mira"))
    at = aged(row, 3700)
    shown = seen(analyst, "plan-execution", plan.pk)
    assert f" ago, {at}" in shown
    assert ago(shown) >= 3700
    assert LONG in shown
    assert "manage.py services status" in shown
    assert "celery --app backoffice inspect ping" in shown
    executions.execute(plan_id=plan.pk)
    assert " ago, " not in seen(analyst, "plan-execution", plan.pk)
    assert Execution.objects.get().state == "done"


def test_what_a_dead_worker_had_begun_says_so(market: Market, analyst: Client) -> None:
    row = asked_for(market)
    begun = timezone.now() - timedelta(seconds=90)
    aged(row, 600, state="running", attempts=1, started_at=begun)
    shown = seen(analyst, "comparison-progress", row.pk)
    assert "No worker is at it: the one that was has died. Begun" in shown
    assert 90 <= ago(shown) < 600
    with locks.held(locks.COMPARISON, row.pk):
        assert " ago, " not in seen(analyst, "comparison-progress", row.pk)


def test_what_is_known_of_the_workers_is_said(market: Market, analyst: Client) -> None:
    row = asked_for(market)
    aged(row, 120)
    cache.delete(heartbeat.KEY)
    assert "No worker has answered the clock yet." in seen(analyst, "comparison-progress", row.pk)
    cache.set(heartbeat.KEY, time.time() - 7200)
    assert "has answered the clock for 02:00:" in seen(analyst, "comparison-progress", row.pk)
    heartbeat.beat()
    assert "A worker answered the clock 00:00:" in seen(analyst, "comparison-progress", row.pk)
    cache.delete(heartbeat.KEY)


def test_a_broker_that_is_away_is_said(market: Market, analyst: Client, settings: Settings) -> None:
    row = asked_for(market)
    aged(row, 120)
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "unix:///nowhere/valkey.sock",
        }
    }
    shown = seen(analyst, "comparison-progress", row.pk)
    assert "The broker does not answer, so nothing reaches a worker." in shown
