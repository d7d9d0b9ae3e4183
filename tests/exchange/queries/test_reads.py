"""Reads of a small market by key: exact rows, one statement each."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exchange.models import Account, Tape
from exchange.queries import accounts, fills, ledger, liquidations, positions, tapes
from exchange.services import books
from exchange.services import liquidations as judging
from exchange.tape import bundle
from tests.exchange.tape.market import tables, write

Counting = Callable[[int], Any]


@pytest.fixture
def record(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tape:
    """The test market of the tape with its books open and its one forced close judged."""
    monkeypatch.setenv("MAKEWHOLE_DATA", str(tmp_path / "data"))
    tape = bundle.read(write(tmp_path / "bundle", tables()))
    record = books.open_books(tape=tape, venue="testex", name="Testex", progress=None)
    judging.recompute(tape_record=record)
    return record


def _account(record: Tape, code: str) -> Account:
    return Account.objects.get(venue=record.venue_id, code=code)


def test_accounts_by_code_and_on_from_one(
    record: Tape, django_assert_num_queries: Counting
) -> None:
    with django_assert_num_queries(1):
        first = accounts.of_venue(record.venue_id, limit=2)
    assert [row.code for row in first.rows] == ["A-ann", "A-hal"]
    second = accounts.of_venue(record.venue_id, after=first.after, limit=2)
    third = accounts.of_venue(record.venue_id, after=second.after, limit=2)
    assert [row.code for row in second.rows + third.rows] == ["A-mo", "FUND", "outside"]
    assert third.after == ""


def test_accounts_are_searched_literally(record: Tape) -> None:
    def found(**chosen: str) -> list[str]:
        return [row.code for row in accounts.of_venue(record.venue_id, **chosen).rows]

    assert found(search="A-") == ["A-ann", "A-hal", "A-mo"]
    assert found(search="%") == found(search="_") == found(search="\\") == []
    assert found(search="MO@example.org") == ["A-mo"]
    assert found(search="mo@example") == []
    assert found(search="h") == found(search="HAL") == ["A-hal"]
    assert found(search="al") == [], "a word of a name is found by how it begins"
    assert found(search="'") == found(search=":*") == found(search="a & b") == []
    assert found(search="fund insurance") == []
    assert found(tag="api") == ["A-mo"]
    assert found(tag="ap") == []
    assert found(kind="insurance") == ["FUND"]


def test_an_account_is_found_anywhere(record: Tape, django_assert_num_queries: Counting) -> None:
    with django_assert_num_queries(1):
        ((row, venue),) = accounts.anywhere("A-mo", limit=8)
    assert (row.code, row.name, venue) == ("A-mo", "Mo", "testex")


def test_tags_are_read_once(record: Tape, django_assert_num_queries: Counting) -> None:
    accounts.tags.cache_clear()
    with django_assert_num_queries(1):
        assert accounts.tags(record.venue_id) == ("api", "hedger", "market_maker")
        accounts.tags(record.venue_id)


def test_forced_closes(record: Tape, django_assert_num_queries: Counting) -> None:
    ann = _account(record, "A-ann")
    with django_assert_num_queries(8):
        (row,) = liquidations.of_tape(record.pk).rows
        (total,) = liquidations.totals(record.pk)
        assert liquidations.counts([record.pk, 0]) == {record.pk: {"not_due": 1}}
        assert liquidations.of_accounts([ann.pk, 0]) == {ann.pk: 1}
        assert liquidations.size(record.pk) == (1, 10, 1)
        (close,) = liquidations.recorded(record.pk, row.contract_id)
        assert liquidations.forced(record.pk, row.contract_id, seconds=10) == {1522357200: 10}
        assert liquidations.of_account(ann.pk) == [row]
    assert (row.account, row.verdict, row.quantity, row.loss) == ("A-ann", "not_due", 10, 365_408)
    assert row.unit == ("BTC", 8)
    assert total == ("not_due", "BTC", 8, 1, 1, 10, 365_408)
    assert close == (1522357201, 640_050, 10)


def test_every_close_that_was_chosen(record: Tape) -> None:
    assert [row.account for row in liquidations.every(record.pk)] == ["A-ann"]
    missed = liquidations.Filter(verdict="missed")
    assert list(liquidations.every(record.pk, missed)) == []


def test_an_accounts_money(record: Tape, django_assert_num_queries: Counting) -> None:
    hal = _account(record, "A-hal")
    with django_assert_num_queries(2):
        wallets = ledger.balances_of_account(hal.pk)
        first = ledger.entries_of_account(hal.pk, limit=4)
    assert [(w.label, w.amount) for w in wallets] == [
        ("Funding wallet", 0), ("Futures wallet", 549_999_000),
    ]  # fmt: skip
    rest = ledger.entries_of_account(hal.pk, after=first.after, limit=4)
    amounts = [entry.amount for entry in first.rows + rest.rows]
    assert amounts == [-150_000_000, 50_000_000, -50_000_000, 200_000_000, -1_000, 500_000_000]
    assert ledger.balances_of_accounts([hal.pk]) == {hal.pk: wallets}


def test_an_accounts_positions(record: Tape) -> None:
    (position,) = positions.of_account(_account(record, "A-hal").pk)
    assert (position.symbol, position.quantity, position.unit) == ("BTC0629", 3, ("BTC", 8))
    assert position.cost == -4_615_385, "3 contracts of 100 at 6,500.00, half even"


def test_an_accounts_fills(record: Tape, django_assert_num_queries: Counting) -> None:
    number = _account(record, "A-mo").tape_index
    with django_assert_num_queries(0):
        first = fills.of_account(record.digest, number, limit=1)
        second = fills.of_account(record.digest, number, after=first.after, limit=1)
        other = fills.of_account(record.digest, number, contract=1)
    assert [(row.seq, row.quantity, row.price, row.fee) for row in first.rows + second.rows] == [
        (2, -3, 650_000, -500), (6, 10, 630_025, 0),
    ]  # fmt: skip
    assert second.after == ""
    assert other.rows == []


def test_a_tape_elsewhere_is_said_to_be(record: Tape) -> None:
    with pytest.raises(fills.TapeMissing):
        fills.of_account("f" * 64, 0)
    with pytest.raises(tapes.TapeMissing):
        tapes.price_series("f" * 64, 0)


def test_prices(record: Tape) -> None:
    series = tapes.price_series(record.digest, 1)
    assert series.mark.tolist() == [400_001] * 4
    steps = tapes.price_steps(record.digest, 0, seconds=2)
    assert (steps.time // 1_000_000).tolist() == [1522357200, 1522357202]
