"""Reads of positions. One statement each."""

from datetime import datetime
from typing import NamedTuple

from django.db import connection

from exchange.queries import keyset
from exchange.queries.keyset import Page
from exchange.queries.units import Unit


class PositionRow(NamedTuple):
    """What an account holds: signed contracts and their cost in minor units of `asset`."""

    account_id: int
    contract_id: int
    account: str
    account_kind: str
    symbol: str
    asset: str
    decimals: int
    quantity: int
    cost: int
    version: int

    @property
    def unit(self) -> Unit:
        """What its amounts are in."""
        return Unit(self.asset, self.decimals)


class MoveRow(NamedTuple):
    """One movement of a position."""

    journal_id: int
    seq: int
    symbol: str
    asset: str
    decimals: int
    quantity: int
    cost: int
    reason: str
    effective_at: datetime
    recorded_at: datetime

    @property
    def unit(self) -> Unit:
        """What its amounts are in."""
        return Unit(self.asset, self.decimals)


_POSITION = (
    "SELECT p.account_id, p.contract_id, a.code, a.kind, c.symbol, s.code, s.decimals, p.quantity,"
    " p.cost, p.version FROM position p JOIN exchange_account a ON a.id = p.account_id"
    " JOIN exchange_contract c ON c.id = p.contract_id JOIN exchange_asset s ON s.id = c.settle_id"
)


def of_account(account_id: int) -> list[PositionRow]:
    """Every contract an account has held; quantity 0 where it is flat now."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_POSITION} WHERE p.account_id = %s ORDER BY c.symbol", [account_id])
        return [PositionRow(*row) for row in cursor.fetchall()]


def of_venue(
    venue_id: int,
    *,
    contract_id: int | None = None,
    open_only: bool = True,
    after: str = "",
    limit: int = keyset.LIMIT,
) -> Page[PositionRow]:
    """Positions of a venue by account, of one contract or all, flat ones left out if asked."""
    size = keyset.limited(limit)
    account, contract = keyset.numbers(after, 2) or [0, 0]
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_POSITION} WHERE (p.account_id, p.contract_id) > (%s, %s) AND a.venue_id = %s"
            " AND (%s::bigint IS NULL OR p.contract_id = %s) AND (p.quantity <> 0 OR NOT %s)"
            " ORDER BY p.account_id, p.contract_id LIMIT %s",
            [account, contract, venue_id, contract_id, contract_id, open_only, size + 1],
        )
        return keyset.page(
            cursor.fetchall(), size, PositionRow, lambda row: f"{row.account_id}.{row.contract_id}"
        )


def moves_of_account(
    account_id: int, *, after: str = "", limit: int = keyset.LIMIT
) -> Page[MoveRow]:
    """Movements of an account's positions, newest journal first."""
    size = keyset.limited(limit)
    journal, seq = keyset.numbers(after, 2) or [2**63 - 1, 2**63 - 1]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.journal_id, e.seq, c.symbol, s.code, s.decimals, e.quantity, e.cost,"
            " j.reason, j.effective_at, j.recorded_at FROM (SELECT * FROM position_entry"
            " WHERE account_id = %s AND (journal_id, seq) < (%s, %s)"
            " ORDER BY journal_id DESC, seq DESC LIMIT %s) AS e"
            " JOIN journal j ON j.id = e.journal_id"
            " JOIN exchange_contract c ON c.id = e.contract_id"
            " JOIN exchange_asset s ON s.id = c.settle_id ORDER BY e.journal_id DESC, e.seq DESC",
            [account_id, journal, seq, size + 1],
        )
        return keyset.page(
            cursor.fetchall(), size, MoveRow, lambda row: f"{row.journal_id}.{row.seq}"
        )
