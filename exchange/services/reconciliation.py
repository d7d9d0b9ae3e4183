"""Do the books say what their entries say, and what the tape says?

Nothing here trusts a stored balance: every balance and position is rebuilt from the entries,
batches included, and compared. Reads only; safe to run at any time, also beside postings and
executions, because each report is taken from one snapshot.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from exchange.models import Tape, Venue
from exchange.services import books
from exchange.tape import store

SAMPLE = 20
"""How many differing rows a report names; it counts all of them."""

# A snapshot does not hold off a partition: one attached later is scanned from the next statement
# on, and its rows are older than it. So entries are read of those batches only that were posted
# when the snapshot was taken, and a partition that is of none of them is named by itself.
POSTED = "SELECT array_agg(id) FROM batch WHERE state = 'posted'"
STRANGERS = """
SELECT 'partition of no posted batch', c.relname, pg_get_expr(c.relpartbound, 0)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
LEFT JOIN batch b ON b.state = 'posted' AND b.id = substring(
    pg_get_expr(c.relpartbound, 0) FROM '^FOR VALUES IN \\(''?(\\d+)''?\\)$')::bigint
WHERE i.inhparent IN ('ledger_entry'::regclass, 'position_entry'::regclass) AND b.id IS NULL
"""
LEDGER = """
SELECT count(*), coalesce(count(*) FILTER (WHERE off), 0),
       (array_agg(jsonb_build_array(id, stored::text, rebuilt::text) ORDER BY id)
        FILTER (WHERE off))[1:%(sample)s]
FROM (
    SELECT a.id, b.amount AS stored, coalesce(e.amount, 0) AS rebuilt,
           b.amount IS DISTINCT FROM coalesce(e.amount, 0) AS off
    FROM ledger_account a
    LEFT JOIN balance b ON b.ledger_account_id = a.id
    LEFT JOIN (SELECT e.ledger_account_id, sum(e.amount) AS amount
               FROM ledger_entry e JOIN ledger_account v ON v.id = e.ledger_account_id
               WHERE v.venue_id = %(venue)s AND e.batch_id = ANY (%(posted)s)
               GROUP BY e.ledger_account_id) AS e
        ON e.ledger_account_id = a.id
    WHERE a.venue_id = %(venue)s
) AS compared
"""
POSITIONS = """
SELECT count(*), coalesce(count(*) FILTER (WHERE off), 0),
       (array_agg(jsonb_build_array(account_id, contract_id, stored::text, rebuilt::text)
                  ORDER BY account_id, contract_id) FILTER (WHERE off))[1:%(sample)s]
FROM (
    SELECT coalesce(p.account_id, e.account_id) AS account_id,
           coalesce(p.contract_id, e.contract_id) AS contract_id,
           ROW(p.quantity, p.cost) AS stored, ROW(e.quantity, e.cost) AS rebuilt,
           (coalesce(p.quantity, 0), coalesce(p.cost, 0))
           IS DISTINCT FROM (coalesce(e.quantity, 0), coalesce(e.cost, 0)) AS off
    FROM (SELECT p.* FROM position p JOIN exchange_contract c ON c.id = p.contract_id
          WHERE c.venue_id = %(venue)s) AS p
    FULL JOIN (SELECT e.account_id, e.contract_id, sum(e.quantity) AS quantity,
                      sum(e.cost) AS cost
               FROM position_entry e JOIN exchange_contract c ON c.id = e.contract_id
               WHERE c.venue_id = %(venue)s AND e.batch_id = ANY (%(posted)s)
               GROUP BY e.account_id, e.contract_id) AS e
        ON e.account_id = p.account_id AND e.contract_id = p.contract_id
) AS compared
"""
# What closes to nothing in sound books: (what, which, by how much) rows are the exceptions.
SUMS = """
SELECT 'balances per asset', a.asset_id, sum(b.amount)::text
FROM balance b JOIN ledger_account a ON a.id = b.ledger_account_id
WHERE a.venue_id = %(venue)s GROUP BY a.asset_id HAVING sum(b.amount) <> 0
UNION ALL
SELECT 'position quantities per contract', p.contract_id, sum(p.quantity)::text
FROM position p JOIN exchange_contract c ON c.id = p.contract_id
WHERE c.venue_id = %(venue)s GROUP BY p.contract_id HAVING sum(p.quantity) <> 0
UNION ALL
SELECT 'clearing plus cost per contract', k.contract_id, sum(k.value)::text
FROM (SELECT p.contract_id, p.cost AS value
      FROM position p JOIN exchange_contract c ON c.id = p.contract_id
      WHERE c.venue_id = %(venue)s
      UNION ALL
      SELECT a.contract_id, b.amount
      FROM balance b JOIN ledger_account a ON a.id = b.ledger_account_id
      WHERE a.venue_id = %(venue)s AND a.kind = 'clearing') AS k
GROUP BY k.contract_id HAVING sum(k.value) <> 0
"""
# Journals and batches without the entries they claim, and entries that no journal claims.
CLAIMS = """
WITH cash AS (SELECT journal_id, count(*) AS legs FROM ledger_entry
              WHERE batch_id = ANY (%(posted)s) GROUP BY journal_id),
     moves AS (SELECT journal_id, count(*) AS legs FROM position_entry
               WHERE batch_id = ANY (%(posted)s) GROUP BY journal_id)
