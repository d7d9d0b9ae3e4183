"""Batches on the small books: opened, sealed and posted, and what gets in their way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection, transaction

from exchange.domain.legs import CashLegs, PositionLegs, cash_legs, position_legs
from exchange.models import Batch, Journal
from exchange.services import batches, ledger
from tests.exchange.services.small_books import NOON, Books

# What posting does, in order.
STEPS = [
    "claimed", "digested", "journal", "cash_attached", "positions_attached", "summed",
    "balances_locked", "positions_locked", "balances_moved", "positions_moved", "verified",
    "conserved",
]  # fmt: skip

Legs = Callable[[Books], tuple[CashLegs, PositionLegs]]


def rollback(books: Books) -> tuple[CashLegs, PositionLegs]:
    """Take 30 from the first, give 20 to the second; clearing and two positions agree."""
    a, b = books.accounts[:2]
    cash = cash_legs(
        [books.wallets[0], books.wallets[1], books.clearing], [books.btc] * 3, [-30, 20, 10]
    )
    return cash, position_legs([a, b], [books.contract.pk] * 2, [-5, 5], [-60, 50])


def only_cash(books: Books) -> tuple[CashLegs, PositionLegs]:
    return cash_legs([books.wallets[0], books.fees], [books.btc] * 2, [-7, 7]), position_legs()


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
    """A customer is paid one unit of the fees."""
    legs = [(books.wallets[wallet], books.btc, 1), (books.fees, books.btc, -1)]
    return ledger.post(venue=books.venue, key=key, reason="fee", effective_at=NOON, legs=legs)


@contextmanager
def in_another_session(statement: str) -> Iterator[None]:
    """A session that did this and is idle in its transaction, for the time of the block."""
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"], port=settings["PORT"] or None, user=settings["USER"] or None,
        password=settings["PASSWORD"] or None, dbname=settings["NAME"],
    ) as other:  # fmt: skip
        other.execute(statement.encode())
        yield
        other.rollback()
