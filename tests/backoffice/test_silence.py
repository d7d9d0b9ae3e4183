"""A server whose host takes what is sent and never answers: a page goes on without it."""

import socket
from collections.abc import Iterator

import psycopg
import pytest
from celery import Celery
from django.db.utils import ConnectionHandler

from backoffice import environment
from backoffice.services import nudges


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where connections are made by the system and accepted by nobody; we wait two seconds."""
    monkeypatch.setitem(environment.DATABASE_SILENCE, "connect_timeout", "2")
    monkeypatch.setitem(environment.BROKER_SILENCE, "socket_timeout", 2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def test_a_database(silent: str) -> None:
    address = environment.database(f"postgresql://desk@{silent}/books")
    database = ConnectionHandler({"default": address})["default"]
    with pytest.raises(psycopg.OperationalError, match="timeout expired"):
        database.get_new_connection(database.get_connection_params())


def test_a_broker(
    silent: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Celery(broker=f"redis://{silent}/0") as app:
        app.conf.broker_transport_options = environment.broker_options(f"redis://{silent}/0")
        monkeypatch.setattr(nudges, "app", app)
        nudges.now(nudges.EXECUTE_PLAN, 1)
    assert "nudge lost; the sweeper will send it again" in caplog.text


def test_a_socket_on_this_machine_is_waited_for() -> None:
    """Its server is only busy."""
    assert environment.broker_options("unix:///run/valkey.sock") == {}
    behind = environment.database("postgresql://makewhole@/makewhole?host=/run/desk")
    assert behind["OPTIONS"] == {"application_name": "makewhole"}
