"""Webhooks: signed, in order, tried again for a day, sent by a person again, retired for good."""

import json
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from backoffice.models import AuditEvent, Delivery, Endpoint, Event, Gate
from backoffice.services import delivering, feed, incidents, lifecycle, webhooks
from backoffice.services.refusals import NotAllowed, Refused, Stale
from tests.backoffice.listener import Listener, genuine, listening, status
from tests.backoffice.services.conftest import World, compute, execute, run_sql

GATES = ["gate.closed", "gate.lifted"]
ALL = Event.Kind.values


@pytest.fixture(autouse=True)
def listed(settings: Any) -> None:
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]


@pytest.fixture
def ear() -> Iterator[Listener]:
    with listening(status(200, "thanks")) as heard:
        yield heard


def endpoint(world: World, url: str, kinds: list[str] = GATES) -> tuple[Endpoint, str]:
    return webhooks.make(
        venue=world.venue, name="matching engine", url=url, kinds=kinds, by=world.person("chen")
    )


def gate(world: World, kind: str = "market") -> Gate:
    return incidents.close_gate(
        incident=world.incident, by=world.person("mira"), kind=kind, reason="off the index"
    )


def overdue(row: Endpoint) -> None:
    """The time to wait before the next attempt is over."""
    row.deliveries.filter(state="queued").update(due_at=timezone.now())


def states(row: Endpoint) -> list[str]:
    return list(row.deliveries.order_by("event").values_list("state", flat=True))


def test_an_event_is_sent_signed_and_says_what_happened(world: World, ear: Listener) -> None:
    row, secret = endpoint(world, ear.url)
    shut = gate(world)
    assert delivering.deliver(endpoint_id=row.pk) == 1
    (got,) = ear.got
    assert got.path == "/hooks?from=desk"
    assert genuine(secret, got.headers["makewhole-signature"], got.body, now=time.time())
    assert not genuine(secret, got.headers["makewhole-signature"], got.body, now=time.time() + 400)
    assert not genuine(secret, got.headers["makewhole-signature"], got.body + b" ", now=time.time())
    assert not genuine(secret + "x", got.headers["makewhole-signature"], got.body, now=time.time())
    event = Event.objects.get()
    assert json.loads(got.body) == event.payload == {
        "id": str(event.key),
        "type": "gate.closed",
        "number": 1,
        "time": event.at.isoformat(),
        "venue": "rehearsal",
        "incident": world.incident.slug,
        "cursor": event.payload["cursor"],
        "gate": {
            "kind": "market", "contract": None, "reason": "off the index",
            "expires_at": shut.expires_at.isoformat(), "lifted_at": None,
        },
    }  # fmt: skip
    assert got.headers["makewhole-event-id"] == str(event.key)
    assert got.headers["makewhole-event"] == "gate.closed"
    delivery = row.deliveries.get()
    assert (delivery.state, delivery.attempts, delivery.status) == ("delivered", 1, 200)
    assert delivery.answer == "thanks"
    assert delivering.deliver(endpoint_id=row.pk) == 0
    assert len(ear.got) == 1


def test_the_verifier_of_the_document_verifies(world: World, ear: Listener) -> None:
    """The lines a receiver copies are run as they are printed."""
    document = (Path(settings.BASE_DIR) / "docs/formats/feed.md").read_text()
    (lines,) = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    printed: dict[str, Any] = {}
    exec(lines, printed)  # noqa: S102 - our own document
    row, secret = endpoint(world, ear.url)
    webhooks.change_secret(endpoint=row, by=world.person("chen"))
    gate(world)
    delivering.deliver(endpoint_id=row.pk)
    header, body = ear.got[0].headers["makewhole-signature"], ear.got[0].body
    assert printed["genuine"](secret, header, body)
    assert not printed["genuine"](secret, header, body + b" ")
    assert not printed["genuine"](secret, header, body, tolerance=-1)
    for wrong in ("", "t=,v1=", "v1=aa", "t=x,v1=aa", f"t={int(time.time())},v1=aa", "a,b"):
        assert not printed["genuine"](secret, wrong, body)


def test_an_executed_plan_is_told_with_where_to_read(world: World, ear: Listener) -> None:
    row, _ = endpoint(world, ear.url, ALL)
    plan = execute(world, compute(world, [10, 20, 30]))
    assert delivering.deliver(endpoint_id=row.pk) == 2
    executed, reconciled = (json.loads(got.body) for got in ear.got)
    assert (executed["type"], reconciled["type"]) == ("plan.executed", "plan.reconciled")
    assert executed["plan"] == {"digest": plan.digest, "remedy": "goodwill"}
    assert executed["counts"] == {"accounts": 3, "cash_legs": 4, "position_legs": 0}
    assert reconciled["executed"] == executed["id"]
    assert feed.read(world.venue, executed["cursor"]).rows == []


