"""Pages by key: joined they are the whole, in order, at any size; strange cursors are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.models import Account, Contract, Journal, LedgerAccount, Tape
from exchange.queries import accounts, fills, keyset, ledger, liquidations, positions, tapes
from exchange.queries.keyset import BadCursor, Page

Read = Callable[..., Page[Any]]


def whole(read: Read, limit: int) -> list[Any]:
    """All rows, a page after the other."""
    rows, after = [], ""
    while True:
        page = read(after=after, limit=limit)
        assert 0 < len(page.rows) <= limit or not page.after
        rows += page.rows
        if not page.after:
            return rows
        after = page.after


def account(code: str) -> Account:
    return Account.objects.get(code=code)


def reads(record: Tape) -> dict[str, tuple[Read, int]]:
    """Every paged read of the market with how many rows it has."""
    venue, hal = record.venue_id, account("A-hal")
    opening = Journal.objects.get(reason="opening")
    custody = LedgerAccount.objects.get(kind="custody", asset__code="BTC").pk
    return {
        "entries of an account": (lambda **p: ledger.entries_of_account(hal.pk, **p), 6),
        "entries of the house": (lambda **p: ledger.entries_of_ledger_account(custody, **p), 2),
        "entries of a journal": (
            lambda **p: ledger.entries_of_journal(journal_id=opening.pk, batch_id=0, **p), 6,
        ),
        "journals": (lambda **p: ledger.journals(venue, **p), 3),
        "positions": (lambda **p: positions.of_venue(venue, open_only=False, **p), 3),
        "open positions": (lambda **p: positions.of_venue(venue, **p), 2),
        "moves": (lambda **p: positions.moves_of_account(account("A-mo").pk, **p), 2),
        "accounts": (lambda **p: accounts.of_venue(venue, **p), 5),
        "fills": (
            lambda **p: fills.of_account(record.digest, account("A-mo").tape_index, **p), 2,
        ),
        "liquidations": (lambda **p: liquidations.of_tape(record.pk, **p), 1),
    }  # fmt: skip


def test_pages_joined_are_the_whole(record: Tape) -> None:
    for name, (read, count) in reads(record).items():
        rows = whole(read, 500)
        assert len(rows) == count, name
        for limit in (1, 2, 3):
            assert whole(read, limit) == rows, name


@pytest.mark.parametrize("cursor", ["x", "1.2.3", "1.", "--1", "1e5", "9" * 30, "١"])
def test_a_strange_cursor_is_refused(record: Tape, cursor: str) -> None:
    for name, (read, _) in reads(record).items():
        if name != "accounts":  # their cursor is a code, and any text is one
            with pytest.raises(BadCursor):
                read(after=cursor)


@pytest.mark.parametrize(("asked", "given_"), [(0, 1), (-5, 1), (10**9, 500), (50, 50)])
def test_a_page_has_a_size_within_bounds(asked: int, given_: int) -> None:
    assert keyset.limited(asked) == given_


def test_entries_come_newest_journal_first_with_what_they_are_part_of(record: Tape) -> None:
    rows = ledger.entries_of_account(account("A-ann").pk).rows
    assert [(row.reason, row.kind, row.asset, row.amount) for row in rows] == [
        ("trading", "futures", "BTC", -623_779),
        ("opening", "futures", "BTC", 12_345_678),
    ]


def test_balances_of_an_account_and_of_the_house(record: Tape) -> None:
    assert [(row.kind, row.amount) for row in ledger.balances_of_account(account("A-hal").pk)] == [
        ("funding", 0), ("futures", 549_999_000),
    ]  # fmt: skip
    house = {(row.kind, row.asset): row.amount for row in ledger.house_balances(record.venue_id)}
    assert house["custody", "BTC"] == -12_662_345_678
    assert house["goodwill", "ETH"] == 0


def test_positions_of_one_contract(record: Tape) -> None:
    contract = Contract.objects.get(symbol="BTC0629")
    rows = positions.of_venue(record.venue_id, contract_id=contract.pk).rows
    assert {(row.account, row.quantity, row.cost) for row in rows} == {
        ("A-hal", 3, -4_615_385), ("A-mo", -3, 4_526_627),
    }  # fmt: skip
    other = Contract.objects.get(symbol="ETH0629")
    assert positions.of_venue(record.venue_id, contract_id=other.pk).rows == []


@pytest.mark.parametrize(
    ("search", "codes"),
    [("A-", ["A-ann", "A-hal", "A-mo"]), ("hal", ["A-hal"]), ("%", []), ("_", []), ("\\", [])],
)
def test_accounts_are_searched_as_text(record: Tape, search: str, codes: list[str]) -> None:
    found = [row.code for row in accounts.of_venue(record.venue_id, search=search).rows]
    assert found == codes


def test_liquidations_are_chosen_by_verdict_contract_and_text(record: Tape) -> None:
    def count(**chosen: str) -> int:
        return len(liquidations.of_tape(record.pk, liquidations.Filter(**chosen)).rows)

    assert [
        count(), count(verdict="due_printed_only"), count(verdict="missed"),
        count(contract="BTC0629"), count(contract="ETH0629"), count(search="A-a"),
        count(search="Ann"), count(search="%"),
    ] == [1, 1, 0, 1, 0, 1, 1, 0]  # fmt: skip


def test_fills_of_an_account_come_out_of_the_tape(record: Tape) -> None:
    rows = fills.of_account(record.digest, account("FUND").tape_index).rows
    assert [(row.seq, row.quantity, row.price, row.taker, row.reason) for row in rows] == [
        (4, 10, 640_050, False, "takeover"),
        (5, -10, 630_025, True, "liquidation"),
    ]
    assert fills.of_account(record.digest, 99).rows == []
    assert fills.of_account(record.digest, account("FUND").tape_index, contract=1).rows == []


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=400), st.integers(4, 60))
def test_a_decimated_chart_keeps_its_extremes_and_its_ends(values: list[int], points: int) -> None:
    series = np.array(values, np.int64)
    kept = tapes.extremes(series, points)
    assert len(kept) <= max(points, 4)
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert kept[0] == 0
    assert kept[-1] == len(values) - 1
    assert {series.min(), series.max()} <= set(series[kept].tolist())
