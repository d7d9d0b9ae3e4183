"""Batches posted whole or not at all: only as they were sealed, once, on books that stood still."""

import pytest
from django.db import transaction

from exchange.models import Batch, Journal, LedgerEntry, PositionEntry
from exchange.services import batches, ledger, reconciliation
from exchange.services.refusals import AlreadyPosted, DigestMismatch, Stale, WrongState
from tests.exchange.services.small_batches import STEPS, draft, post, sealed, touch
from tests.exchange.services.small_books import NOON, Books, holdings, snapshot


def test_a_posted_batch_is_in_the_ledger_with_one_journal(books: Books) -> None:
    batch = sealed(books)
    posting = post(batch)
    assert holdings(books) == (
        [970, 1020, 1000, 1000, -4000, 0, 10],
        [(books.accounts[0], books.contract.pk, -5, -60),
         (books.accounts[1], books.contract.pk, 5, 50)],
    )  # fmt: skip
    journal = Journal.objects.get(batch=batch)
    assert (journal.key, journal.legs, journal.position_legs) == ("batch:plan", 3, 2)
    entries = LedgerEntry.objects.filter(batch=batch).order_by("seq")
    assert list(entries.values_list("seq", "journal_id", "amount")) == [
        (1, journal.pk, -30), (2, journal.pk, 20), (3, journal.pk, 10),
    ]  # fmt: skip
    assert PositionEntry.objects.filter(batch=batch).count() == 2
    assert (posting.balances, posting.positions) == (3, 2)
    assert batch.state == Batch.State.POSTED
    assert batch.posted_at is not None
    report = reconciliation.reconcile(books.venue)
    assert (report.ledger_ok, report.positions_ok) == (True, True)


def test_the_steps_are_named(books: Books) -> None:
    assert list(post(sealed(books)).seconds) == STEPS


def test_the_dry_run_takes_the_same_path_and_leaves_nothing(books: Books) -> None:
    batch = sealed(books)
    before = snapshot()
    posting = batches.check(batch)
    assert (posting.cash_legs, posting.balances, posting.positions) == (3, 3, 2)
    assert list(posting.seconds)[-1] == "conserved"
    assert snapshot() == before
    assert post(batch).balances == 3


def test_the_dry_run_refuses_what_posting_would(books: Books) -> None:
    batch = sealed(books)
    touch(books)
    with pytest.raises(Stale):
        batches.check(batch)
    with pytest.raises(WrongState, match="draft, not sealed"):
        batches.check(draft(books, key="other"))


@pytest.mark.parametrize("wallet", [0, 1])
def test_a_moved_balance_makes_it_stale(books: Books, wallet: int) -> None:
    batch = sealed(books)
    touch(books, wallet=wallet)
    before = snapshot()
    with pytest.raises(Stale, match=f"1 balances moved.*{books.wallets[wallet]}"):
        post(batch)
    assert snapshot() == before


def test_there_and_back_is_a_move_too(books: Books) -> None:
    batch = sealed(books)
    ledger.reverse(journal=touch(books), key="back", reason="error", effective_at=NOON)
    with pytest.raises(Stale, match="1 balances moved"):
        post(batch)


@pytest.mark.parametrize("known", [True, False])
def test_a_moved_position_makes_it_stale(books: Books, known: bool) -> None:
    """Also one that did not exist when the batch was sealed."""

    def trade(key: str) -> None:
        a, b = books.accounts[0], books.accounts[2]
        ledger.post(
            venue=books.venue, key=key, reason="trade", effective_at=NOON,
            position_legs=[(a, books.contract.pk, 1, 1), (b, books.contract.pk, -1, -1)],
        )  # fmt: skip

    if known:
        trade("before")
    batch = sealed(books)
    trade("after")
    before = snapshot()
    with pytest.raises(Stale, match="1 positions moved|0 balances and 1 positions"):
        post(batch)
    assert snapshot() == before


def test_what_the_batch_does_not_touch_may_move(books: Books) -> None:
    batch = sealed(books)
    touch(books, wallet=3)
    assert post(batch).balances == 3


def test_a_second_posting_is_refused(books: Books) -> None:
    batch = sealed(books)
    post(batch)
    before = snapshot()
    with pytest.raises(AlreadyPosted):
        post(batch)
    assert snapshot() == before


def test_only_a_sealed_batch_is_posted(books: Books) -> None:
    batch = draft(books)
    with pytest.raises(WrongState, match="is draft, not sealed"):
        post(batch)
    batches.discard(batch)
    with pytest.raises(WrongState, match="is discarded, not sealed"):
        post(batch)


@pytest.mark.parametrize("part", batches.Digests._fields)
def test_another_digest_than_was_approved_is_refused(books: Books, part: str) -> None:
    batch = sealed(books)
    approved = batches.sealed_digests(batch)._replace(**{part: "0" * 64})
    before = snapshot()
    with pytest.raises(DigestMismatch), transaction.atomic():
        batches.post(batch, approved)
    assert snapshot() == before
