"""Two workers at one batch, traffic beside an execution, and a worker killed at every step."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from exchange.models import Batch, Journal
from exchange.services import batches, ledger, reconciliation, staging
from exchange.services.refusals import AlreadyPosted, BooksRefused, Busy, Stale
from tests.desk import WAIT_SECONDS_MAX
from tests.exchange.services import small_batches
from tests.exchange.services.killing import killed
from tests.exchange.services.small_batches import STEPS, draft, in_another_session, rollback, sealed
from tests.exchange.services.small_books import NOON, Books, holdings, open_small, snapshot

pytestmark = pytest.mark.usefixtures("own_database")

AFTER = [970, 1020, 1000, 1000, -4000, 0, 10]
BEFORE = [1000, 1000, 1000, 1000, -4000, 0, 0]


def in_threads(*jobs: Callable[[], object]) -> list[object]:
    """Run at once, each on its own connection; what each returned or raised, in order."""
    found: list[object] = [None] * len(jobs)
    barrier = threading.Barrier(len(jobs))

    def run(index: int, job: Callable[[], object]) -> None:
        try:
            barrier.wait(WAIT_SECONDS_MAX)
            found[index] = job()
        except Exception as error:
            found[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS_MAX)
    return found


def post(number: int) -> str:
    batch = Batch.objects.get(pk=number)
    with transaction.atomic():
        batches.post(batch, batches.sealed_digests(batch))
    return "posted"


def touch(books: Books, key: str, wallet: int) -> Journal:
    with transaction.atomic():
        return small_batches.touch(books, key, wallet)


def test_of_many_posters_exactly_one_wins() -> None:
    books = open_small()
    number = sealed(books).pk
    found = in_threads(*[lambda: post(number)] * 4)
    assert found.count("posted") == 1
    assert sum(isinstance(result, AlreadyPosted) for result in found) == 3
    assert holdings(books)[0] == AFTER
    assert Journal.objects.filter(batch=number).count() == 1


def test_two_batches_over_the_same_accounts_do_not_both_win() -> None:
    books = open_small()
    numbers = [sealed(books, key=key).pk for key in ("one", "two")]
    found = in_threads(*[lambda number=number: post(number) for number in numbers])
    assert found.count("posted") == 1
    assert sum(isinstance(result, Stale) for result in found) == 1
    assert holdings(books)[0] == AFTER


def test_everyday_postings_go_on_beside_an_execution() -> None:
    """The executing transaction is held open at its very end, with every lock it takes."""
    books = open_small()
    batch = sealed(books)
    with transaction.atomic():
        batches.post(batch, batches.sealed_digests(batch))
        (beside,) = in_threads(lambda: within_a_second(lambda: touch(books, "beside", wallet=3)))
        (waits,) = in_threads(lambda: within_a_second(lambda: touch(books, "waits", wallet=0)))
    assert isinstance(beside, Journal)
    assert isinstance(waits, OperationalError)
    assert "lock timeout" in str(waits)
    assert holdings(books)[0] == [970, 1020, 1000, 1001, -4000, -1, 10]
    assert touch(books, "later", wallet=0).key == "later"


def test_an_execution_does_not_wait_for_postings_elsewhere() -> None:
    books = open_small()
    number = sealed(books).pk
    with transaction.atomic():
        small_batches.touch(books, "open", wallet=3)
        assert in_threads(lambda: within_a_second(lambda: post(number))) == ["posted"]
    assert holdings(books)[0] == [970, 1020, 1000, 1001, -4000, -1, 10]


def test_postings_over_the_same_accounts_queue_and_never_deadlock() -> None:
    books = open_small(amount=10_000)

    def back_and_forth(worker: int) -> int:
        for turn in range(25):
            legs = [(wallet, books.btc, amount) for wallet, amount in zip(
                books.wallets if (worker + turn) % 2 else books.wallets[::-1], (1, -2, 2, -1),
                strict=True)]  # fmt: skip
            with transaction.atomic():
                ledger.post(
                    venue=books.venue, key=f"{worker}.{turn}", reason="trade", effective_at=NOON,
                    legs=legs,
                )  # fmt: skip
        return worker

    assert in_threads(*[lambda w=worker: back_and_forth(w) for worker in range(4)]) == [0, 1, 2, 3]
    assert reconciliation.reconcile(books.venue).ledger_ok
    assert sum(holdings(books)[0]) == 0


def test_one_key_posted_by_many_is_one_journal() -> None:
    books = open_small()
    found = in_threads(*[lambda: touch(books, "same", wallet=0).pk] * 4)
    assert len(set(found)) == 1
    assert holdings(books)[0] == [1001, 1000, 1000, 1000, -4000, -1, 0]


@pytest.mark.parametrize(
    "holds",
    [
        "LOCK TABLE ledger_stage_{batch} IN ACCESS SHARE MODE",
        "LOCK TABLE position_stage_{batch} IN ACCESS SHARE MODE",
        "LOCK TABLE ledger_entry IN SHARE UPDATE EXCLUSIVE MODE",
        "SELECT FROM balance WHERE ledger_account_id = {w1} FOR UPDATE",
    ],
    ids=["a backup of the legs", "and of the positions", "maintenance", "a forgotten posting"],
)
def test_an_execution_waits_for_nobody_without_end(
    monkeypatch: pytest.MonkeyPatch, holds: str
) -> None:
    monkeypatch.setattr(batches, "ATTACH_SECONDS_MAX", 0.1)
    monkeypatch.setattr(batches, "SETTLE_SECONDS_MAX", 0.1)
    books = open_small()
    number = sealed(books).pk
    before = snapshot()
    with in_another_session(holds.format(batch=number, **books.names())):
        with pytest.raises(Busy, match="nothing was posted: try again when it has ended"):
            post(number)
        assert snapshot() == before
    assert post(number) == "posted"
    assert holdings(books)[0] == AFTER


def test_a_discard_leaves_to_the_next_what_a_backup_reads() -> None:
    books = open_small()
    batch, other = sealed(books), draft(books, key="other")
    with in_another_session(f"LOCK TABLE ledger_stage_{batch.pk} IN ACCESS SHARE MODE"):
        within_a_second(lambda: batches.discard(batch))
        assert batch.state == Batch.State.DISCARDED
        assert len(stages()) == 6
    batches.discard(other)
    assert stages() == []


def stages() -> list[str]:
    """The tables of all batches."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r'"
            " AND relname ~ '^(ledger|position)_(stage|before)_' ORDER BY 1"
        )
        return [name for (name,) in cursor.fetchall()]


