"""The two health addresses, with the servers there and without."""

import pytest
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

pytestmark = pytest.mark.django_db


def lose_the_database() -> None:
    """The server ends our session, as it does when it stops."""
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_alive_and_ready(client: Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/healthz/ready")
    assert answer.status_code == 200
    assert answer.json() == {"database": "ok", "broker": "ok"}


def test_not_ready_without_a_database(client: Client) -> None:
    lose_the_database()
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.json() == {"database": "unreachable", "broker": "ok"}
    assert client.get("/healthz").status_code == 200


def test_not_ready_without_a_broker(client: Client, settings: Settings) -> None:
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": "unix:///nowhere/valkey.sock",
        }
    }
    answer = client.get("/healthz/ready")
    assert answer.status_code == 503
    assert answer.json() == {"database": "ok", "broker": "unreachable"}


def test_every_answer_carries_the_policy(client: Client) -> None:
    policy = client.get("/healthz")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-inline" not in policy
