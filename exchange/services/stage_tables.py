"""The four tables of a batch: their names, their making, and the digests PostgreSQL takes of them.

Batch n has `ledger_stage_n` and `position_stage_n`, which become its partitions of the ledger, and
`ledger_before_n` and `position_before_n`: one row for each balance and position it touches, with
what it was when the batch was sealed and what the batch adds to it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection
from psycopg import sql

from exchange.domain import legs as canonical
from exchange.models import Batch

CASH = ["ledger_account_id", "asset_id", "amount"]
POSITIONS = ["account_id", "contract_id", "quantity", "cost"]
CASH_BEFORE = ["ledger_account_id", "asset_id", "amount", "version", "delta"]
POSITIONS_BEFORE = [
    "account_id", "contract_id", "quantity", "cost", "version", "quantity_delta", "cost_delta",
]  # fmt: skip

CREATE = """
CREATE TABLE {cash} (LIKE ledger_entry INCLUDING CONSTRAINTS, CHECK (batch_id = {id}));
ALTER TABLE {cash} ALTER batch_id SET DEFAULT {id}, ALTER journal_id SET DEFAULT {journal},
    ADD CHECK (journal_id = {journal}), SET (autovacuum_enabled = off);
CREATE TABLE {positions} (LIKE position_entry INCLUDING CONSTRAINTS, CHECK (batch_id = {id}));
ALTER TABLE {positions} ALTER batch_id SET DEFAULT {id}, ALTER journal_id SET DEFAULT {journal},
    ADD CHECK (journal_id = {journal}), SET (autovacuum_enabled = off);
"""
# Whatever the parents have, so that attaching builds nothing.
INDEX = """
ALTER TABLE {cash} ADD CONSTRAINT {cash_pkey} PRIMARY KEY (batch_id, seq);
CREATE INDEX {cash_account} ON {cash} (ledger_account_id, journal_id, seq);
CREATE INDEX {cash_journal} ON {cash} (journal_id, seq);
ALTER TABLE {positions} ADD CONSTRAINT {positions_pkey} PRIMARY KEY (batch_id, seq);
CREATE INDEX {positions_account} ON {positions} (account_id, journal_id, seq);
CREATE INDEX {positions_journal} ON {positions} (journal_id, seq);
"""
BEFORE = """
CREATE TABLE {cash_before} AS
SELECT row_number() OVER (ORDER BY m.ledger_account_id) AS seq, m.ledger_account_id, m.asset_id,
       coalesce(b.amount, 0) AS amount, coalesce(b.version, 0) AS version, m.delta
FROM (SELECT ledger_account_id, asset_id, books_sum(amount) AS delta
      FROM {cash} GROUP BY ledger_account_id, asset_id) AS m
LEFT JOIN balance b ON b.ledger_account_id = m.ledger_account_id;
ALTER TABLE {cash_before} ADD PRIMARY KEY (seq);
CREATE TABLE {positions_before} AS
SELECT row_number() OVER (ORDER BY m.account_id, m.contract_id) AS seq, m.account_id,
       m.contract_id, coalesce(p.quantity, 0) AS quantity, coalesce(p.cost, 0) AS cost,
       coalesce(p.version, 0) AS version, m.quantity_delta, m.cost_delta
FROM (SELECT account_id, contract_id, books_sum(quantity) AS quantity_delta,
             books_sum(cost) AS cost_delta
      FROM {positions} GROUP BY account_id, contract_id) AS m
LEFT JOIN position p ON p.account_id = m.account_id AND p.contract_id = m.contract_id;
ALTER TABLE {positions_before} ADD PRIMARY KEY (seq);
ANALYZE {cash}, {positions}, {cash_before}, {positions_before};
"""
FREEZE = """
CREATE TRIGGER stage_frozen BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {cash}
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
CREATE TRIGGER stage_frozen BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {positions}
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
CREATE TRIGGER stage_frozen BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {cash_before}
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
CREATE TRIGGER stage_frozen BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {positions_before}
    FOR EACH STATEMENT EXECUTE FUNCTION books_refuse();
