"""Batches: sealed under digests an auditor can recompute, posted whole or not at all, undone."""

from collections.abc import Callable

import pytest
from django.db import connection, transaction
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from exchange.domain import legs
from exchange.domain.legs import CashLegs, PositionLegs, cash_legs, position_legs
from exchange.models import Batch, Journal, LedgerEntry, PositionEntry
from exchange.services import batches, ledger, reconciliation, stage_tables
from exchange.services.refusals import (
    AlreadyPosted,
    DigestMismatch,
    KeyReused,
    NotAReversal,
    Stale,
    Unbalanced,
    WrongState,
)
from tests.exchange.services.conftest import lift_the_lock
from tests.exchange.services.small_books import (
    NOON,
    Books,
    holdings,
    open_small,
    receivable,
    snapshot,
)

Legs = Callable[[Books], tuple[CashLegs, PositionLegs]]


def rollback(books: Books) -> tuple[CashLegs, PositionLegs]:
    """Take 30 from the first, give 20 to the second; clearing and two positions agree."""
    a, b = books.accounts[:2]
    cash = cash_legs(
        [books.wallets[0], books.wallets[1], books.clearing], [books.btc] * 3, [-30, 20, 10]
    )
    return cash, position_legs([a, b], [books.contract.pk] * 2, [-5, 5], [-60, 50])


def draft(books: Books, legs_of: Legs = rollback, key: str = "plan") -> Batch:
    batch = batches.open_batch(venue=books.venue, key=key, reason="rollback", effective_at=NOON)
    batches.stage(batch, *legs_of(books))
    return batch


def sealed(books: Books, legs_of: Legs = rollback, key: str = "plan") -> Batch:
    batch = draft(books, legs_of, key)
    batches.seal(batch)
    return batch


def post(batch: Batch) -> batches.Posting:
    with transaction.atomic():
        posting = batches.post(batch, batches.sealed_digests(batch))
    connection.check_constraints()
    batch.refresh_from_db()
    return posting


def touch(books: Books, key: str = "touch", wallet: int = 0) -> Journal:
    legs = [(books.wallets[wallet], books.btc, 1), (books.fees, books.btc, -1)]
    return ledger.post(
        venue=books.venue, key=key, reason="fee", effective_at=NOON, legs=legs
    )  # fmt: skip


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
    assert list(post(sealed(books)).seconds) == [
        "claimed", "digested", "journal", "cash_attached", "positions_attached", "summed",
        "balances_locked", "positions_locked", "balances_moved", "positions_moved", "verified",
        "conserved",
    ]  # fmt: skip


def only_cash(books: Books) -> tuple[CashLegs, PositionLegs]:
    return cash_legs([books.wallets[0], books.fees], [books.btc] * 2, [-7, 7]), position_legs()


def only_positions(books: Books) -> tuple[CashLegs, PositionLegs]:
    pair = [books.contract.pk] * 2
    return cash_legs(), position_legs(books.accounts[:2], pair, [3, -3], [9, -9])


@pytest.mark.parametrize("legs_of", [only_cash, only_positions])
def test_a_batch_of_one_kind_of_leg(books: Books, legs_of: Legs) -> None:
    batch = sealed(books, legs_of)
    before = holdings(books)
    post(batch)
    assert holdings(books) != before
    post(batches.reverse(batch, key="undo", reason="undo", effective_at=NOON))
    assert holdings(books) == before


def test_execute_then_reverse_is_the_start(books: Books) -> None:
    before = holdings(books)
    batch = sealed(books)
    post(batch)
    undo = batches.reverse(batch, key="undo", reason="undo", effective_at=NOON)
    post(undo)
    assert holdings(books) == before
    assert undo.reverses_id == batch.pk
    assert Journal.objects.get(batch=undo).reverses == Journal.objects.get(batch=batch)


def test_a_batch_is_reversed_once(books: Books) -> None:
    batch = sealed(books)
    post(batch)
    batches.reverse(batch, key="undo", reason="undo", effective_at=NOON)
    before = snapshot()
    with pytest.raises(Exception, match="reverses_id"), transaction.atomic():
        batches.reverse(batch, key="again", reason="undo", effective_at=NOON)
    assert snapshot() == before


@pytest.mark.parametrize("step", [draft, sealed])
def test_only_a_posted_batch_is_reversed(books: Books, step: Callable[[Books], Batch]) -> None:
    batch = step(books)
    before = snapshot()
    with pytest.raises(WrongState, match="only a posted one"):
        batches.reverse(batch, key="undo", reason="undo", effective_at=NOON)
    assert snapshot() == before


def test_a_reversal_that_does_not_cancel_is_refused(books: Books) -> None:
    batch = sealed(books)
    post(batch)
    undo = batches.open_batch(
        venue=books.venue, key="undo", reason="undo", effective_at=NOON, reverses=batch
    )
    batches.stage(undo, cash_legs([books.wallets[0], books.fees], [books.btc] * 2, [30, -30]))
    before = snapshot()
    with pytest.raises(NotAReversal, match="5 differences"), transaction.atomic():
        batches.seal(undo)
    assert snapshot() == before


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