def test_deliveries_commit_with_their_event_or_not_at_all(world: World, ear: Listener) -> None:
    row, _ = endpoint(world, ear.url)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        gate(world)
        assert row.deliveries.count() == 1
        raise ZeroDivisionError
    assert (Event.objects.count(), Delivery.objects.count()) == (0, 0)


def test_only_what_was_asked_for_is_sent(world: World, ear: Listener) -> None:
    row, _ = endpoint(world, ear.url, ["gate.lifted"])
    other, _ = webhooks.make(
        venue=world.venue, name="ledger", url=ear.url, kinds=ALL, by=world.person("chen")
    )
    incidents.lift_gate(gate=gate(world), by=world.person("mira"), reason="calm again")
    assert (row.deliveries.count(), other.deliveries.count()) == (1, 2)
    with pytest.raises(IntegrityError, match="webhook_delivery_once"):
        Delivery.objects.create(
            endpoint=row, event=row.deliveries.get().event, due_at=timezone.now(),
            give_up_at=timezone.now(),
        )  # fmt: skip


def test_a_failed_attempt_is_made_again_with_the_same_id(world: World) -> None:
    with listening(status(500, "not now"), status(200)) as ear:
        row, secret = endpoint(world, ear.url)
        gate(world)
        delivering.deliver(endpoint_id=row.pk)
        waiting = row.deliveries.get()
        assert (waiting.state, waiting.status, waiting.answer) == ("queued", 500, "not now")
        wait = waiting.due_at - waiting.tried_at
        assert wait >= delivering.wait_after(waiting.pk, 1)
        assert delivering.deliver(endpoint_id=row.pk) == 0, "it is not due yet"
        overdue(row)
        assert delivering.deliver(endpoint_id=row.pk) == 1
        assert states(row) == ["delivered"]
        first, second = ear.got
        assert first.body == second.body
        assert len(set(ear.ids())) == 1
        assert genuine(secret, second.headers["makewhole-signature"], second.body, now=time.time())
        assert [got.headers["makewhole-attempt"] for got in ear.got] == ["1", "2"]


def test_a_later_event_waits_for_an_earlier_one(world: World) -> None:
    with listening(status(503), status(200)) as ear:
        row, _ = endpoint(world, ear.url)
        shut = gate(world)
        incidents.lift_gate(gate=shut, by=world.person("mira"), reason="calm again")
        assert delivering.deliver(endpoint_id=row.pk) == 1
        assert states(row) == ["queued", "queued"]
        overdue(row)
        assert delivering.deliver(endpoint_id=row.pk) == 2
        assert [got.headers["makewhole-event"] for got in ear.got] == [
            "gate.closed", "gate.closed", "gate.lifted",
        ]  # fmt: skip


def test_after_a_day_it_is_given_up_and_the_next_one_goes(world: World) -> None:
    with listening(status(500, "never"), status(200)) as ear:
        row, _ = endpoint(world, ear.url)
        gate(world)
        gate(world, "withdrawals")
        first = row.deliveries.order_by("event")[0]
        Delivery.objects.filter(pk=first.pk).update(give_up_at=timezone.now())
        assert delivering.deliver(endpoint_id=row.pk) == 2
        assert states(row) == ["failed", "delivered"]
        assert AuditEvent.objects.filter(action="webhook.failed").count() == 1
        again = webhooks.send_again(delivery=first, by=world.person("mira"))
        assert again.state == "queued"
        assert delivering.deliver(endpoint_id=row.pk) == 1
        assert states(row) == ["delivered", "delivered"]
        assert ear.ids()[2] == ear.ids()[0]


def test_the_last_attempt_is_when_the_day_is_over(world: World) -> None:
    with listening(status(500)) as ear:
        row, _ = endpoint(world, ear.url)
        gate(world)
        soon = timezone.now() + timedelta(minutes=10)
        row.deliveries.update(give_up_at=soon, attempts=20)  # the next wait is half an hour or more
        delivering.deliver(endpoint_id=row.pk)
        assert row.deliveries.get().due_at == soon


def test_waits_double_to_an_hour_and_follow_from_the_row() -> None:
    waits = [delivering.wait_after(7, attempt).total_seconds() for attempt in range(1, 60)]
    assert waits == [delivering.wait_after(7, attempt).total_seconds() for attempt in range(1, 60)]
    for attempt, wait in enumerate(waits):
        whole = min(5 * 2**attempt, 3600)
        assert whole / 2 <= wait <= whole
    assert len({delivering.wait_after(pk, 3) for pk in range(50)}) > 40
    assert sum(waits[:12]) < 86_400 < sum(waits), "a day of trying is tens of attempts"


def test_a_redirect_is_not_followed(world: World) -> None:
    with listening(status(200)) as inside, listening(status(302, Location=inside.url)) as ear:
        row, _ = endpoint(world, ear.url)
        gate(world)
        delivering.deliver(endpoint_id=row.pk)
        assert row.deliveries.get().status == 302
        assert (states(row), inside.got) == (["queued"], [])


