"""Batches sealed under digests an auditor can recompute, or not at all."""

import pytest
from django.db import connection, transaction

from exchange.domain import legs
from exchange.domain.legs import cash_legs, position_legs
from exchange.services import batches, stage_tables
from exchange.services.refusals import DigestMismatch, KeyReused, Stale, Unbalanced, WrongState
from tests.exchange.services.small_batches import Legs, draft, post, rollback, sealed, touch
from tests.exchange.services.small_books import NOON, Books, open_small, receivable, snapshot


def test_a_journal_between_opening_and_sealing_makes_it_stale(books: Books) -> None:
    batch = draft(books)
    touch(books, "elsewhere", wallet=3)
    touch(books, "here", wallet=1)
    before = snapshot()
    with pytest.raises(Stale, match="here was posted since"), transaction.atomic():
        batches.seal(batch)
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