"""
# The last number stands for the count where `check_sums` proves that they are the same.
DIGEST = """
SELECT books_digest(%s, %s::regclass, %s, %s,
                    (SELECT coalesce(max(seq), 0) FROM {cash} WHERE batch_id = {id}), {id}),
       books_digest(%s, %s::regclass, %s, %s,
                    (SELECT coalesce(max(seq), 0) FROM {positions} WHERE batch_id = {id}), {id}),
       books_digest(%s, %s::regclass, %s, %s, (SELECT count(*) FROM {cash_before})),
       books_digest(%s, %s::regclass, %s, %s, (SELECT count(*) FROM {positions_before}))
"""


class Digests(NamedTuple):
    """What officers approve and the execution re-derives, each 64 hex characters."""

    cash: str
    positions: str
    preconditions: str


def derive(batch: Batch) -> Digests:
    """The digests of a sealed batch's tables as they are now, computed by PostgreSQL.

    Only rows numbered 1..n are digested; that there are no others is `check_sums`' to prove.
    """
    header = [batch.pk, journal_of(batch)]
    arguments: list[Any] = []
    for label, table, columns in (
        (canonical.CASH_LABEL, "cash", CASH),
        (canonical.POSITION_LABEL, "positions", POSITIONS),
        (canonical.CASH_BEFORE_LABEL, "cash_before", CASH_BEFORE),
        (canonical.POSITION_BEFORE_LABEL, "positions_before", POSITIONS_BEFORE),
    ):
        arguments += [label, name(batch, table), columns, header]
    (found,) = rows(batch, DIGEST, arguments)
    cash, positions, *before = found
    return Digests(cash, positions, canonical.join(before))


def journal_of(batch: Batch) -> int | None:
    """The number of the journal that a batch's legs name; None before there are legs."""
    ((number,),) = rows(
        batch,
        "SELECT coalesce((SELECT journal_id FROM {cash} LIMIT 1),"
        " (SELECT journal_id FROM {positions} LIMIT 1))",
    )
    return None if number is None else int(number)


def name(batch: Batch, table: str) -> str:
    """The name in the database of `cash`, `positions`, `cash_before` or `positions_before`."""
    noun, _, before = table.partition("_")
    stem = {"cash": "ledger", "positions": "position"}[noun]
    return f"{stem}_{before or 'stage'}_{batch.pk}"


def run(
    batch: Batch,
    text: str,
    arguments: Sequence[Any] | None = None,
    *,
    other: Batch | None = None,
    **values: int,
) -> int:
    """Run statements over a batch's tables, named {cash}, {positions}, {…_before}; {id} is its own.

    {other_…} are the tables of a second batch. Returns the rows the last statement counted.
    """
    with connection.cursor() as cursor:
        cursor.execute(_compose(batch, text, values, other), arguments)
        return int(cursor.rowcount)


def rows(
    batch: Batch,
    text: str,
    arguments: Sequence[Any] | None = None,
    *,
    other: Batch | None = None,
) -> list[tuple[Any, ...]]:
    """The rows of one query over a batch's tables, named as in `run`; {other_…} of a second."""
    with connection.cursor() as cursor:
        cursor.execute(_compose(batch, text, {}, other), arguments)
        return list(cursor.fetchall())


def _compose(
    batch: Batch, text: str, values: dict[str, int], other: Batch | None = None
) -> sql.Composed:
    names: dict[str, sql.Composable] = {key: sql.Literal(value) for key, value in values.items()}
    names["id"] = sql.Literal(batch.pk)
    for table in ("cash", "positions", "cash_before", "positions_before"):
        names[table] = sql.Identifier(name(batch, table))
        names[f"other_{table}"] = sql.Identifier(name(other or batch, table))
        for index in ("pkey", "account", "journal"):
            names[f"{table}_{index}"] = sql.Identifier(f"{name(batch, table)}_{index}")
    return sql.SQL(text).format(**names)
