"""A batch before it is posted: legs staged in tables of their own, then sealed under digests.

Sealing does ahead of time all that attaching would do under lock (indexes, the CHECK that spares
the scan), checks what the everyday triggers would check, notes what every touched balance and
position is now, freezes the tables and digests them. Nothing here moves money.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from psycopg.errors import LockNotAvailable, UndefinedTable

from exchange import faults
from exchange.domain.legs import CashLegs, PositionLegs
from exchange.models import Batch, Venue
from exchange.services import stage_tables
from exchange.services.copying import copy_columns
from exchange.services.refusals import (
    Busy,
    KeyReused,
    NotAReversal,
    Stale,
    TooLarge,
    Unbalanced,
    WrongState,
)
from exchange.services.stage_tables import Digests, rows, run

_LAST_CASH = "SELECT coalesce(max(seq), 0) FROM {cash}"
_LAST_POSITION = "SELECT coalesce(max(seq), 0) FROM {positions}"
_CROSSED = """
    SELECT a.code, l.kind || CASE l.kind WHEN 'receivable' THEN '' ELSE ' wallet' END, s.code,
           m.amount, m.delta, s.decimals, count(*) OVER ()
    FROM {cash_before} m
    JOIN balance b ON b.ledger_account_id = m.ledger_account_id
    JOIN ledger_account l ON l.id = m.ledger_account_id
    JOIN exchange_account a ON a.id = l.account_id
    JOIN exchange_asset s ON s.id = l.asset_id
    WHERE b.sign = %s AND (m.amount + m.delta) * b.sign < 0
    ORDER BY m.ledger_account_id LIMIT %s
"""
NAMED_MAX = 3
SETTLE_SECONDS_MAX = 10
"""An everyday posting takes milliseconds; one that is open for longer was forgotten."""


def open_batch(
    *,
    venue: Venue,
    key: str,
    reason: str,
    effective_at: datetime,
    reverses: Batch | None = None,
) -> Batch:
    """A draft with empty staging tables; its journal's number is reserved, for legs to name.

    Read what the legs are computed from after this call. Journals that were being written when the
    batch was opened are waited for, so the reader sees them; one recorded later that touches the
    same accounts makes `seal` refuse. So no journal is missed by both. Raises `KeyReused`, or
    `Busy` when a posting is left open for more than `SETTLE_SECONDS_MAX`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO batch (venue_id, key, reason, state, cash_legs, position_legs,"
            " cash_digest, position_digest, precondition_digest, effective_at, created_at,"
            " reverses_id) VALUES (%s, %s, %s, 'draft', 0, 0, '', '', '', %s, clock_timestamp(),"
            " %s) ON CONFLICT (key) DO NOTHING"
            " RETURNING id, nextval(pg_get_serial_sequence('journal', 'id'))",
            [venue.pk, key, reason, effective_at, reverses.pk if reverses else None],
        )
        made = cursor.fetchone()
        if made is None:
            raise KeyReused(f"a batch {key} exists")
        batch = Batch.objects.get(pk=made[0])
        run(batch, stage_tables.CREATE, journal=made[1])
        # After the batch has its time: whoever is not waited for here is recorded after it.
        cursor.execute("SELECT books_settle(make_interval(secs => %s))", [SETTLE_SECONDS_MAX])
        if cursor.fetchone() != (True,):
            raise Busy(
                f"a posting has been open for more than {SETTLE_SECONDS_MAX} seconds, and what it"
                " does cannot be seen yet: try again when it has ended"
            )
    return batch


def stage(batch: Batch, cash: CashLegs | None = None, positions: PositionLegs | None = None) -> int:
    """Append legs to a draft by COPY; returns how many. May be called again with more.

    Raises `TooLarge` for more than are posted in one transaction, `WrongState`.
    """
    wanted = sum(len(legs[-1]) for legs in (cash, positions) if legs is not None)
    _require_postable(wanted)  # before a byte of them is copied
    with transaction.atomic():
        _require_draft(batch)
        staged = 0
        if cash is not None and len(cash.amount):
            numbers = _next_numbers(batch, _LAST_CASH, len(cash.amount))
            staged += _append(batch, "cash", stage_tables.CASH, [numbers, *cash])
        faults.reach("stage.cash")
        if positions is not None and len(positions.cost):
            numbers = _next_numbers(batch, _LAST_POSITION, len(positions.cost))
            staged += _append(batch, "positions", stage_tables.POSITIONS, [numbers, *positions])
        faults.reach("stage.positions")
    return staged


