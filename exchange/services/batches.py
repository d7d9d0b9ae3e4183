"""Posting a batch: a million staged legs enter the ledger in one transaction, or none do.

Order inside the transaction, the same as in `sql/0002_ledger.sql`: the batch's row, the digests,
the journal, ATTACH, the sums, then the locks (balances by ledger account, positions by account and
contract), so that customers' balances are held for the shortest time. Nothing is shipped to the
client; PostgreSQL re-derives, sums, locks and moves in sets.

Everyday postings go on meanwhile: ATTACH takes SHARE UPDATE EXCLUSIVE on the parents, which writing
does not conflict with, and only the touched balances are locked. Two executions queue. Nobody is
waited for without end: not a backup that reads the staged legs, not a posting that was forgotten.
"""

from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter

from django.db import IntegrityError, transaction

from exchange import faults
from exchange.models import Batch, Journal
from exchange.services.ledger import insert_journal, require_transaction
from exchange.services.refusals import (
    AlreadyPosted,
    DigestMismatch,
    Stale,
    Unbalanced,
    WrongState,
)
from exchange.services.stage_tables import Digests, derive, journal_of, rows, run
from exchange.services.staging import (
    SETTLE_SECONDS_MAX,
    check_sums,
    discard,
    open_batch,
    seal,
    stage,
)
from exchange.services.waiting import patience

__all__ = [
    "AlreadyPosted",
    "DigestMismatch",
    "Digests",
    "Posting",
    "Stale",
    "Unbalanced",
    "WrongState",
    "check",
    "discard",
    "open_batch",
    "post",
    "reverse",
    "seal",
    "sealed_digests",
    "stage",
]

ATTACH_SECONDS_MAX = 60
"""Another execution is waited for; while this one waits it has locked no balance."""

# Autovacuum kept away while the stage was filled: it would have held a lock that attaching needs.
_ATTACH_CASH = """
ALTER TABLE {cash} RESET (autovacuum_enabled);
ALTER TABLE ledger_entry ATTACH PARTITION {cash} FOR VALUES IN ({id})
"""
_ATTACH_POSITIONS = """
ALTER TABLE {positions} RESET (autovacuum_enabled);
ALTER TABLE position_entry ATTACH PARTITION {positions} FOR VALUES IN ({id})
"""


@dataclass
class Posting:
    """What a posting (or its dry run) did: the journal, how much moved, seconds of each step."""

    journal: Journal
    cash_legs: int
    position_legs: int
    balances: int = 0
    positions: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