def test_a_reconciliation_beside_an_execution_is_of_one_moment() -> None:
    """An execution commits after the reconciliation's first look at the entries."""
    books = open_small()
    number = sealed(books).pk
    beside: list[object] = []

    def meanwhile(execute: Any, query: Any, *arguments: Any) -> object:
        found = execute(query, *arguments)
        if query == reconciliation.LEDGER:
            beside.extend(in_threads(lambda: post(number)))
        return found

    with connection.execute_wrapper(meanwhile):
        report = reconciliation.reconcile(books.venue)
    assert beside == ["posted"]
    assert (report.ledger_ok, report.positions_ok) == (True, True), report.details
    assert reconciliation.reconcile(books.venue).ledger_ok


def within_a_second(job: Callable[[], object]) -> object:
    """The job, refused by PostgreSQL when it would wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1s'")
    return job()


POST = """
from django.db import transaction
from exchange.models import Batch
from exchange.services import batches
batch = Batch.objects.get(key="plan")
with transaction.atomic():
    batches.post(batch, batches.sealed_digests(batch))
"""
SEAL = """
from exchange.models import Batch
from exchange.services import staging
staging.seal(Batch.objects.get(key="plan"))
"""


@pytest.mark.chaos
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_leaves_nothing_and_a_retry_posts_once(
    step: str, own_database: dict[str, Any]
) -> None:
    books = open_small()
    batch = sealed(books)
    before = snapshot()
    assert killed(POST, f"batch.{step}", own_database) == -9
    assert snapshot() == before
    assert holdings(books)[0] == BEFORE
    post(batch.pk)
    assert holdings(books)[0] == AFTER
    report = reconciliation.reconcile(books.venue)
    assert (report.ledger_ok, report.positions_ok) == (True, True)
    with pytest.raises(AlreadyPosted):
        post(batch.pk)
    assert holdings(books)[0] == AFTER


@pytest.mark.chaos
@pytest.mark.parametrize("step", ["seal.indexed", "seal.checked", "seal.sealed"])
def test_killed_while_sealing_leaves_the_draft(step: str, own_database: dict[str, Any]) -> None:
    books = open_small()
    batch = draft(books, rollback)
    before = snapshot()
    assert killed(SEAL, step, own_database) == -9
    assert snapshot() == before
    staging.seal(batch)
    post(batch.pk)
    assert holdings(books)[0] == AFTER


def test_a_refused_execution_leaves_every_connection_usable() -> None:
    books = open_small()
    batch = sealed(books)
    touch(books, "moved", wallet=0)
    with pytest.raises(BooksRefused):
        post(batch.pk)
    assert touch(books, "next", wallet=0).key == "next"