def seal(batch: Batch) -> Digests:
    """Check, index, freeze and digest a draft; from here it is posted as it is, or discarded.

    Raises `Unbalanced` (sums, assets, venues, a wallet that would end below zero), `NotAReversal`,
    `Stale` (the books moved since the batch was opened), `TooLarge` and `WrongState`.
    """
    with transaction.atomic():
        _require_draft(batch)
        counts = check_sums(batch)
        if not any(counts):
            raise Unbalanced("a batch has at least one leg")
        _require_postable(sum(counts))
        run(batch, stage_tables.INDEX)
        faults.reach("seal.indexed")
        run(batch, stage_tables.BEFORE)
        _check_accounts(batch)
        _check_bounds(batch)
        _check_clearing(batch)
        _check_still(batch)
        if batch.reverses_id is not None:
            _check_opposite(batch)
        faults.reach("seal.checked")
        run(batch, stage_tables.FREEZE)
        digests = stage_tables.derive(batch)
        run(
            batch,
            "UPDATE batch SET state = 'sealed', sealed_at = clock_timestamp(),"
            " cash_legs = %s, position_legs = %s,"
            " cash_digest = %s, position_digest = %s, precondition_digest = %s WHERE id = {id}",
            [*counts, *digests],
        )
        faults.reach("seal.sealed")
    batch.refresh_from_db()
    return digests


def discard(batch: Batch) -> None:
    """End a batch that was never posted, and drop its staging. Raises `WrongState`.

    Tables that somebody reads, as a backup does for long, are not waited for: nobody posts them any
    more, and the next discard drops them.
    """
    with transaction.atomic():
        if not run(
            batch,
            "UPDATE batch SET state = 'discarded' WHERE id = {id} AND state IN ('draft', 'sealed')",
        ):
            raise WrongState(f"batch {batch.pk} is neither draft nor sealed: nothing to discard")
        for (number,) in rows(
            batch,
            "SELECT id FROM batch WHERE state = 'discarded'"
            " AND to_regclass('ledger_stage_' || id) IS NOT NULL ORDER BY id",
        ):
            _drop(Batch(pk=number))
    batch.refresh_from_db()


def _drop(batch: Batch) -> None:
    """Drop a discarded batch's tables, unless somebody reads them or has just dropped them."""
    try:
        with transaction.atomic():
            run(batch, "LOCK TABLE {cash}, {positions} IN ACCESS EXCLUSIVE MODE NOWAIT")
            run(
                batch, "DROP TABLE IF EXISTS {cash}, {positions}, {cash_before}, {positions_before}"
            )
    except DatabaseError as error:
        if not isinstance(error.__cause__, (LockNotAvailable, UndefinedTable)):
            raise


def check_sums(batch: Batch) -> tuple[int, int]:
    """How many legs of each kind there are, numbered 1..n and summing to zero. Two statements.

    Raises `Unbalanced`. The same check seals a batch and is made again when it is posted.
    """
    counts = []
    for query, noun in (
        ("SELECT asset_id, sum(amount), count(*), min(seq), max(seq) FROM {cash}", "asset"),
        (
            "SELECT contract_id, sum(quantity), count(*), min(seq), max(seq) FROM {positions}",
            "contract",
        ),
    ):
        found = rows(batch, f"{query} GROUP BY 1")
        for group, excess, *_ in found:
            if excess:
                raise Unbalanced(f"batch {batch.pk}: {noun} {group} is off by {excess}")
        legs = sum(row[2] for row in found)
        if found and (min(row[3] for row in found), max(row[4] for row in found)) != (1, legs):
            raise Unbalanced(f"batch {batch.pk}: legs are not numbered 1 to {legs}")
        counts.append(legs)
    return counts[0], counts[1]


def _require_postable(legs: int) -> None:
    """Raise `TooLarge` for more legs than one transaction posts."""
    most = settings.BATCH_LEGS_MAX
    if legs > most:
        raise TooLarge(
            f"it has {legs:,} legs, and at most {most:,} are posted in one transaction; it is not"
            " split, because half of a remedy must never be seen: narrow what it covers"
        )


def _require_draft(batch: Batch) -> None:
    """Lock the batch's row; raise `WrongState` unless it is a draft."""
    state = Batch.objects.select_for_update().values_list("state", flat=True).get(pk=batch.pk)
    if state != Batch.State.DRAFT:
        raise WrongState(f"batch {batch.pk} is {state}, not a draft")


def _append(
    batch: Batch, table: str, names: Sequence[str], columns: Sequence[npt.NDArray[Any]]
) -> int:
    return copy_columns(
        stage_tables.name(batch, table), list(zip(["seq", *names], columns, strict=True))
    )


def _next_numbers(batch: Batch, last_number: str, count: int) -> npt.NDArray[np.int64]:
    """The numbers of `count` legs after those staged so far."""
    ((last,),) = rows(batch, last_number)
    return np.arange(last + 1, last + 1 + count, dtype=np.int64)


def _check_accounts(batch: Batch) -> None:
    """Every leg's account exists, is of the batch's venue and holds the leg's asset."""
    found = rows(
        batch,
        "SELECT m.ledger_account_id, m.asset_id, a.asset_id, a.venue_id FROM {cash_before} m"
        " LEFT JOIN ledger_account a ON a.id = m.ledger_account_id"
        " WHERE a.id IS NULL OR a.asset_id <> m.asset_id OR a.venue_id <> %s LIMIT 1",
        [batch.venue_id],
    )
    for account, asset, held, _ in found:
        if held is None:
            raise Unbalanced(f"ledger account {account} does not exist")
        raise Unbalanced(
            f"ledger account {account} holds asset {held}; a leg is in asset {asset},"
            f" or it is of another venue than {batch.venue_id}"
        )
    for account, contract in rows(
        batch,
        "SELECT m.account_id, m.contract_id FROM {positions_before} m"
        " LEFT JOIN exchange_account a ON a.id = m.account_id AND a.venue_id = %s"
        " LEFT JOIN exchange_contract c ON c.id = m.contract_id AND c.venue_id = %s"
        " WHERE a.id IS NULL OR c.id IS NULL LIMIT 1",
        [batch.venue_id, batch.venue_id],
    ):
        raise Unbalanced(f"account {account} and contract {contract} are not both of this venue")