class _Clock:
    """Seconds since the step before; also where a process can be made to die."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = perf_counter()

    def reach(self, step: str) -> None:
        now = perf_counter()
        self.seconds[step] = now - self.last
        self.last = now
        faults.reach(f"batch.{step}")


def sealed_digests(batch: Batch) -> Digests:
    """The digests the batch was sealed under."""
    return Digests(batch.cash_digest, batch.position_digest, batch.precondition_digest)


def post(batch: Batch, expected: Digests) -> Posting:
    """Attach a sealed batch to the ledger and move what it moves, in the caller's transaction.

    `expected` is what was approved. Exactly one caller wins; any other raises `AlreadyPosted`.
    Raises `DigestMismatch` (staged, sealed and expected differ), `Stale` (a touched balance or
    position moved since the seal), `Unbalanced`, `WrongState`, and `Busy` when somebody holds the
    legs or what they touch for longer than is waited for. The caller rolls back on each.
    """
    require_transaction()
    clock = _Clock()
    _claim(batch)
    clock.reach("claimed")
    return _apply(batch, expected, clock)


def check(batch: Batch) -> Posting:
    """Dry run of a sealed batch: everything `post` does, then rolled back.

    Raises what `post` would raise. Holds the same locks for the same time; nothing of it remains,
    and no approval is needed, because that is asked for when a posting is committed.
    """
    with transaction.atomic():
        _claim(batch)
        posting = _apply(batch, sealed_digests(batch), _Clock())
        transaction.set_rollback(True)
    batch.refresh_from_db()
    return posting


def _apply(batch: Batch, expected: Digests, clock: "_Clock") -> Posting:
    """All of a posting after the claim; the steps are named where a process can be made to die."""
    run(batch, "SET LOCAL work_mem = '64MB'")
    batch.refresh_from_db()
    found = derive(batch)
    if not found == sealed_digests(batch) == expected:
        raise DigestMismatch(
            f"batch {batch.pk}: approved {expected}, sealed {sealed_digests(batch)}, found {found}"
        )
    clock.reach("digested")
    posting = Posting(_journal(batch), batch.cash_legs, batch.position_legs)
    clock.reach("journal")
    with patience(ATTACH_SECONDS_MAX, "the ledger or the staged legs (a backup, a report)"):
        run(batch, _ATTACH_CASH)
        clock.reach("cash_attached")
        run(batch, _ATTACH_POSITIONS)
        clock.reach("positions_attached")
    if check_sums(batch) != (batch.cash_legs, batch.position_legs):
        raise Unbalanced(f"batch {batch.pk} does not have the legs it was sealed with")
    clock.reach("summed")
    with patience(SETTLE_SECONDS_MAX, "a balance or a position that this one moves"):
        _lock_balances(batch)
        clock.reach("balances_locked")
        _lock_positions(batch)
        clock.reach("positions_locked")
        posting.balances = _move_balances(batch)
        clock.reach("balances_moved")
        posting.positions = _move_positions(batch)
        clock.reach("positions_moved")
    _verify(batch)
    clock.reach("verified")
    check_conservation(batch)
    clock.reach("conserved")
    posting.seconds = clock.seconds
    return posting


def reverse(batch: Batch, *, key: str, reason: str, effective_at: datetime) -> Batch:
    """Stage and seal the exact opposite of a posted batch: its undo, to be approved like any other.

    The legs are written by PostgreSQL from the posted ones, in the same order. The batch returned
    is sealed. A batch is reversed at most once.
    """
    if batch.state != Batch.State.POSTED:
        raise WrongState(f"batch {batch.pk} is {batch.state}: only a posted one is reversed")
    assert batch.venue is not None, "every batch but the everyday one is of a venue"
    with transaction.atomic():
        undo = open_batch(
            venue=batch.venue, key=key, reason=reason, effective_at=effective_at, reverses=batch
        )
        for statement in (
            "INSERT INTO {cash} (seq, ledger_account_id, asset_id, amount)"
            " SELECT seq, ledger_account_id, asset_id, -amount FROM {other_cash} ORDER BY seq",
            "INSERT INTO {positions} (seq, account_id, contract_id, quantity, cost)"
            " SELECT seq, account_id, contract_id, -quantity, -cost FROM {other_positions}"
            " ORDER BY seq",
        ):
            run(undo, statement, other=batch)
        seal(undo)
    return undo


def check_conservation(batch: Batch) -> None:
    """Over the whole venue: balances sum to zero per asset, positions to zero per contract.

    And per contract what is in clearing is minus what the positions cost. Raises `Unbalanced`.
    """
    for noun, key, excess in rows(
        batch,
        "SELECT 'balances of asset', a.asset_id, sum(b.amount) FROM balance b"
        " JOIN ledger_account a ON a.id = b.ledger_account_id WHERE a.venue_id = %s"
        " GROUP BY a.asset_id HAVING sum(b.amount) <> 0"
        " UNION ALL SELECT 'contracts of', c.id, sum(p.quantity) FROM position p"
        " JOIN exchange_contract c ON c.id = p.contract_id WHERE c.venue_id = %s"
        " GROUP BY c.id HAVING sum(p.quantity) <> 0"
        " UNION ALL SELECT 'cost less clearing of', k.contract_id, sum(k.value) FROM ("
        "  SELECT p.contract_id, p.cost AS value FROM position p"
        "  JOIN exchange_contract c ON c.id = p.contract_id WHERE c.venue_id = %s"
        "  UNION ALL SELECT a.contract_id, b.amount FROM balance b"
        "  JOIN ledger_account a ON a.id = b.ledger_account_id"
        "  WHERE a.venue_id = %s AND a.kind = 'clearing') AS k"
        " GROUP BY k.contract_id HAVING sum(k.value) <> 0",
        [batch.venue_id] * 4,
    ):
        raise Unbalanced(f"the books do not close: {noun} {key} sum to {excess}")


def _claim(batch: Batch) -> None:
    """The gate: of any number of posters one changes this row, and the rest see it changed."""
    changed = run(
        batch,
        "UPDATE batch SET state = 'posted', posted_at = clock_timestamp()"
        " WHERE id = {id} AND state = 'sealed'",
    )
    if changed == 1:
        return
    state = Batch.objects.values_list("state", flat=True).get(pk=batch.pk)
    if state == Batch.State.POSTED:
        raise AlreadyPosted(f"batch {batch.pk} is in the ledger already")
    raise WrongState(f"batch {batch.pk} is {state}, not sealed")


def _journal(batch: Batch) -> Journal:
    if batch.venue is None or batch.effective_at is None:
        raise WrongState(f"batch {batch.pk} has no venue or no effective time")
    reversed_journal = None
    if batch.reverses_id is not None:
        reversed_journal = Journal.objects.values_list("pk", flat=True).get(
            batch_id=batch.reverses_id
        )
    journal, made = insert_journal(
        venue=batch.venue, batch_id=batch.pk, journal_id=journal_of(batch),
        key=f"batch:{batch.key}", reason=batch.reason, memo="", effective_at=batch.effective_at,
        reverses_id=reversed_journal, legs=batch.cash_legs, position_legs=batch.position_legs,
        content=tuple(sealed_digests(batch)),
    )  # fmt: skip
    if not made:
        raise AlreadyPosted(f"journal {journal.key} is in the ledger already")
    return journal


def _lock_balances(batch: Batch) -> None:
    """Lock every touched balance in key order; each is still what it was at the seal."""
    ((moved, sample),) = rows(
        batch,
        "SELECT count(*), min(ledger_account_id) FROM (SELECT m.ledger_account_id, m.version,"
        " m.amount, b.version AS version_now, b.amount AS amount_now FROM {cash_before} m"
        " JOIN balance b ON b.ledger_account_id = m.ledger_account_id"
        " ORDER BY b.ledger_account_id FOR NO KEY UPDATE OF b) AS locked"
        " WHERE (version, amount) IS DISTINCT FROM (version_now, amount_now)",
    )
    if moved:
        raise Stale(f"{moved} balances moved since the seal, the first of ledger account {sample}")


def _lock_positions(batch: Batch) -> None:
    """Lock every touched position in key order; each is still what it was at the seal."""
    ((moved, sample),) = rows(
        batch,
        "SELECT count(*), min(account_id) FROM (SELECT m.account_id, m.version, m.quantity,"
        " m.cost, p.version AS version_now, p.quantity AS quantity_now, p.cost AS cost_now"
        " FROM {positions_before} m JOIN position p ON p.account_id = m.account_id"
        " AND p.contract_id = m.contract_id ORDER BY p.account_id, p.contract_id"
        " FOR NO KEY UPDATE OF p) AS locked WHERE (version, quantity, cost)"
        " IS DISTINCT FROM (version_now, quantity_now, cost_now)",
    )
    if moved:
        raise Stale(f"{moved} positions moved since the seal, the first of account {sample}")


def _move_balances(batch: Batch) -> int:
    """Add to each balance what its legs sum to.

    The seal summed them, once, over rows that it froze; the digests just re-derived prove that the
    legs and the sums are still those.
    """
    return _moved(
        batch,
        "SELECT coalesce(books_move_balances(array_agg(ledger_account_id ORDER BY seq),"
        " array_agg(delta ORDER BY seq), true), 0) FROM {cash_before}",
    )


def _move_positions(batch: Batch) -> int:
    return _moved(
        batch,
        "SELECT coalesce(books_move_positions(array_agg(account_id ORDER BY seq),"
        " array_agg(contract_id ORDER BY seq), array_agg(quantity_delta ORDER BY seq),"
        " array_agg(cost_delta ORDER BY seq), true), 0) FROM {positions_before}",
    )


def _moved(batch: Batch, query: str) -> int:
    """Run a moving function; what a balance's or position's own constraint refuses is named."""
    try:
        ((moved,),) = rows(batch, query)
    except IntegrityError as error:
        raise Unbalanced(f"batch {batch.pk}: {error}") from error
    return int(moved)


def _verify(batch: Batch) -> None:
    """Each balance and position is what it was plus what was approved, one version on."""
    ((cash, moves),) = rows(
        batch,
        "SELECT (SELECT count(*) FROM {cash_before} m LEFT JOIN balance b"
        "  ON b.ledger_account_id = m.ledger_account_id WHERE (b.amount, b.version)"
        "  IS DISTINCT FROM (m.amount + m.delta, m.version + 1)),"
        " (SELECT count(*) FROM {positions_before} m LEFT JOIN position p"
        "  ON p.account_id = m.account_id AND p.contract_id = m.contract_id"
        "  WHERE (p.quantity, p.cost, p.version) IS DISTINCT FROM"
        "  (m.quantity + m.quantity_delta, m.cost + m.cost_delta, m.version + 1))",
    )
    if cash or moves:
        raise Stale(
            f"batch {batch.pk}: {cash} balances and {moves} positions moved while it was posted"
        )
