"""A batch undone by its exact opposite, once, whatever its legs are."""

from collections.abc import Callable

import pytest
from django.db import transaction
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from exchange.domain import legs
from exchange.domain.legs import CashLegs, PositionLegs, cash_legs, position_legs
from exchange.models import Batch, Journal
from exchange.services import batches, reconciliation, stage_tables
from exchange.services.refusals import NotAReversal, WrongState
from tests.exchange.services.conftest import lift_the_lock
from tests.exchange.services.small_batches import Legs, draft, only_cash, post, sealed
from tests.exchange.services.small_books import NOON, Books, holdings, open_small, snapshot


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