def _check_bounds(batch: Batch) -> None:
    """No customer's wallet ends below zero and no receivable above it: nobody is forgiven more than
    is owed. No closed position keeps a cost: each is a leg."""
    for sign, ends, instead in (
        (1, "wallets would end below zero", "charge the shortfall to a receivable or to the house"),
        (-1, "receivables would end above zero", "pay what is not owed any more into a wallet"),
    ):
        if crossed := rows(batch, _CROSSED, [sign, NAMED_MAX]):
            named = "; ".join(
                f"the {kind} of {code} holds {_units(before, decimals)} {asset} and would"
                f" change by {_units(delta, decimals)}"
                for code, kind, asset, before, delta, decimals, _ in crossed
            )
            others = crossed[0][-1] - len(crossed)
            more = f", and {others} more" if others else ""
            raise Unbalanced(f"{ends}: {named}{more}: {instead}")
    for account, contract, cost in rows(
        batch,
        "SELECT a.code, c.symbol, m.cost + m.cost_delta FROM {positions_before} m"
        " JOIN exchange_account a ON a.id = m.account_id"
        " JOIN exchange_contract c ON c.id = m.contract_id"
        " WHERE m.quantity + m.quantity_delta = 0 AND m.cost + m.cost_delta <> 0"
        " ORDER BY m.seq LIMIT 1",
    ):
        raise Unbalanced(
            f"account {account} would end flat in {contract} with a cost of {cost}:"
            " a closed position realises all of it"
        )


def _units(amount: int, decimals: int) -> str:
    """Minor units as people read them: exact, with all decimals."""
    return f"{Decimal(amount).scaleb(-decimals):f}"


def _check_clearing(batch: Batch) -> None:
    """What positions cost more is what clearing paid out: per contract the two cancel."""
    for contract, excess in rows(
        batch,
        "SELECT contract_id, sum(value) FROM ("
        " SELECT a.contract_id, m.delta AS value FROM {cash_before} m"
        " JOIN ledger_account a ON a.id = m.ledger_account_id AND a.kind = 'clearing'"
        " UNION ALL SELECT contract_id, cost_delta FROM {positions_before}) AS both_sides"
        " GROUP BY contract_id HAVING sum(value) <> 0 LIMIT 1",
    ):
        raise Unbalanced(
            f"contract {contract}: clearing legs and position costs are off by {excess}"
        )


def _check_still(batch: Batch) -> None:
    """No journal recorded since the batch was opened touched what the batch touches."""
    for journal in rows(
        batch,
        "SELECT j.key FROM journal j WHERE j.venue_id = %s AND j.recorded_at >= %s AND ("
        " EXISTS (SELECT FROM ledger_entry e JOIN {cash_before} m USING (ledger_account_id)"
        "  WHERE e.batch_id = j.batch_id AND e.journal_id = j.id)"
        " OR EXISTS (SELECT FROM position_entry e JOIN {positions_before} m"
        "  USING (account_id, contract_id)"
        "  WHERE e.batch_id = j.batch_id AND e.journal_id = j.id)) LIMIT 1",
        [batch.venue_id, batch.created_at],
    ):
        raise Stale(f"{journal[0]} was posted since batch {batch.pk} was opened: compute it anew")


def _check_opposite(batch: Batch) -> None:
    """A batch that reverses another cancels it in every balance and position."""
    other = batch.reverses
    assert other is not None, "asked only of a batch that reverses one"
    if other.state != Batch.State.POSTED:
        raise NotAReversal(f"batch {other.pk} is {other.state}: only a posted one is reversed")
    ((differences,),) = rows(
        batch,
        "SELECT (SELECT count(*) FROM (SELECT FROM (SELECT ledger_account_id, delta"
        " FROM {cash_before} UNION ALL SELECT ledger_account_id, delta FROM {other_cash_before})"
        " AS c GROUP BY ledger_account_id HAVING sum(delta) <> 0) AS cash)"
        " + (SELECT count(*) FROM (SELECT FROM (SELECT account_id, contract_id, quantity_delta,"
        " cost_delta FROM {positions_before} UNION ALL SELECT account_id, contract_id,"
        " quantity_delta, cost_delta FROM {other_positions_before}) AS p GROUP BY account_id,"
        " contract_id HAVING sum(quantity_delta) <> 0 OR sum(cost_delta) <> 0) AS moves)",
        other=other,
    )
    if differences:
        raise NotAReversal(
            f"batch {batch.pk} does not cancel batch {other.pk}: {differences} differences"
        )