def test_nobody_there_is_written_down(world: World) -> None:
    with listening(status(200)) as ear:
        url = ear.url
    row, _ = endpoint(world, url)
    gate(world)
    delivering.deliver(endpoint_id=row.pk)
    delivery = row.deliveries.get()
    assert (delivery.state, delivery.status) == ("queued", None)
    assert delivery.answer.startswith("ConnectionRefusedError")


def test_two_secrets_sign_while_one_is_changed(world: World, ear: Listener) -> None:
    row, old = endpoint(world, ear.url)
    new = webhooks.change_secret(endpoint=row, by=world.person("fay"))
    assert old != new
    gate(world)
    delivering.deliver(endpoint_id=row.pk)
    (got,) = ear.got
    header = got.headers["makewhole-signature"]
    assert header.count("v1=") == 2
    for secret in (old, new):
        assert genuine(secret, header, got.body, now=time.time())
    Endpoint.objects.filter(pk=row.pk).update(previous_until=timezone.now())
    gate(world, "withdrawals")
    delivering.deliver(endpoint_id=row.pk)
    header, body = ear.got[1].headers["makewhole-signature"], ear.got[1].body
    assert genuine(new, header, body, now=time.time())
    assert not genuine(old, header, body, now=time.time())


def test_no_secret_is_in_the_database(world: World, ear: Listener) -> None:
    row, secret = endpoint(world, ear.url)
    row.refresh_from_db()
    kept = " ".join(str(value) for value in Endpoint.objects.values_list()[0])
    assert secret.removeprefix("whsec_") not in kept
    assert webhooks.secret_of(row.seed) == secret


def test_a_retired_endpoint_is_left_alone(world: World, ear: Listener) -> None:
    row, _ = endpoint(world, ear.url)
    gate(world)
    webhooks.retire(endpoint=row, by=world.person("fay"))
    gate(world, "withdrawals")
    assert states(row) == ["failed"]
    assert delivering.deliver(endpoint_id=row.pk) == 0
    assert delivering.sweep() == 0
    assert ear.got == []
    for verb in (webhooks.retire, webhooks.change_secret):
        with pytest.raises(Stale, match="retired"):
            verb(endpoint=row, by=world.person("fay"))
    with pytest.raises(Stale, match="retired"):
        webhooks.send_again(delivery=row.deliveries.get(), by=world.person("fay"))
    with pytest.raises(IntegrityError, match="until it is retired"):
        run_sql("UPDATE webhook_endpoint SET retired_at = NULL, retired_by_id = NULL")


def test_a_slow_receiver_does_not_keep_a_worker(
    world: World, ear: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "TASK_SECONDS", 0)
    row, _ = endpoint(world, ear.url)
    gate(world)
    gate(world, "withdrawals")
    assert delivering.deliver(endpoint_id=row.pk) == 1
    assert states(row) == ["delivered", "queued"]
    assert delivering.deliver(endpoint_id=row.pk) == 1
    assert states(row) == ["delivered", "delivered"]


def test_the_sweep_finds_what_is_due(world: World, ear: Listener) -> None:
    row, _ = endpoint(world, ear.url)
    assert delivering.sweep() == 0
    gate(world)
    assert delivering.sweep() == 1
    row.deliveries.update(due_at=timezone.now() + timedelta(minutes=1))
    assert delivering.sweep() == 0


def test_who_may_do_what(world: World, ear: Listener) -> None:
    for handle in ("mira", "sana"):
        with pytest.raises(NotAllowed):
            webhooks.make(
                venue=world.venue, name="x", url=ear.url, kinds=GATES, by=world.person(handle)
            )
    for url in ("http://engine.example/", "https://10.0.0.8/"):
        with pytest.raises(Refused, match=r"Without TLS|not a public address"):
            endpoint(world, url)
    row, _ = endpoint(world, ear.url)
    with pytest.raises(Stale, match="in use"):
        endpoint(world, ear.url)
    for kinds in ([], ["plan.imagined"]):
        with pytest.raises(Refused, match="Choose which events"):
            endpoint(world, ear.url, kinds)
    gate(world)
    with pytest.raises(NotAllowed):
        webhooks.send_again(delivery=row.deliveries.get(), by=world.person("sana"))
    assert AuditEvent.objects.filter(action="webhook.made").count() == 1


def test_the_table_of_steps_is_the_databases(world: World) -> None:
    with connection.cursor() as cursor:
        for was in Delivery.State.values:
            for becomes in Delivery.State.values:
                cursor.execute("SELECT webhook_delivery_step_is_legal(%s, %s)", [was, becomes])
                legal = was in lifecycle.DELIVERY[becomes] and was != becomes
                assert cursor.fetchone()[0] == legal, (was, becomes)
