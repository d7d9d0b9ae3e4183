"""The audit chain: what it holds, and what the database refuses to do to it."""

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from backoffice.models import AuditEvent, AuditHead
from backoffice.services import audit, canonical
from tests.backoffice.services.conftest import run_sql, without_triggers

COLUMNS = "audit_event (number, at, actor_id, action, subject, data, previous, hash)"
pytestmark = pytest.mark.django_db

AWKWARD = {
    "quote": 'say "so"\\', "newline": "a\nb\tc\x01\x7f", 
    "中文": "三月三十日", "b": [1, -2, None, True],
    "aa": {"z": "", "y": 10**25, "é": "ß"},
}  # fmt: skip


def record(action: str = "thing.done", **data: object) -> AuditEvent:
    with transaction.atomic():
        return audit.record(by=None, action=action, subject="thing:1", data=data)


def test_events_are_numbered_and_linked() -> None:
    first, second = record(), record()
    assert (first.number, first.previous) == (1, "0" * 64)
    assert (second.number, second.previous) == (2, first.hash)
    head = AuditHead.objects.get()
    assert (head.number, head.hash) == (2, second.hash)
    assert audit.verify() == audit.Report(2, ok=True, broken=None, reason="")


def test_the_canonical_text_is_postgresqls_own() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::jsonb::text", [canonical.text(AWKWARD)])
        assert cursor.fetchone()[0] == canonical.text(AWKWARD)
    record(**AWKWARD)  # the trigger recomputes its hash
    assert audit.verify().ok


@pytest.mark.parametrize("value", [0.1, {"a": 1.5}, {1: "a"}, {"a": object()}])
def test_a_float_has_no_canonical_form(value: object) -> None:
    with pytest.raises(TypeError):
        canonical.digest(value)


def test_an_event_outside_a_transaction_is_refused() -> None:
    # The test itself runs in one, so the guard is asked directly.
    connection.in_atomic_block = False
    try:
        with pytest.raises(AssertionError):
            audit.record(by=None, action="a", subject="b")
    finally:
        connection.in_atomic_block = True
    assert AuditEvent.objects.count() == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET action = 'other' WHERE number = 1",
        "DELETE FROM audit_event WHERE number = 2",
        "TRUNCATE audit_event",
        "UPDATE audit_head SET number = 1",
        "UPDATE audit_head SET number = number + 1, hash = repeat('f', 64)",
        "DELETE FROM audit_head",
        "TRUNCATE audit_head",
        "INSERT INTO audit_head VALUES (2, 0, repeat('0', 64))",
        # a gap, a fork, and a hash of something else
        f"INSERT INTO {COLUMNS} SELECT number + 2, at, actor_id, action, subject, data, hash,"
        " repeat('e', 64) FROM audit_event WHERE number = 2",
        f"INSERT INTO {COLUMNS} SELECT number + 1, at, actor_id, action, subject, data, previous,"
        " repeat('e', 64) FROM audit_event WHERE number = 2",
        f"INSERT INTO {COLUMNS} SELECT number + 1, at, actor_id, action, subject, data, hash,"
        " repeat('e', 64) FROM audit_event WHERE number = 2",
    ],
)
def test_sql_cannot_rewrite_the_chain(statement: str) -> None:
    record(note="first")
    record(note="second")
    before = list(AuditEvent.objects.order_by("number").values())
    with pytest.raises(IntegrityError):
        run_sql(statement)
    assert list(AuditEvent.objects.order_by("number").values()) == before
    assert audit.verify().ok


def test_sql_can_write_a_true_event() -> None:
    """Whoever follows the chain may write: the trigger judges content, not the writer."""
    record()
    run_sql(
        f"INSERT INTO {COLUMNS} SELECT 2, t.at, NULL, 'by.hand', 'x:1', 'null', h.hash,"
        " audit_hash(2, t.at, NULL, 'by.hand', 'x:1', 'null', h.hash)"
        " FROM audit_head h, (SELECT now() AS at) t"
    )
    assert audit.verify() == audit.Report(2, ok=True, broken=None, reason="")


@pytest.mark.parametrize(
    ("damage", "broken", "reason"),
    [
        ("UPDATE audit_event SET subject = 'other' WHERE number = 2", 2, "the content changed"),
        ("DELETE FROM audit_event WHERE number = 2", 2, "a number is missing"),
        ("DELETE FROM audit_event WHERE number = 3", 3, "events are missing at the end"),
        ("UPDATE audit_event SET previous = repeat('d', 64) WHERE number = 3", 3,
         "the link is broken"),
    ],
)  # fmt: skip
def test_the_verifier_finds_what_the_owner_of_the_tables_did(
    damage: str, broken: int, reason: str
) -> None:
    for _ in range(3):
        record()
    without_triggers("audit_event", damage)
    report = audit.verify()
    assert (report.ok, report.broken, report.reason) == (False, broken, reason)


def test_the_command_names_the_broken_event(capsys: pytest.CaptureFixture[str]) -> None:
    record()
    record()
    call_command("audit")
    assert capsys.readouterr().out == "2 events, every link holds\n"
    without_triggers("audit_event", "UPDATE audit_event SET action = 'other' WHERE number = 1")
    with pytest.raises(CommandError, match="broken at event 1: the content changed"):
        call_command("audit")
