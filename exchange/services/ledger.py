"""Everyday postings: the one door through which single journals enter the books.

`post` joins its caller's transaction and writes a journal with all its legs by one statement a
table. PostgreSQL checks the set and moves the balances and positions (`sql/0002_ledger.sql`); what
is checked here before is only for the kinder message. Large remedies are batches (`batches.py`).
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from exchange import faults
from exchange.domain import legs as canonical
from exchange.domain.legs import CashLegs, PositionLegs
from exchange.models import Contract, Journal, LedgerAccount, Venue
from exchange.services.copying import copy_columns
from exchange.services.refusals import KeyReused, NotAReversal, Unbalanced

__all__ = ["KeyReused", "NotAReversal", "Unbalanced", "house_account", "post", "reverse", "wallets"]

I64 = npt.NDArray[np.int64]
CashRows = Sequence[tuple[int, int, int]]
PositionRows = Sequence[tuple[int, int, int, int]]


def post(
    *,
    venue: Venue,
    key: str,
    reason: str,
    effective_at: datetime,
    legs: CashLegs | CashRows = (),
    position_legs: PositionLegs | PositionRows = (),
    memo: str = "",
    reverses: Journal | None = None,
) -> Journal:
    """Post one balanced journal; the same key with the same content returns the first one.

    `legs`: (ledger account id, asset id, amount); `position_legs`: (account id, contract id,
    quantity, cost); rows, or columns. Locks the balances, then the positions touched, in key order,
    until the caller commits. Raises `KeyReused`, `Unbalanced`, `NotAReversal`, and IntegrityError
    for what only the database can see (a wallet below zero, a foreign venue's account).
    """
    require_transaction()
    cash = legs if isinstance(legs, CashLegs) else canonical.cash_legs(*_columns(legs))
    moves = (
        position_legs
        if isinstance(position_legs, PositionLegs)
        else canonical.position_legs(*_columns(position_legs))
    )
    check_balanced(cash, moves)
    journal, made = insert_journal(
        venue=venue, batch_id=0, journal_id=None, key=key, reason=reason, memo=memo,
        effective_at=effective_at, reverses_id=reverses.pk if reverses else None,
        legs=len(cash.amount), position_legs=len(moves.cost),
        content=(_digest_cash(cash), _digest_moves(moves)),
    )  # fmt: skip
    if not made:
        return journal
    faults.reach("ledger.journal")
    write_legs(journal, cash, moves)
    if reverses is not None:
        require_opposite(journal.pk, reverses.pk)
    faults.reach("ledger.posted")
    return journal


def reverse(*, journal: Journal, key: str, reason: str, effective_at: datetime) -> Journal:
    """Post the exact opposite of an everyday journal. Two reads and a `post`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ledger_account_id, asset_id, -amount FROM ledger_entry"
            " WHERE batch_id = 0 AND journal_id = %s ORDER BY seq",
            [journal.pk],
        )
        cash = cursor.fetchall()
        cursor.execute(
            "SELECT account_id, contract_id, -quantity, -cost FROM position_entry"
            " WHERE batch_id = 0 AND journal_id = %s ORDER BY seq",
            [journal.pk],
        )
        moves = cursor.fetchall()
    return post(
        venue=journal.venue, key=key, reason=reason, effective_at=effective_at,
        legs=cash, position_legs=moves, reverses=journal, memo=f"reverses {journal.key}",
    )  # fmt: skip


def wallets(*, venue: Venue, kind: str, accounts: npt.ArrayLike, assets: npt.ArrayLike) -> I64:
    """Ids of the ledger accounts of these owners, opened where missing; same order and length.

    `kind` is futures, funding or receivable. Two statements, whatever the number.
    """
    require_transaction()
    owners = np.asarray(accounts, np.int64).tolist()
    held = np.asarray(assets, np.int64).tolist()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_account (venue_id, kind, asset_id, account_id)"
            " SELECT DISTINCT %s::bigint, %s, w.asset, w.account"
            " FROM unnest(%s::bigint[], %s::smallint[]) AS w (account, asset)"
            " WHERE NOT EXISTS (SELECT FROM ledger_account a WHERE a.venue_id = %s AND a.kind = %s"
            "   AND a.asset_id = w.asset AND a.account_id = w.account)"
            " ORDER BY w.account, w.asset"
            " ON CONFLICT ON CONSTRAINT ledger_account_once DO NOTHING",
            [venue.pk, kind, owners, held, venue.pk, kind],
        )
        cursor.execute(
            "SELECT array_agg(a.id ORDER BY w.number)"
            " FROM unnest(%s::bigint[], %s::smallint[]) WITH ORDINALITY"
            " AS w (account, asset, number)"
            " JOIN ledger_account a ON a.venue_id = %s AND a.kind = %s"
            "  AND a.asset_id = w.asset AND a.account_id = w.account",
            [owners, held, venue.pk, kind],
        )
        row = cursor.fetchone()
    return np.array(row[0] if row and row[0] else [], np.int64)


