"""What a sealed batch assumes: nothing in flight is missed, and what moved is named."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from exchange.domain.legs import cash_legs, position_legs
from exchange.models import Balance, Batch
from exchange.services import batches, ledger, preconditions, staging
from exchange.services.preconditions import BalanceMoved, PositionMoved
from exchange.services.refusals import Busy, Stale, TooLarge
from tests.exchange.services.small_batches import draft, post, rollback, sealed, touch
from tests.exchange.services.small_books import NOON, Books, open_small, snapshot


def trade(books: Books, key: str, who: tuple[int, int] = (0, 2)) -> None:
    a, b = (books.accounts[n] for n in who)
    ledger.post(
        venue=books.venue, key=key, reason="trade", effective_at=NOON,
        position_legs=[(a, books.contract.pk, 2, 7), (b, books.contract.pk, -2, -7)],
    )  # fmt: skip


def test_nothing_moved_is_none(books: Books) -> None:
    batch = sealed(books)
    touch(books, wallet=3)  # the batch does not touch it
    assert preconditions.moved(batch) is None


def test_the_first_balance_that_moved_is_named_with_what_moved_it_first(books: Books) -> None:
    batch = sealed(books)
    first = touch(books, "first", wallet=1)
    touch(books, "second", wallet=1)
    found = preconditions.moved(batch)
    assert found is not None
    assert (found.balances, found.positions) == (1, 0)
    assert found.first == BalanceMoved(
        "futures", "a1", "BTC", 8, 1000, 1002, first.recorded_at, "first"
    )


def test_there_and_back_is_named_too(books: Books) -> None:
    batch = sealed(books)
    journal = touch(books)
    ledger.reverse(journal=journal, key="back", reason="error", effective_at=NOON)
    found = preconditions.moved(batch)
    assert found is not None
    assert isinstance(found.first, BalanceMoved)
    assert (found.first.was, found.first.now, found.first.journal) == (1000, 1000, "touch")


def test_a_customers_wallet_is_named_before_the_houses(books: Books) -> None:
    legs = cash_legs([books.fees, books.wallets[2]], [books.btc] * 2, [-5, 5])
    batch = sealed(books, lambda _: (legs, position_legs()))
    touch(books, wallet=2)
    found = preconditions.moved(batch)
    assert found is not None
    assert found.balances == 2
    assert found.first.owner == "a2"


@pytest.mark.parametrize("known", [True, False])
def test_a_position_that_moved_is_named(books: Books, known: bool) -> None:
    if known:
        trade(books, "before")
    batch = sealed(books)
    trade(books, "after")
    found = preconditions.moved(batch)
    assert found is not None
    assert (found.balances, found.positions) == (0, 1)
    assert isinstance(found.first, PositionMoved)
    was = (2, 7) if known else (0, 0)
    assert (found.first.owner, found.first.contract) == ("a0", "BTC-NEAR")
    assert (found.first.was, found.first.now) == (was, (was[0] + 2, was[1] + 7))
    assert found.first.journal == "after"


def test_what_is_too_large_is_refused_before_it_is_copied(books: Books, settings: Settings) -> None:
    settings.BATCH_LEGS_MAX = 4
    batch = batches.open_batch(venue=books.venue, key="large", reason="r", effective_at=NOON)
    before = snapshot()
    with pytest.raises(TooLarge, match="it has 5 legs, and at most 4 are posted in one transac"):
        batches.stage(batch, *rollback(books))
    assert snapshot() == before
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ledger_stage_{batch.pk}")
        assert cursor.fetchone() == (0,)


def test_what_is_too_large_in_parts_is_refused_when_it_is_sealed(
    books: Books, settings: Settings
) -> None:
    settings.BATCH_LEGS_MAX = 4
    cash, moves = rollback(books)
    batch = batches.open_batch(venue=books.venue, key="parts", reason="r", effective_at=NOON)
    batches.stage(batch, cash)
    batches.stage(batch, None, moves)
    with pytest.raises(TooLarge, match="it has 5 legs"), transaction.atomic():
        batches.seal(batch)
    assert Batch.objects.get(pk=batch.pk).state == Batch.State.DRAFT
    settings.BATCH_LEGS_MAX = 5
    batches.seal(batch)
    assert post(batch).cash_legs == 3


def test_a_reversal_given_up_leaves_room_for_another(books: Books) -> None:
    batch = sealed(books)
    post(batch)
    batches.discard(batches.reverse(batch, key="undo", reason="undo", effective_at=NOON))
    post(batches.reverse(batch, key="again", reason="undo", effective_at=NOON))
    with pytest.raises(Exception, match="batch_reversed_once"), transaction.atomic():
        batches.reverse(batch, key="third", reason="undo", effective_at=NOON)


class InFlight:
    """A posting on a connection of its own that stays open until it is told to commit."""

    def __init__(self, books: Books, *, wallet: int) -> None:
        self.written, self.may_end = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._post, args=(books, wallet))
        self.thread.start()
        assert self.written.wait(10)

    def _post(self, books: Books, wallet: int) -> None:
        try:
            with transaction.atomic():
                touch(books, "in-flight", wallet=wallet)
                self.written.set()
                assert self.may_end.wait(10)
        finally:
            connection.close()

    def commit(self) -> None:
        self.may_end.set()
        self.thread.join(10)


def amount(place: int) -> int:
    return int(Balance.objects.values_list("amount", flat=True).get(pk=place))


@pytest.mark.usefixtures("own_database")
class TestInFlight:
    """A posting that was written and not committed when a batch is opened."""

    def test_opening_waits_for_it_so_that_what_is_read_has_seen_it(self) -> None:
        books = open_small()
        posting = InFlight(books, wallet=0)
        seen: list[int] = []

        def open_and_read() -> None:
            try:
                draft(books)
                seen.append(amount(books.wallets[0]))
            finally:
                connection.close()

        reader = threading.Thread(target=open_and_read)
        reader.start()
        reader.join(0.3)
        assert reader.is_alive(), "what would be read now is about to be wrong"
        posting.commit()
        reader.join(10)
        assert seen == [1001]
        batch = Batch.objects.get(key="plan")
        batches.seal(batch)
        post(batch)

    def test_one_that_begins_later_makes_the_seal_refuse(self) -> None:
        books = open_small()
        batch = draft(books)
        assert amount(books.wallets[0]) == 1000
        InFlight(books, wallet=0).commit()
        with pytest.raises(Stale, match="in-flight was posted since"):
            batches.seal(batch)

    def test_one_that_commits_after_the_seal_is_found_when_posting(self) -> None:
        books = open_small()
        batch = draft(books)
        posting = InFlight(books, wallet=0)
        batches.seal(batch)
        assert preconditions.moved(batch) is None
        posting.commit()
        found = preconditions.moved(batch)
        assert found is not None
        assert found.first.journal == "in-flight"
        with pytest.raises(Stale):
            post(batch)

    def test_one_that_stays_open_is_not_waited_for_forever(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        books = open_small()
        monkeypatch.setattr(staging, "SETTLE_SECONDS_MAX", 0.2)
        posting = InFlight(books, wallet=0)
        before = snapshot()
        with pytest.raises(Busy, match=r"open for more than 0\.2 seconds"):
            draft(books)
        assert snapshot() == before
        posting.commit()
        draft(books)

    def test_nobody_waits_for_the_one_who_asks(self) -> None:
        """Postings that begin after the opening go through while it waits."""
        books = open_small()
        posting = InFlight(books, wallet=0)
        opened = threading.Thread(target=_closing(lambda: draft(books)))
        opened.start()
        opened.join(0.1)
        with transaction.atomic():  # between two that the open posting does not touch
            ledger.post(
                venue=books.venue, key="meanwhile", reason="transfer", effective_at=NOON,
                legs=[(books.wallets[2], books.btc, 1), (books.wallets[3], books.btc, -1)],
            )  # fmt: skip
        posting.commit()
        opened.join(10)
        assert not opened.is_alive()


def _closing(job: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            job()
        finally:
            connection.close()

    return run