def test_a_journal_between_opening_and_sealing_makes_it_stale(books: Books) -> None:
    batch = draft(books)
    touch(books, "elsewhere", wallet=3)
    touch(books, "here", wallet=1)
    before = snapshot()
    with pytest.raises(Stale, match="here was posted since"), transaction.atomic():
        batches.seal(batch)
    assert snapshot() == before


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


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE {cash} SET amount = amount * 2",
        "UPDATE {cash} SET ledger_account_id = %s WHERE seq = 1",
        "INSERT INTO {cash} (seq, ledger_account_id, asset_id, amount)"
        " SELECT seq + 3, ledger_account_id, asset_id, amount FROM {cash}",
        "DELETE FROM {positions}",
        "UPDATE {positions} SET cost = cost + 1 - 2 * (seq - 1)",
        "UPDATE {cash_before} SET version = version + 1",
        "UPDATE {positions_before} SET quantity_delta = 0",
    ],
)
def test_rows_changed_behind_the_seal_are_found(books: Books, change: str) -> None:
    """By the owner of the schema, who can switch the freeze off."""
    batch = sealed(books)
    table = change.split("{")[1].split("}")[0]
    stage_tables.run(batch, f"ALTER TABLE {{{table}}} DISABLE TRIGGER stage_frozen")
    stage_tables.run(batch, change, [books.wallets[3]] if "%s" in change else None)
    before = snapshot()
    with pytest.raises(DigestMismatch):
        post(batch)
    assert snapshot() == before


def test_postgresql_and_python_agree_on_every_digest(books: Books) -> None:
    batch = sealed(books)
    cash, moves = rollback(books)
    header = [batch.pk, stage_tables.journal_of(batch) or 0]
    assert batch.cash_digest == legs.digest(legs.CASH_LABEL, header, cash)
    assert batch.position_digest == legs.digest(legs.POSITION_LABEL, header, moves)


@pytest.mark.parametrize("count", [1, 65_535, 65_536, 65_537, 131_072])
def test_the_digests_agree_around_the_edges_of_a_chunk(books: Books, count: int) -> None:
    amounts = [(-1) ** n * (n + 2**40) for n in range(count)]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE edge (seq bigint, amount bigint, asset smallint)")
        cursor.execute(
            "INSERT INTO edge SELECT n, a, n %% 3 FROM unnest(%s::bigint[]) WITH ORDINALITY"
            " AS u (a, n)",
            [amounts],
        )
        cursor.execute(
            "SELECT books_digest('edge/1', 'edge', '{amount,asset}', '{7,-1}', %s)", [count]
        )
        (found,) = cursor.fetchone()
        cursor.execute("DROP TABLE edge")
    columns = cash_legs(amounts, [n % 3 for n in range(1, count + 1)], amounts)
    assert found == legs.digest("edge/1", [7, -1], [columns.amount, columns.asset])


def test_nothing_is_staged_behind_the_seal(books: Books) -> None:
    batch = sealed(books)
    before = snapshot()
    with pytest.raises(WrongState, match="is sealed, not a draft"):
        batches.stage(batch, *rollback(books))
    with pytest.raises(WrongState, match="is sealed, not a draft"):
        batches.seal(batch)
    assert snapshot() == before


def test_legs_may_be_staged_in_parts(books: Books) -> None:
    cash, moves = rollback(books)
    batch = batches.open_batch(venue=books.venue, key="parts", reason="r", effective_at=NOON)
    assert batches.stage(batch, cash_legs(cash[0][:2], cash[1][:2], cash[2][:2])) == 2
    assert batches.stage(batch, cash_legs(cash[0][2:], cash[1][2:], cash[2][2:]), moves) == 3
    batches.seal(batch)
    assert (batch.cash_legs, batch.position_legs) == (3, 2)


def test_a_key_is_used_once(books: Books) -> None:
    draft(books)
    with pytest.raises(KeyReused, match="a batch plan exists"):
        draft(books)


def test_a_discarded_batch_leaves_no_tables(books: Books) -> None:
    batch = sealed(books)
    batches.discard(batch)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relname LIKE %s", [f"%\\_{batch.pk}"])
        assert cursor.fetchone() == (0,)
    with pytest.raises(WrongState, match="nothing to discard"):
        batches.discard(batch)


def test_a_posted_batch_is_not_discarded(books: Books) -> None:
    batch = sealed(books)
    post(batch)
    before = snapshot()
    with pytest.raises(WrongState, match="nothing to discard"):
        batches.discard(batch)
    assert snapshot() == before


