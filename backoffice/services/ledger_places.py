"""Finding ledger accounts by what they are: kind, asset, and the tape's number of their owner.

Plans are computed on arrays that number accounts, contracts and assets as the tape does; the ledger
has ids of its own. This is the one place where the two meet.
"""

from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from exchange.models import LedgerAccount, Venue

KINDS = tuple(LedgerAccount.Kind.values)
HOUSE = -1
I64 = NDArray[np.int64]
I16 = NDArray[np.int16]

LEDGER = """
    SELECT l.kind, l.asset_id, array_agg(l.id ORDER BY l.id),
           array_agg(coalesce(a.tape_index, c.tape_index, -1) ORDER BY l.id)
    FROM ledger_account l
    LEFT JOIN exchange_account a ON a.id = l.account_id
    LEFT JOIN exchange_contract c ON c.id = l.contract_id
    WHERE l.venue_id = %s GROUP BY l.kind, l.asset_id
"""
BALANCES = """
    SELECT l.asset_id, array_agg(coalesce(a.tape_index, -1)), array_agg(b.amount)
    FROM ledger_account l
    JOIN balance b ON b.ledger_account_id = l.id
    LEFT JOIN exchange_account a ON a.id = l.account_id
    WHERE l.venue_id = %s AND l.kind = %s GROUP BY l.asset_id
"""
MISSING = """
    INSERT INTO ledger_account (venue_id, kind, asset_id, account_id)
    SELECT %(venue)s, %(kind)s, %(asset)s, a.id
    FROM exchange_account a
    WHERE a.venue_id = %(venue)s AND a.tape_index = ANY (%(owners)s)
    ORDER BY a.tape_index
"""


class Numbers(NamedTuple):
    """The database's ids by the tape's numbers: `account[i]`, `contract[i]`, `asset[i]`."""

    account: I64
    contract: I64
    asset: I16


def numbers(venue: Venue, assets: tuple[str, ...]) -> Numbers:
    """Ids of a venue's accounts, contracts and of the tape's assets; three statements."""
    with connection.cursor() as cursor:
        found = []
        for table in ("exchange_account", "exchange_contract"):
            cursor.execute(
                f"SELECT array_agg(tape_index), array_agg(id) FROM {table} WHERE venue_id = %s",  # noqa: S608 - two fixed names
                [venue.pk],
            )
            found.append(_dense(*cursor.fetchone()))
        cursor.execute("SELECT code, id FROM exchange_asset WHERE code = ANY (%s)", [list(assets)])
        ids = dict(cursor.fetchall())
    return Numbers(found[0], found[1], np.array([ids[code] for code in assets], np.int16))


def find(*, venue: Venue, known: Numbers, kind: NDArray[np.int8], asset: I16, owner: I64) -> I64:
    """The ledger account of each (index into KINDS, asset number, owner number or HOUSE).

    Opens a customer's receivable or wallet where it has none. Two statements, and two more for
    each kind and asset that has some missing.
    """
    places = _places(venue)
    ids = _look_up(places, known, kind, asset, owner)
    if not (ids < 0).any():
        return ids
    absent = ids < 0
    for which, coin in np.unique(np.stack([kind[absent], asset[absent]]), axis=1).T:
        owners = np.unique(owner[absent & (kind == which) & (asset == coin)])
        _open(venue, KINDS[int(which)], int(known.asset[coin]), owners)
    ids = _look_up(_places(venue), known, kind, asset, owner)
    if (ids < 0).any():
        raise LookupError("a leg names a ledger account that does not exist")
    return ids


def balances(*, venue: Venue, known: Numbers, kind: str, accounts: int) -> dict[int, I64]:
    """Asset number -> balance of every account by number, 0 where there is none; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCES, [venue.pk, kind])
        rows = cursor.fetchall()
    by_asset = {}
    for asset_id, owners, amounts in rows:
        held, where = np.zeros(accounts, np.int64), np.array(owners, np.int64)
        ours = (where >= 0) & (where < accounts)  # the outside account is not on the tape
        held[where[ours]] = np.array(amounts, np.int64)[ours]
        by_asset[int(np.flatnonzero(known.asset == asset_id)[0])] = held
    return by_asset


def _places(venue: Venue) -> dict[tuple[str, int], I64]:
    """(kind, asset id) -> ids by owner number, the house's last; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(LEDGER, [venue.pk])
        return {(kind, asset): _dense(owners, ids) for kind, asset, ids, owners in cursor}


def _look_up(
    places: dict[tuple[str, int], I64],
    known: Numbers,
    kind: NDArray[np.int8],
    asset: I16,
    owner: I64,
) -> I64:
    found = np.full(len(kind), -1, np.int64)
    for which in np.unique(kind):
        for coin in np.unique(asset[kind == which]):
            rows = (kind == which) & (asset == coin)
            ids = places.get((KINDS[int(which)], int(known.asset[coin])))
            if ids is not None:
                inside = owner[rows] < len(ids) - 1
                found[rows] = np.where(inside, ids[np.where(inside, owner[rows], 0)], -1)
    return found


def _dense(numbers: list[int] | None, ids: list[int] | None) -> I64:
    """ids by number; one place more at the end, so that number -1 (the house) is the last."""
    where = np.array(numbers or [], np.int64)
    table = np.full(int(where.max(initial=-1)) + 2, -1, np.int64)
    table[where] = np.array(ids or [], np.int64)
    return table


def _open(venue: Venue, kind: str, asset_id: int, owners: I64) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            MISSING,
            {"venue": venue.pk, "kind": kind, "asset": asset_id, "owners": owners.tolist()},
        )
