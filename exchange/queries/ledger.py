"""Reads of the ledger: entries by account or journal, journals, balances. One statement each."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from exchange.models import LedgerAccount
from exchange.queries import keyset
from exchange.queries.keyset import Page
from exchange.queries.units import Unit


class Entry(NamedTuple):
    """One leg with what it is part of; `amount` in minor units of `asset`."""

    batch_id: int
    seq: int
    journal_id: int
    ledger_account_id: int
    kind: str
    account: str | None
    asset: str
    decimals: int
    amount: int
    reason: str
    memo: str
    key: str
    effective_at: datetime
    recorded_at: datetime

    @property
    def unit(self) -> Unit:
        """What its amounts are in."""
        return Unit(self.asset, self.decimals)

    @property
    def label(self) -> str:
        """The kind in words."""
        return LedgerAccount.Kind(self.kind).label


class JournalRow(NamedTuple):
    """One journal of a venue."""

    id: int
    key: str
    batch_id: int
    reason: str
    memo: str
    legs: int
    position_legs: int
    effective_at: datetime
    recorded_at: datetime
    reverses_id: int | None


class BalanceRow(NamedTuple):
    """One ledger account and its balance in minor units of `asset`."""

    ledger_account_id: int
    kind: str
    contract: str | None
    asset: str
    decimals: int
    amount: int
    version: int

    @property
    def unit(self) -> Unit:
        """What its amounts are in."""
        return Unit(self.asset, self.decimals)

    @property
    def label(self) -> str:
        """The kind in words."""
        return LedgerAccount.Kind(self.kind).label


_ENTRY = (
    "SELECT e.batch_id, e.seq, e.journal_id, e.ledger_account_id, l.kind, a.code, s.code,"
    " s.decimals, e.amount, j.reason, j.memo, j.key, j.effective_at, j.recorded_at"
    " FROM {source} JOIN journal j ON j.id = e.journal_id"
    " JOIN exchange_asset s ON s.id = l.asset_id"
    " LEFT JOIN exchange_account a ON a.id = l.account_id"
)
_OF_ACCOUNT = (
    _ENTRY.format(source="ledger_account l JOIN ledger_entry e ON e.ledger_account_id = l.id")
    + " WHERE l.account_id = %s AND (e.journal_id, e.seq) < (%s, %s)"
    " ORDER BY e.journal_id DESC, e.seq DESC LIMIT %s"
)
# The newest entries of one ledger account, of each partition by its index, before any join.
_OF_LEDGER_ACCOUNT = (
    _ENTRY.format(  # noqa: S608 - fixed text
        source="(SELECT * FROM ledger_entry WHERE ledger_account_id = %s"
        " AND (journal_id, seq) < (%s, %s) ORDER BY journal_id DESC, seq DESC LIMIT %s) AS e"
        " JOIN ledger_account l ON l.id = e.ledger_account_id"
    )
    + " ORDER BY e.journal_id DESC, e.seq DESC"
)
_OF_JOURNAL = (
    _ENTRY.format(  # noqa: S608 - fixed text
        source="(SELECT * FROM ledger_entry WHERE batch_id = %s AND journal_id = %s AND seq > %s"
        " ORDER BY journal_id, seq LIMIT %s) AS e"
        " JOIN ledger_account l ON l.id = e.ledger_account_id"
    )
    + " ORDER BY e.seq"
)
_LAST = 2**63 - 1


def entries_of_account(
    account_id: int, *, after: str = "", limit: int = keyset.LIMIT
) -> Page[Entry]:
    """Entries of all wallets and the receivable of a trading account, newest journal first."""
    size = keyset.limited(limit)
    key = keyset.numbers(after, 2) or [_LAST, _LAST]
    return _page(_OF_ACCOUNT, [account_id, *key, size + 1], size, newest_first=True)


def entries_of_ledger_account(
    ledger_account_id: int, *, after: str = "", limit: int = keyset.LIMIT
) -> Page[Entry]:
    """Entries of one ledger account, the busiest house account included, newest journal first."""
    size = keyset.limited(limit)
    key = keyset.numbers(after, 2) or [_LAST, _LAST]
    return _page(_OF_LEDGER_ACCOUNT, [ledger_account_id, *key, size + 1], size, newest_first=True)


def entries_of_journal(
    *, journal_id: int, batch_id: int, after: str = "", limit: int = keyset.LIMIT
) -> Page[Entry]:
    """Legs of a journal in the order they were written; its batch names the partition."""
    size = keyset.limited(limit)
    (seq,) = keyset.numbers(after, 1) or [-1]
    return _page(_OF_JOURNAL, [batch_id, journal_id, seq, size + 1], size, newest_first=False)


def journals(venue_id: int, *, after: str = "", limit: int = keyset.LIMIT) -> Page[JournalRow]:
    """Journals of a venue, newest first."""
    size = keyset.limited(limit)
    (before,) = keyset.numbers(after, 1) or [_LAST]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, key, batch_id, reason, memo, legs, position_legs, effective_at,"
            " recorded_at, reverses_id FROM journal WHERE venue_id = %s AND id < %s"
            " ORDER BY id DESC LIMIT %s",
            [venue_id, before, size + 1],
        )
        return keyset.page(cursor.fetchall(), size, JournalRow, lambda row: row.id)


def balances_of_account(account_id: int) -> list[BalanceRow]:
    """Wallets and receivable of a trading account."""
    return _balances("l.account_id = %s", [account_id])


def balances_of_accounts(account_ids: Iterable[int]) -> dict[int, list[BalanceRow]]:
    """Wallets and receivables of many trading accounts, by account."""
    found: dict[int, list[BalanceRow]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.account_id, l.id, l.kind, NULL, s.code, s.decimals, b.amount, b.version"
            " FROM ledger_account l JOIN balance b ON b.ledger_account_id = l.id"
            " JOIN exchange_asset s ON s.id = l.asset_id WHERE l.account_id = ANY(%s)"
            " ORDER BY l.kind, s.code",
            [list(account_ids)],
        )
        for account, *row in cursor.fetchall():
            found.setdefault(account, []).append(BalanceRow(*row))
    return found


def house_balances(venue_id: int) -> list[BalanceRow]:
    """The house's own ledger accounts: custody, clearing, fees, goodwill, capital."""
    return _balances("l.venue_id = %s AND l.account_id IS NULL", [venue_id])


def _balances(condition: str, arguments: list[int]) -> list[BalanceRow]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.id, l.kind, c.symbol, s.code, s.decimals, b.amount, b.version"  # noqa: S608 - two fixed conditions
            " FROM ledger_account l JOIN balance b ON b.ledger_account_id = l.id"
            " JOIN exchange_asset s ON s.id = l.asset_id"
            f" LEFT JOIN exchange_contract c ON c.id = l.contract_id WHERE {condition}"
            " ORDER BY l.kind, c.symbol, s.code",
            arguments,
        )
        return [BalanceRow(*row) for row in cursor.fetchall()]


def _page(query: str, arguments: list[Any], size: int, *, newest_first: bool) -> Page[Entry]:
    def key(row: Entry) -> str:
        return f"{row.journal_id}.{row.seq}" if newest_first else str(row.seq)

    with connection.cursor() as cursor:
        cursor.execute(query, arguments)
        return keyset.page(cursor.fetchall(), size, Entry, key)