def house_account(
    *, venue: Venue, kind: str, asset_id: int, contract: Contract | None = None
) -> LedgerAccount:
    """The house's own account of this kind, opened on first use."""
    require_transaction()
    account, _ = LedgerAccount.objects.get_or_create(
        venue=venue, kind=kind, asset_id=asset_id, contract=contract, account=None
    )
    return account


def require_transaction() -> None:
    """A posting is part of something larger that commits or not: the caller's transaction."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "post inside transaction.atomic(): a journal commits with what it is for."
        )


def check_balanced(cash: CashLegs, moves: PositionLegs) -> None:
    """Raise `Unbalanced` for what the database would refuse, in words and before writing."""
    if not len(cash.amount) and not len(moves.cost):
        raise Unbalanced("a journal has at least one leg")
    if np.any(cash.amount == 0):
        raise Unbalanced("a leg of zero moves nothing")
    for asset, value in canonical.excess(cash.asset, cash.amount).items():
        raise Unbalanced(f"legs of asset {asset} are off by {value}")
    for contract, value in canonical.excess(moves.contract, moves.quantity).items():
        raise Unbalanced(f"position legs of contract {contract} are off by {value} contracts")


def insert_journal(
    *,
    venue: Venue,
    batch_id: int,
    journal_id: int | None,
    key: str,
    reason: str,
    memo: str,
    effective_at: datetime,
    reverses_id: int | None,
    legs: int,
    position_legs: int,
    content: tuple[str, ...],
) -> tuple[Journal, bool]:
    """The journal of this key and whether it is new; raises `KeyReused`.

    A concurrent poster of the same key waits here until the other commits or not.
    """
    fields = [1, venue.pk, batch_id, key, reason, memo, _utc(effective_at), reverses_id, *content]
    content_hash = hashlib.sha256(json.dumps(fields, separators=(",", ":")).encode()).hexdigest()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journal (id, venue_id, batch_id, key, content_hash, reason, memo, legs,"
            " position_legs, effective_at, recorded_at, reverses_id) VALUES (coalesce(%s,"
            " nextval(pg_get_serial_sequence('journal', 'id'))), %s, %s, %s, %s, %s, %s, %s, %s,"
            " %s, clock_timestamp(), %s) ON CONFLICT (key) DO NOTHING RETURNING id",
            [
                journal_id, venue.pk, batch_id, key, content_hash, reason, memo, legs,
                position_legs, effective_at, reverses_id,
            ],
        )  # fmt: skip
        made = cursor.fetchone() is not None
    journal = Journal.objects.select_related("venue").get(key=key)
    if journal.content_hash != content_hash:
        raise KeyReused(f"{key} was posted before, with other content (journal {journal.pk})")
    return journal, made


def write_legs(journal: Journal, cash: CashLegs, moves: PositionLegs) -> None:
    """All legs of a journal, one statement a table, into the everyday partition."""
    if len(cash.amount):
        copy_columns(
            "ledger_entry_0",
            [
                ("journal_id", np.full(len(cash.amount), journal.pk, np.int64)),
                ("ledger_account_id", cash.ledger_account),
                ("asset_id", cash.asset),
                ("amount", cash.amount),
            ],
        )
    faults.reach("ledger.cash")
    if len(moves.cost):
        copy_columns(
            "position_entry_0",
            [
                ("journal_id", np.full(len(moves.cost), journal.pk, np.int64)),
                ("account_id", moves.account),
                ("contract_id", moves.contract),
                ("quantity", moves.quantity),
                ("cost", moves.cost),
            ],
        )


def require_opposite(journal_id: int, reversed_id: int) -> None:
    """Raise `NotAReversal` unless the two journals cancel in every account and position."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM (SELECT FROM ledger_entry WHERE journal_id = ANY(%s)"
            " GROUP BY ledger_account_id HAVING sum(amount) <> 0) AS cash),"
            " (SELECT count(*) FROM (SELECT FROM position_entry WHERE journal_id = ANY(%s)"
            " GROUP BY account_id, contract_id HAVING sum(quantity) <> 0 OR sum(cost) <> 0) AS p)",
            [[journal_id, reversed_id]] * 2,
        )
        cash, moves = cursor.fetchone() or (0, 0)
    if cash or moves:
        raise NotAReversal(
            f"journal {journal_id} does not cancel journal {reversed_id}:"
            f" {cash} ledger accounts and {moves} positions differ"
        )


def _columns(rows: Sequence[tuple[int, ...]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _utc(instant: datetime) -> str:
    if instant.tzinfo is None:
        raise ValueError("times carry their zone")
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _digest_cash(cash: CashLegs) -> str:
    return canonical.digest(canonical.CASH_LABEL, [], cash)


def _digest_moves(moves: PositionLegs) -> str:
    return canonical.digest(canonical.POSITION_LABEL, [], moves)