@pytest.mark.parametrize(
    ("message", "legs_of"),
    [
        ("at least one leg", lambda b: (cash_legs(), position_legs())),
        ("off by -1", lambda b: (cash_legs(b.wallets[:2], [b.btc] * 2, [5, -6]), None)),
        ("off by 4", lambda b: (None, position_legs(b.accounts[:2], [b.contract.pk] * 2, [5, -1],
                                                    [0, 0]))),
        ("holds asset", lambda b: (cash_legs(b.wallets[:2], [b.eth] * 2, [5, -5]), None)),
        ("does not exist", lambda b: (cash_legs([77_777, b.fees], [b.btc] * 2, [5, -5]), None)),
        ("not both of this venue", lambda b: (None, position_legs(b.accounts[:2], [4242] * 2,
                                                                  [5, -5], [1, -1]))),
        ("below zero", lambda b: (cash_legs([b.wallets[0], b.fees], [b.btc] * 2, [-1001, 1001]),
                                  None)),
        ("receivable of a0 holds 0.00000000 BTC and would change by 0.00000005",
         lambda b: (cash_legs([receivable(b), b.fees], [b.btc] * 2, [5, -5]), None)),
        ("end flat", lambda b: (cash_legs([b.clearing, b.fees], [b.btc] * 2, [-5, 5]),
                                position_legs([b.accounts[0]], [b.contract.pk], [0], [5]))),
        ("clearing legs", lambda b: (cash_legs([b.clearing, b.fees], [b.btc] * 2, [5, -5]), None)),
        ("clearing legs", lambda b: (None, position_legs(b.accounts[:2], [b.contract.pk] * 2,
                                                         [5, -5], [7, -6]))),
    ],
)  # fmt: skip
def test_what_cannot_be_posted_cannot_be_sealed(books: Books, message: str, legs_of: Legs) -> None:
    batch = draft(books, legs_of)
    before = snapshot()
    with pytest.raises(Unbalanced, match=message), transaction.atomic():
        batches.seal(batch)
    assert snapshot() == before


def test_a_zero_leg_cannot_even_be_staged(books: Books) -> None:
    batch = batches.open_batch(venue=books.venue, key="z", reason="r", effective_at=NOON)
    with pytest.raises(Exception, match="amount_not_zero"), transaction.atomic():
        batches.stage(batch, cash_legs(books.wallets[:1], [books.btc], [0]))


def test_a_batch_of_another_venue_is_refused(books: Books) -> None:
    other = open_small(code="other")
    batch = draft(
        books, lambda b: (cash_legs([b.wallets[0], other.fees], [b.btc] * 2, [-5, 5]), None)
    )
    with pytest.raises(Unbalanced, match="another venue"), transaction.atomic():
        batches.seal(batch)


AMOUNT = st.integers(-(10**14), 10**14).filter(bool)


class Rounds(TestCase):
    """Any batch: the digests agree, the books close, and its undo restores them."""

    @given(
        st.lists(st.tuples(st.integers(0, 3), AMOUNT), min_size=1, max_size=12),
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 9), AMOUNT), max_size=6
        ),
    )
    @settings(max_examples=20, deadline=None)
    def test_any_batch(
        self, cash: list[tuple[int, int]], trades: list[tuple[int, int, int, int]]
    ) -> None:
        lift_the_lock()
        books = open_small(code="any", amount=10**16)
        before = holdings(books)
        legs_of = _legs(books, cash, trades)
        assume(not _ends_flat_with_a_cost(legs_of[1]))
        batch = sealed(books, lambda _: legs_of)
        header = [batch.pk, stage_tables.journal_of(batch) or 0]
        assert batch.cash_digest == legs.digest(legs.CASH_LABEL, header, legs_of[0])
        post(batch)
        report = reconciliation.reconcile(books.venue)
        assert (report.ledger_ok, report.positions_ok) == (True, True), report.details
        post(batches.reverse(batch, key="undo", reason="undo", effective_at=NOON))
        assert holdings(books) == before


def _legs(
    books: Books, cash: list[tuple[int, int]], trades: list[tuple[int, int, int, int]]
) -> tuple[CashLegs, PositionLegs]:
    """Payments against fees, and trades whose cost clearing settles with the house."""
    rows = [(books.wallets[who], amount) for who, amount in cash]
    moves = []
    for buyer, seller, quantity, cost in trades:
        moves.append((books.accounts[buyer], quantity, cost))
        moves.append((books.accounts[seller], -quantity, -cost))
    rows += [(books.fees, -amount) for _, amount in rows]
    return (
        cash_legs([row[0] for row in rows], [books.btc] * len(rows), [row[1] for row in rows]),
        position_legs(
            [move[0] for move in moves], [books.contract.pk] * len(moves),
            [move[1] for move in moves], [move[2] for move in moves],
        ),
    )  # fmt: skip


def _ends_flat_with_a_cost(moves: PositionLegs) -> bool:
    """What the seal refuses: two trades may cancel in contracts and not in cost."""
    return any(
        moves.quantity[moves.account == account].sum() == 0
        and moves.cost[moves.account == account].sum() != 0
        for account in set(moves.account.tolist())
    )
