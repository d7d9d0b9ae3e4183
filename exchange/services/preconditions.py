"""What a sealed batch assumes of the books, and what of it does not hold any more.

A seal notes every balance and position it touches, with its version. Posting compares them under
lock; here they are compared without one, to say early and in words that a batch can only be
computed anew. A version that moved counts even where the amount came back: somebody else acted in
between, and what was computed did not know it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exchange.models import Batch
from exchange.services.stage_tables import rows

# The owner's leg before the house's: a person looks for a name first.
BALANCE = """
    SELECT count(*) OVER (), l.id, l.kind, coalesce(a.code, c.symbol, ''), s.code, s.decimals,
           m.amount, b.amount, b.version - m.version
    FROM {cash_before} m
    JOIN balance b ON b.ledger_account_id = m.ledger_account_id
    JOIN ledger_account l ON l.id = m.ledger_account_id
    JOIN exchange_asset s ON s.id = l.asset_id
    LEFT JOIN exchange_account a ON a.id = l.account_id
    LEFT JOIN exchange_contract c ON c.id = l.contract_id
    WHERE (b.version, b.amount) IS DISTINCT FROM (m.version, m.amount)
    ORDER BY l.account_id IS NULL, m.seq LIMIT 1
"""
POSITION = """
    SELECT count(*) OVER (), a.id, c.id, a.code, c.symbol, s.code, s.decimals, m.quantity, m.cost,
           coalesce(p.quantity, 0), coalesce(p.cost, 0), coalesce(p.version, 0) - m.version
    FROM {positions_before} m
    LEFT JOIN position p ON p.account_id = m.account_id AND p.contract_id = m.contract_id
    JOIN exchange_account a ON a.id = m.account_id
    JOIN exchange_contract c ON c.id = m.contract_id
    JOIN exchange_asset s ON s.id = c.settle_id
    WHERE (coalesce(p.version, 0), coalesce(p.quantity, 0), coalesce(p.cost, 0))
        IS DISTINCT FROM (m.version, m.quantity, m.cost)
    ORDER BY m.seq LIMIT 1
"""
# Each journal moves a version by one, so the k-th last to touch it was the first since the seal.
CASH_SINCE = """
    SELECT j.recorded_at, j.key FROM journal j WHERE j.id IN (
        SELECT e.journal_id FROM ledger_entry e WHERE e.ledger_account_id = %s)
    ORDER BY j.recorded_at DESC OFFSET %s LIMIT 1
"""
POSITION_SINCE = """
    SELECT j.recorded_at, j.key FROM journal j WHERE j.id IN (
        SELECT e.journal_id FROM position_entry e WHERE e.account_id = %s AND e.contract_id = %s)
    ORDER BY j.recorded_at DESC OFFSET %s LIMIT 1
"""


@dataclass(frozen=True)
class BalanceMoved:
    """A balance that is not what the seal noted; minor units. `owner`: an account's code, a
    contract's symbol, or empty for the house. `since` and `journal`: what moved it first."""

    kind: str
    owner: str
    asset: str
    decimals: int
    was: int
    now: int
    since: datetime | None
    journal: str


@dataclass(frozen=True)
class PositionMoved:
    """A position that is not what the seal noted: (contracts, cost in minor units) twice."""

    owner: str
    contract: str
    asset: str
    decimals: int
    was: tuple[int, int]
    now: tuple[int, int]
    since: datetime | None
    journal: str


@dataclass(frozen=True)
class Moved:
    """How many balances and positions moved since the seal, and the first of either."""

    balances: int
    positions: int
    first: BalanceMoved | PositionMoved


def moved(batch: Batch) -> Moved | None:
    """What moved since the batch was sealed; None when everything it assumes still holds.

    Two joins by version, and one more look-up when something moved. Takes no locks, so posting
    asks again.
    """
    balances, first_balance = _balances(batch)
    positions, first_position = _positions(batch)
    first = first_balance or first_position
    return None if first is None else Moved(balances, positions, first)


def _balances(batch: Batch) -> tuple[int, BalanceMoved | None]:
    for count, place, kind, owner, asset, decimals, was, now, steps in rows(batch, BALANCE):
        since, journal = _since(batch, CASH_SINCE, [place], steps)
        return count, BalanceMoved(kind, owner, asset, decimals, was, now, since, journal)
    return 0, None


def _positions(batch: Batch) -> tuple[int, PositionMoved | None]:
    for count, account, contract, owner, symbol, asset, decimals, *amounts, steps in rows(
        batch, POSITION
    ):
        since, journal = _since(batch, POSITION_SINCE, [account, contract], steps)
        was, now = (amounts[0], amounts[1]), (amounts[2], amounts[3])
        return count, PositionMoved(owner, symbol, asset, decimals, was, now, since, journal)
    return 0, None


def _since(
    batch: Batch, statement: str, place: list[Any], steps: int
) -> tuple[datetime | None, str]:
    """When the first of the last `steps` journals of a place was recorded, and its key."""
    for found in rows(batch, statement, [*place, max(steps, 1) - 1]):
        return found
    return None, ""
