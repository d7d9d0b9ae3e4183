"""Everyday postings: exact amounts, one journal a key, reversal, and what is refused."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from exchange.models import Balance, Journal, LedgerAccount, Position
from exchange.services import ledger
from exchange.services.refusals import KeyReused, NotAReversal, Unbalanced
from tests.exchange.services.small_books import (
    NOON,
    Books,
    holdings,
    open_small,
    receivable,
    snapshot,
)


def pay(books: Books, key: str, amount: int, *, to: int = 1) -> Journal:
    return ledger.post(
        venue=books.venue,
        key=key,
        reason="transfer",
        effective_at=NOON,
        legs=[(books.wallets[0], books.btc, -amount), (books.wallets[to], books.btc, amount)],
    )


def amount_of(ledger_account: int) -> int:
    return Balance.objects.get(pk=ledger_account).amount


def test_a_posting_moves_its_balances_and_no_other(books: Books) -> None:
    journal = pay(books, "k", 300)
    assert [amount_of(wallet) for wallet in books.wallets] == [700, 1300, 1000, 1000]
    assert amount_of(books.custody) == -4000
    assert (journal.legs, journal.position_legs, journal.batch_id) == (2, 0, 0)


def test_the_same_key_and_content_is_the_same_journal(books: Books) -> None:
    first = pay(books, "k", 300)
    before = snapshot()
    assert pay(books, "k", 300).pk == first.pk
    assert snapshot() == before


@pytest.mark.parametrize(("amount", "to"), [(301, 1), (300, 2)])
def test_the_same_key_and_other_content_is_refused(books: Books, amount: int, to: int) -> None:
    pay(books, "k", 300)
    before = snapshot()
    with pytest.raises(KeyReused, match="k was posted before"):
        pay(books, "k", amount, to=to)
    assert snapshot() == before


def test_positions_move_with_the_journal(books: Books) -> None:
    a, b = books.accounts[:2]
    for number in range(2):
        ledger.post(
            venue=books.venue,
            key=f"trade-{number}",
            reason="trade",
            effective_at=NOON,
            position_legs=[(a, books.contract.pk, 5, 50), (b, books.contract.pk, -5, -50)],
        )
    held = Position.objects.order_by("account_id").values_list("account_id", "quantity", "cost")
    assert list(held) == [(a, 10, 100), (b, -10, -100)]
    assert set(Position.objects.values_list("version", flat=True)) == {2}


def test_a_reversal_restores_and_names_what_it_reverses(books: Books) -> None:
    before = holdings(books)
    journal = pay(books, "k", 300)
    undone = ledger.reverse(journal=journal, key="k:undo", reason="error", effective_at=NOON)
    assert holdings(books) == before
    assert undone.reverses_id == journal.pk


def test_a_journal_is_reversed_once(books: Books) -> None:
    journal = pay(books, "k", 300)
    ledger.reverse(journal=journal, key="once", reason="error", effective_at=NOON)
    before = snapshot()
    with pytest.raises(IntegrityError, match="reverses"), transaction.atomic():
        ledger.reverse(journal=journal, key="twice", reason="error", effective_at=NOON)
    assert snapshot() == before


def test_a_reversal_that_does_not_cancel_is_refused(books: Books) -> None:
    journal = pay(books, "k", 300)
    before = snapshot()
    legs = [(books.wallets[0], books.btc, 299), (books.wallets[1], books.btc, -299)]
    with pytest.raises(NotAReversal, match="2 ledger accounts"), transaction.atomic():
        ledger.post(
            venue=books.venue, key="half", reason="error", effective_at=NOON, legs=legs,
            reverses=journal,
        )  # fmt: skip
    assert snapshot() == before


def test_a_wallet_does_not_go_below_zero(books: Books) -> None:
    before = snapshot()
    with (
        pytest.raises(IntegrityError, match="balance_customer_wallet_not_negative"),
        transaction.atomic(),
    ):
        pay(books, "k", 1001)
    assert snapshot() == before


def test_nobody_is_forgiven_more_than_is_owed(books: Books) -> None:
    owed = receivable(books)
    legs = [(owed, books.btc, -5), (books.fees, books.btc, 5)]
    ledger.post(venue=books.venue, key="lent", reason="r", effective_at=NOON, legs=legs)
    before = snapshot()
    with (
        pytest.raises(IntegrityError, match="balance_receivable_not_positive"),
        transaction.atomic(),
    ):
        ledger.post(
            venue=books.venue, key="forgiven", reason="r", effective_at=NOON,
            legs=[(owed, books.btc, 6), (books.fees, books.btc, -6)],
        )  # fmt: skip
    assert snapshot() == before


def test_the_house_may_owe(books: Books) -> None:
    ledger.post(
        venue=books.venue, key="k", reason="goodwill", effective_at=NOON,
        legs=[(books.fees, books.btc, -5), (books.wallets[0], books.btc, 5)],
    )  # fmt: skip
    assert amount_of(books.fees) == -5


@pytest.mark.parametrize(
    ("legs", "position_legs", "message"),
    [
        ([], [], "at least one leg"),
        ([("w0", 0)], [], "moves nothing"),
        ([("w0", 5)], [], "off by 5"),
        ([("w0", 5), ("w1", -4)], [], "off by 1"),
        ([], [(0, 5, 9)], "off by 5 contracts"),
    ],
)
def test_what_does_not_balance_is_refused_in_words(
    books: Books,
    legs: list[tuple[str, int]],
    position_legs: list[tuple[int, int, int]],
    message: str,
) -> None:
    before = snapshot()
    names = books.names()
    with pytest.raises(Unbalanced, match=message):
        ledger.post(
            venue=books.venue, key="k", reason="error", effective_at=NOON,
            legs=[(names[name], books.btc, amount) for name, amount in legs],
            position_legs=[
                (books.accounts[n], books.contract.pk, quantity, cost)
                for n, quantity, cost in position_legs
            ],
        )  # fmt: skip
    assert snapshot() == before


def test_amounts_of_any_size_are_summed_exactly(books: Books) -> None:
    huge = 2**62
    legs = [(books.wallets[0], books.btc, huge)] * 4
    before = snapshot()
    with pytest.raises(Unbalanced, match=str(2**64)):
        ledger.post(venue=books.venue, key="k", reason="error", effective_at=NOON, legs=legs)
    assert snapshot() == before


def test_fractions_are_no_amounts(books: Books) -> None:
    with pytest.raises(ValueError, match="whole numbers"):
        pay(books, "k", 0.5)  # type: ignore[arg-type]


@pytest.mark.usefixtures("own_database")
def test_a_posting_is_part_of_something_larger() -> None:
    books = open_small()
    before = snapshot()
    with pytest.raises(TransactionManagementError, match="inside transaction.atomic"):
        pay(books, "k", 1)
    assert snapshot() == before


def test_wallets_are_opened_once_and_given_in_order(books: Books) -> None:
    a, b = books.accounts[:2]
    count = LedgerAccount.objects.count()
    first = ledger.wallets(
        venue=books.venue, kind="receivable", accounts=[b, a, b], assets=[books.btc] * 3
    )
    again = ledger.wallets(
        venue=books.venue, kind="receivable", accounts=[b, a, b], assets=[books.btc] * 3
    )
    assert first.tolist() == again.tolist()
    assert first[0] == first[2] != first[1]
    assert LedgerAccount.objects.count() == count + 2
    assert [amount_of(account) for account in first.tolist()] == [0, 0, 0]


LEG = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 10**15))


class Conservation(TestCase):
    """Whatever is posted: sums stay zero, balances are their entries, reversal restores."""

    @given(st.lists(st.lists(LEG, min_size=1, max_size=6), min_size=1, max_size=4))
    @settings(max_examples=25, deadline=None)
    def test_any_postings(self, postings: list[list[tuple[int, int, int]]]) -> None:
        books = open_small(code="any", amount=10**17)
        before = holdings(books)
        journals = []
        for number, transfers in enumerate(postings):
            legs = []
            for source, target, amount in transfers:
                legs.append((books.wallets[source], books.btc, -amount))
                legs.append((books.wallets[target], books.btc, amount))
            journals.append(
                ledger.post(
                    venue=books.venue,
                    key=f"any-{number}",
                    reason="transfer",
                    effective_at=NOON,
                    legs=legs,
                )  # fmt: skip
            )
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT coalesce(sum(b.amount), 0), count(*) FILTER (WHERE b.amount <>"
                " (SELECT coalesce(sum(e.amount), 0) FROM ledger_entry e"
                "  WHERE e.ledger_account_id = b.ledger_account_id)) FROM balance b"
            )
            assert cursor.fetchone() == (0, 0)
        for journal in reversed(journals):
            ledger.reverse(
                journal=journal, key=f"{journal.key}:undo", reason="error", effective_at=NOON
            )
        assert holdings(books) == before
