"""The metrics: who may read them and what they say."""

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from backoffice.services import heartbeat
from backoffice.tasks import sweep
from tests.backoffice.test_health import lose_the_database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("clean_cache")]
TOKEN = "t" * 32


def read(client: Client, token: str = TOKEN) -> dict[str, float]:
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.mark.parametrize(("known", "sent"), [("", ""), ("", TOKEN), (TOKEN, ""), (TOKEN, "x")])
def test_nobody_reads_them_without_the_token(
    client: Client, settings: Settings, known: str, sent: str
) -> None:
    settings.METRICS_TOKEN = known
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {sent}"})
    assert answer.status_code == 404
    assert b"makewhole_" not in answer.content


def test_an_idle_desk(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    found = read(client)
    assert found.pop("makewhole_heartbeat_seconds") != 0  # NaN: there was none
    assert found == {
        "makewhole_messages_waiting": 0,
        "makewhole_messages_failed": 0,
        "makewhole_executions_waiting": 0,
        "makewhole_execution_oldest_seconds": 0,
        "makewhole_reconciliations_failed": 0,
        "makewhole_glasses_unreviewed": 0,
        "makewhole_glasses_overdue": 0,
        "makewhole_webhooks_waiting": 0,
        "makewhole_webhook_oldest_seconds": 0,
        "makewhole_webhooks_failed": 0,
        "makewhole_plansdraft": 0,
        "makewhole_planscomputed": 0,
        "makewhole_plansproposed": 0,
        "makewhole_plansapproved": 0,
        "makewhole_plansexecuting": 0,
        "makewhole_queue_length": 0,
        "makewhole_database_up": 1,
        "makewhole_broker_up": 1,
    }


def test_the_sweeper_is_the_heartbeat(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert heartbeat.seconds_since() is None
    sweep()
    assert 0 <= read(client)["makewhole_heartbeat_seconds"] < 30


def test_a_database_that_is_gone_is_a_number(client: Client, settings: Settings) -> None:
    """What is counted in it is absent: 0 would say that nothing waits."""
    settings.METRICS_TOKEN = TOKEN
    sweep()
    lose_the_database()
    found = read(client)
    assert 0 <= found.pop("makewhole_heartbeat_seconds") < 30
    assert found == {
        "makewhole_database_up": 0,
        "makewhole_queue_length": 0,
        "makewhole_broker_up": 1,
    }


def test_a_broker_that_is_gone_is_a_number(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    assert read(client)["makewhole_broker_up"] == 0