SELECT 'journal without its legs', j.id, (j.legs - coalesce(e.legs, 0))::text
FROM journal j LEFT JOIN cash e ON e.journal_id = j.id
WHERE j.venue_id = %(venue)s AND j.legs <> coalesce(e.legs, 0)
UNION ALL
SELECT 'journal without its position legs', j.id, (j.position_legs - coalesce(e.legs, 0))::text
FROM journal j LEFT JOIN moves e ON e.journal_id = j.id
WHERE j.venue_id = %(venue)s AND j.position_legs <> coalesce(e.legs, 0)
UNION ALL
SELECT 'legs without a journal', e.journal_id, e.legs::text
FROM (TABLE cash UNION ALL TABLE moves) AS e
WHERE NOT EXISTS (SELECT FROM journal j WHERE j.id = e.journal_id)
UNION ALL
SELECT 'posted batch without its journal', b.id, b.state
FROM batch b WHERE b.venue_id = %(venue)s AND b.state = 'posted'
 AND NOT EXISTS (SELECT FROM journal j WHERE j.batch_id = b.id AND j.legs = b.cash_legs
                 AND j.position_legs = b.position_legs)
"""
WALLETS = """
SELECT a.tape_index, s.code, sum(b.amount)::bigint
FROM ledger_account l JOIN balance b ON b.ledger_account_id = l.id
JOIN exchange_account a ON a.id = l.account_id
JOIN exchange_asset s ON s.id = l.asset_id
WHERE l.venue_id = %s AND l.kind IN ('futures', 'funding', 'receivable')
GROUP BY a.tape_index, s.code
"""
HELD = """
SELECT a.tape_index, c.tape_index, p.quantity, p.cost
FROM position p JOIN exchange_account a ON a.id = p.account_id
JOIN exchange_contract c ON c.id = p.contract_id
WHERE c.venue_id = %s
"""


@dataclass(frozen=True)
class Report:
    """What was compared. `details` counts everything and names the first differences."""

    ledger_ok: bool
    positions_ok: bool
    details: dict[str, Any] = field(default_factory=dict)


def reconcile(venue: Venue) -> Report:
    """Rebuild every balance and position of a venue from its entries. Six statements.

    Also checks what must close to zero and that every journal has its legs.
    """
    arguments: dict[str, Any] = {"venue": venue.pk, "sample": SAMPLE}
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:  # the outermost transaction may choose its snapshot
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute(POSTED)
        (arguments["posted"],) = cursor.fetchone() or ([],)
        found = []
        for query in (LEDGER, POSITIONS):
            cursor.execute(query, arguments)
            found.append(cursor.fetchone() or (0, 0, None))
        cursor.execute(SUMS, arguments)
        sums = [list(row) for row in cursor.fetchall()]
        cursor.execute(CLAIMS, arguments)
        claims = [list(row) for row in cursor.fetchall()]
        cursor.execute(STRANGERS)
        claims += [list(row) for row in cursor.fetchall()]
    (balances, wrong_balances, off), (positions, wrong_positions, moved) = found
    cash_sums = [row for row in sums if row[0].startswith("balances")]
    return Report(
        ledger_ok=not wrong_balances and not cash_sums and not claims,
        positions_ok=not wrong_positions and len(sums) == len(cash_sums),
        details={
            "balances": balances,
            "balances_off": wrong_balances,
            "first_balances_off": off or [],
            "positions": positions,
            "positions_off": wrong_positions,
            "first_positions_off": moved or [],
            "sums_off": sums[:SAMPLE],
            "claims_off": claims[:SAMPLE],
        },
    )


def against_replay(venue: Venue, progress: Callable[[str, int, int], None] | None = None) -> Report:
    """Compare wallets and positions with a fresh replay of the venue's tape, out of the store.

    True of books that have only been opened: a posting since then shows as a difference. Wallets
    are compared as wallet plus receivable, because the replay knows no receivables.
    """
    record = Tape.objects.get(venue=venue)
    tape = store.load(record.digest)
    closing = books.closing_holdings(tape)
    if progress:
        progress("Comparing with the replay", 1, 2)
    accounts, assets = len(tape.accounts.code), len(tape.assets.code)
    cash = np.zeros((accounts, assets), np.int64)
    for table in (tape.balances, tape.transfers):
        np.add.at(cash, (table.account, table.asset), table.amount)
    at = (closing.account, books.settlement_assets(tape)[closing.contract])
    np.add.at(cash, at, closing.realised - closing.fees)
    held = np.zeros((2, accounts + 1, len(tape.specs)), np.int64)
    held[0, closing.account, closing.contract] = closing.quantity
    held[1, closing.account, closing.contract] = closing.cost
    ours, positions = _stored(venue, tape.assets.code, cash.shape, held.shape)
    wrong_cash = int((ours != cash).sum())
    wrong_held = int((positions[:, :accounts] != held[:, :accounts]).any(axis=0).sum())
    if progress:
        progress("Comparing with the replay", 2, 2)
    return Report(
        ledger_ok=not wrong_cash,
        positions_ok=not wrong_held,
        details={"wallets_off": wrong_cash, "positions_off": wrong_held, "tape": record.digest},
    )


def _stored(
    venue: Venue,
    codes: Sequence[str],
    cash_shape: tuple[int, int],
    held_shape: tuple[int, int, int],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Wallets [account, asset] and positions [2, account, contract] as the books have them."""
    cash, held = np.zeros(cash_shape, np.int64), np.zeros(held_shape, np.int64)
    number = {code: index for index, code in enumerate(codes)}
    with connection.cursor() as cursor:
        cursor.execute(WALLETS, [venue.pk])
        rows = cursor.fetchall()
        if rows:
            account, code, amount = zip(*rows, strict=True)
            cash[list(account), [number[name] for name in code]] = amount
        cursor.execute(HELD, [venue.pk])
        rows = cursor.fetchall()
        if rows:
            account, contract, quantity, cost = zip(*rows, strict=True)
            held[0, list(account), list(contract)] = quantity
            held[1, list(account), list(contract)] = cost
    return cash, held
