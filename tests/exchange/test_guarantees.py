"""The database's own refusals, attacked in plain SQL: no Python of ours stands in between.

Every refusal also shows that nothing changed. Statements name rows as {w0}, {btc}, {journal}...
"""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from exchange.domain.legs import cash_legs, position_legs
from exchange.models import Batch
from exchange.services import batches, ledger, reconciliation
from tests.exchange.services.conftest import books
from tests.exchange.services.small_books import NOON, Books, open_small, snapshot

__all__ = ["books"]


def run(names: dict[str, int], *statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement.format(**names))


def refuse(names: dict[str, int], message: str, *statements: str) -> None:
    """Each of the statements is one attempt; together they are refused and change nothing."""
    connection.check_constraints()
    before = snapshot()
    with pytest.raises(DatabaseError, match=message), transaction.atomic():
        run(names, *statements, "SET CONSTRAINTS ALL IMMEDIATE")
    assert snapshot() == before


def journal(legs: int, moves: int = 0, key: str = "attack") -> str:
    """A statement that writes a journal of number 900."""
    return (
        "INSERT INTO journal (id, venue_id, batch_id, key, content_hash, reason, memo, legs,"
        " position_legs, effective_at, recorded_at)"
        f" VALUES (900, {{venue}}, 0, '{key}', '', 'r', '', {legs}, {moves}, now(), now())"
    )


CASH = "INSERT INTO {table} (journal_id, ledger_account_id, asset_id, amount) VALUES {rows}"
MOVES = "INSERT INTO {table} (journal_id, account_id, contract_id, quantity, cost) VALUES {rows}"


def cash(*rows: str, table: str = "ledger_entry") -> str:
    return CASH.format(table=table, rows=", ".join(f"(900, {row})" for row in rows))


def moves(*rows: str, table: str = "position_entry") -> str:
    return MOVES.format(table=table, rows=", ".join(f"(900, {row})" for row in rows))


def traded(books: Books) -> dict[str, int]:
    """Books in which every table has a row to attack."""
    a, b = books.accounts[:2]
    ledger.post(
        venue=books.venue, key="trade", reason="trade", effective_at=NOON,
        legs=[(books.wallets[0], books.btc, -1), (books.fees, books.btc, 1)],
        position_legs=[(a, books.contract.pk, 5, 50), (b, books.contract.pk, -5, -50)],
    )  # fmt: skip
    return books.names()


PARTITIONED = ["ledger_entry", "ledger_entry_0", "position_entry", "position_entry_0"]


@pytest.mark.parametrize("table", [*PARTITIONED, "journal", "ledger_account"])
@pytest.mark.parametrize(
    "attack", ["UPDATE {table} SET {column} = {column}", "DELETE FROM {table}", "TRUNCATE {table}"]
)
def test_what_is_written_stays(books: Books, table: str, attack: str) -> None:
    column = {"journal": "legs", "ledger_account": "kind"}.get(table, "journal_id")
    names = traded(books)
    refuse(names, "append only", attack.format(table=table, column=column))


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE balance SET amount = amount + 1 WHERE ledger_account_id = {w0}",
        "UPDATE balance SET sign = 0",
        "DELETE FROM balance",
        "TRUNCATE balance",
        "INSERT INTO balance (ledger_account_id, amount, sign, version) VALUES (12345, 7, 0, 0)",
        "UPDATE position SET quantity = quantity * 2",
        "DELETE FROM position",
        "TRUNCATE position",
        "INSERT INTO position (account_id, contract_id, quantity, cost, version)"
        " VALUES ({a2}, {contract}, 7, 7, 0)",
        "WITH more AS (SELECT 1) UPDATE balance SET amount = 0",
        "INSERT INTO balance SELECT ledger_account_id, 1, sign, 0 FROM balance"
        " ON CONFLICT (ledger_account_id) DO UPDATE SET amount = 1",
        "MERGE INTO balance b USING (SELECT {w0} AS id) s ON b.ledger_account_id = s.id"
        " WHEN MATCHED THEN UPDATE SET amount = 99",
    ],
)
def test_balances_and_positions_follow_their_entries(books: Books, attack: str) -> None:
    refuse(traded(books), "follows its entries", attack)


@pytest.mark.parametrize(
    ("message", "attack"),
    [
        ("does not balance", [journal(2), cash("{w0}, {btc}, 5", "{w1}, {btc}, -4")]),
        ("journal 900 does not exist", [cash("{w0}, {btc}, 5", "{w1}, {btc}, -5")]),
        ("has 3 legs, and 2", [journal(3), cash("{w0}, {btc}, 5", "{w1}, {btc}, -5")]),
        ("has 1 legs, and 2", [journal(1), cash("{w0}, {btc}, 5", "{w1}, {btc}, -5")]),
        ("has 2 legs, and 1", [journal(2), cash("{w0}, {btc}, 5"), cash("{w1}, {btc}, -5")]),
        ("has 2 legs, and 2", [journal(2), *[cash("{w0}, {btc}, 5", "{w1}, {btc}, -5")] * 2]),
        ("amount_not_zero", [journal(2), cash("{w0}, {btc}, 0", "{w1}, {btc}, 0")]),
        ("holds asset", [journal(2), cash("{w0}, {eth}, 5", "{w1}, {eth}, -5")]),
        ("ledger account 77777", [journal(2), cash("{w0}, {btc}, 5", "77777, {btc}, -5")]),
        ("wallet_not_negative", [journal(2), cash("{w0}, {btc}, -9999", "{w1}, {btc}, 9999")]),
        ("out of range", [journal(2), cash("{w0}, {btc}, 9223372036854775807",
                                           "{custody}, {btc}, -9223372036854775807")]),
        ("not-null", [journal(2), cash("{w0}, {btc}, NULL", "{w1}, {btc}, 1")]),
        ("off by 4 contracts", [journal(0, 2), moves("{a0}, {contract}, 5, 1",
                                                     "{a1}, {contract}, -1, -1")]),
        ("has 3 position legs", [journal(0, 3), moves("{a0}, {contract}, 5, 1",
                                                      "{a1}, {contract}, -5, -1")]),
        ("not both of the journal", [journal(0, 2), moves("{a0}, 424242, 5, 1",
                                                          "{a1}, 424242, -5, -1")]),
        ("position_entry_moves", [journal(0, 1), moves("{a0}, {contract}, 0, 0")]),
        ("closed_costs_nothing", [journal(0, 1), moves("{a2}, {contract}, 0, 5")]),
        ("says 2 legs and 0 position legs, and has 0", [journal(2)]),
        ("says 0 legs", [journal(0)]),
        ("says 2 legs and 1 position legs, and has 2 and 0",
         [journal(2, 1), cash("{w0}, {btc}, 5", "{w1}, {btc}, -5")]),
        ("duplicate key", [journal(2, key="trade")]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("partition", ["", "_0"])
def test_a_journal_is_whole_and_balanced(
    books: Books, message: str, attack: list[str], partition: str
) -> None:
    """Through the parent table, and through the partition itself."""
    statements = [statement.replace("_entry (", f"_entry{partition} (") for statement in attack]
    refuse(traded(books), message, *statements)


def test_the_legs_of_two_venues_never_meet(books: Books) -> None:
    other = open_small(code="other")
    names = books.names() | {"theirs": other.wallets[0], "them": other.accounts[0]}
    refuse(names, "of venue", journal(2), cash("{w0}, {btc}, -5", "{theirs}, {btc}, 5"))
    refuse(
        names, "not both of the journal",
        journal(0, 2), moves("{a0}, {contract}, 5, 1", "{them}, {contract}, -5, -1"),
    )  # fmt: skip
    refuse(
        names, "does not belong to venue",
        "INSERT INTO ledger_account (venue_id, kind, asset_id, account_id)"
        " VALUES ({venue}, 'receivable', {btc}, {them})",
    )  # fmt: skip


@pytest.mark.parametrize(
    "table", ["exchange_venue", "exchange_asset", "exchange_contract", "exchange_account"]
)
@pytest.mark.parametrize("attack", ["DELETE FROM {table}", "TRUNCATE {table} CASCADE"])
def test_who_the_entries_name_stays(books: Books, table: str, attack: str) -> None:
    refuse(traded(books), "refused", attack.format(table=table))


@pytest.mark.parametrize(
    "change",
    [
        "exchange_asset SET decimals = 6",
        "exchange_contract SET face = 10",
        "exchange_contract SET settle_id = {eth}",
        "exchange_account SET venue_id = venue_id + 1",
        "exchange_account SET kind = 'house', customer_id = NULL",
        "exchange_account SET customer_id = (SELECT max(id) FROM exchange_customer)",
    ],
)
def test_the_terms_of_what_the_entries_name_never_change(books: Books, change: str) -> None:
    refuse(traded(books), "named by the books: UPDATE refused", f"UPDATE {change}")


@pytest.mark.parametrize(
    "columns",
    [
        "'futures', {btc}, NULL, NULL",  # a wallet of nobody
        "'custody', {btc}, {a0}, NULL",  # custody of a customer
        "'clearing', {btc}, NULL, NULL",  # clearing of no contract
        "'clearing', {eth}, NULL, {other}",  # in an asset it does not settle in
        "'futures', {btc}, {a0}, NULL",  # a second futures wallet
        "'custody', {btc}, NULL, NULL",  # a second custody
    ],
)
def test_a_ledger_account_fits_its_kind_and_is_there_once(books: Books, columns: str) -> None:
    refuse(
        books.names(),
        "fits_kind|account_once|does not belong",
        "INSERT INTO ledger_account (venue_id, kind, asset_id, account_id, contract_id)"
        f" VALUES ({{venue}}, {columns})",
    )


# Batches


def sealed(books: Books, key: str = "plan") -> Batch:
    batch = batches.open_batch(venue=books.venue, key=key, reason="rollback", effective_at=NOON)
    a, b = books.accounts[2:]
    batches.stage(
        batch,
        cash_legs(
            [books.wallets[0], books.wallets[1], books.clearing], [books.btc] * 3, [-30, 20, 10]
        ),
        position_legs([a, b], [books.contract.pk] * 2, [-5, 5], [-60, 50]),
    )
    batches.seal(batch)
    return batch


def posted(books: Books) -> Batch:
    batch = sealed(books)
    batches.post(batch, batches.sealed_digests(batch))
    batch.refresh_from_db()
    return batch


STAGES = ["ledger_stage_{n}", "position_stage_{n}", "ledger_before_{n}", "position_before_{n}"]


@pytest.mark.parametrize("table", STAGES)
@pytest.mark.parametrize(
    "attack",
    ["UPDATE {table} SET seq = seq + 100", "DELETE FROM {table}", "TRUNCATE {table}",
     "INSERT INTO {table} SELECT * FROM {table}"],
)  # fmt: skip
@pytest.mark.parametrize("step", [sealed, posted])
def test_a_sealed_stage_is_frozen_and_a_posted_one_too(
    books: Books, table: str, attack: str, step: object
) -> None:
    batch = step(books)  # type: ignore[operator]
    refuse(books.names(), "append only", attack.format(table=table.format(n=batch.pk)))


def test_nothing_is_added_to_a_posted_batch_through_the_parent(books: Books) -> None:
    batch = posted(books)
    number = batch.journals.get().pk
    refuse(
        books.names(), "append only|attached whole",
        "INSERT INTO ledger_entry (batch_id, seq, journal_id, ledger_account_id, asset_id, amount)"
        f" VALUES ({batch.pk}, 100, {number}, {{w0}}, {{btc}}, 5),"
        f" ({batch.pk}, 101, {number}, {{w1}}, {{btc}}, -5)",
    )  # fmt: skip


def test_nothing_is_posted_as_a_batch_that_is_not_attached(books: Books) -> None:
    batch = sealed(books)
    refuse(
        books.names(), "no partition",
        "INSERT INTO ledger_entry (batch_id, seq, journal_id, ledger_account_id, asset_id, amount)"
        f" VALUES ({batch.pk}, 100, 1, {{w0}}, {{btc}}, 5)",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("message", "attack"),
    [
        ("no step from draft to posted", "UPDATE batch SET state = 'posted' WHERE id = {draft}"),
        ("no step from sealed to draft", "UPDATE batch SET state = 'draft' WHERE id = {sealed}"),
        ("no step from posted", "UPDATE batch SET state = 'sealed' WHERE id = {posted}"),
        ("no step from posted", "UPDATE batch SET state = 'discarded' WHERE id = {posted}"),
        ("no step from posted", "UPDATE batch SET cash_digest = 'x' WHERE id = {posted}"),
        ("no step from sealed to sealed", "UPDATE batch SET cash_legs = 9 WHERE id = {sealed}"),
        ("frozen by the seal", "UPDATE batch SET state = 'posted', posted_at = now(),"
         " cash_digest = 'x' WHERE id = {sealed}"),
        ("frozen by the seal", "UPDATE batch SET state = 'discarded', cash_legs = 9"
         " WHERE id = {sealed}"),
        ("without its time", "UPDATE batch SET state = 'sealed' WHERE id = {draft}"),
        ("without its time", "UPDATE batch SET state = 'posted' WHERE id = {sealed}"),
        ("not in the ledger", "UPDATE batch SET state = 'posted', posted_at = now()"
         " WHERE id = {sealed}"),
        ("identity never changes", "UPDATE batch SET key = 'x' WHERE id = {draft}"),
        ("identity never changes", "UPDATE batch SET venue_id = venue_id + 1 WHERE id = {sealed}"),
        ("no step from posted", "UPDATE batch SET reason = reason WHERE id = 0"),
        ("never deleted", "DELETE FROM batch WHERE id = {draft}"),
        ("never deleted", "TRUNCATE batch CASCADE"),
        ("begins as a draft", "INSERT INTO batch (venue_id, key, reason, state, cash_legs,"
         " position_legs, cash_digest, position_digest, precondition_digest, created_at)"
         " VALUES ({venue}, 'x', 'x', 'posted', 0, 0, '', '', '', now())"),
    ],
)  # fmt: skip
def test_a_batch_takes_only_its_own_steps(books: Books, message: str, attack: str) -> None:
    names = books.names()
    names["posted"] = posted(books).pk
    draft = batches.open_batch(venue=books.venue, key="d", reason="r", effective_at=NOON)
    other = batches.open_batch(venue=books.venue, key="s", reason="r", effective_at=NOON)
    legs = [books.wallets[2], books.wallets[3]]
    batches.stage(other, cash_legs(legs, [books.btc] * 2, [1, -1]))
    batches.seal(other)
    refuse(names | {"draft": draft.pk, "sealed": other.pk}, message, attack)


def test_a_posted_batch_names_one_journal(books: Books) -> None:
    batch = posted(books)
    statement = journal(3, 2).replace(", 0, 'attack'", f", {batch.pk}, 'attack'")
    refuse(books.names(), "says 3 legs and 2 position legs, and has 0 and 0", statement)


@pytest.mark.parametrize("column", ["batch_id", "journal_id"])
def test_a_stage_holds_the_legs_of_its_own_batch(books: Books, column: str) -> None:
    batch = batches.open_batch(venue=books.venue, key="d", reason="r", effective_at=NOON)
    refuse(
        books.names(), "violates check constraint",
        f"INSERT INTO ledger_stage_{batch.pk} (seq, ledger_account_id, asset_id, amount, {column})"
        " VALUES (1, {w0}, {btc}, 5, 4242)",
    )  # fmt: skip


# What the owner of the schema can do all the same, reconciliation finds.


@pytest.mark.parametrize(
    ("attack", "ledger_ok", "positions_ok"),
    [
        (["SET LOCAL makewhole.posting = 'open'",
          "UPDATE balance SET amount = amount + 1 WHERE ledger_account_id = {w0}",
          "UPDATE balance SET amount = amount - 1 WHERE ledger_account_id = {w1}"], False, True),
        (["ALTER TABLE position DISABLE TRIGGER USER",
          "UPDATE position SET cost = cost + 1 WHERE account_id = {a0}"], True, False),
        (["ALTER TABLE ledger_entry_0 DISABLE TRIGGER USER",
          "DELETE FROM ledger_entry_0 WHERE ledger_account_id = {fees}"], False, True),
        (["ALTER TABLE position_entry DETACH PARTITION position_stage_{n}"], False, False),
        (["ALTER EVENT TRIGGER books_attach_guard DISABLE",
          "CREATE TABLE slipped_in (LIKE ledger_entry)",
          "INSERT INTO slipped_in (batch_id, seq, journal_id, ledger_account_id, amount, asset_id)"
          " VALUES (4242, 1, 4242, {w0}, 5, {btc}), (4242, 2, 4242, {w0}, -5, {btc})",
          "ALTER TABLE slipped_in ADD CHECK (amount <> 0)",
          "ALTER TABLE slipped_in RENAME CONSTRAINT slipped_in_amount_check"
          " TO ledger_entry_amount_not_zero",
          "ALTER TABLE ledger_entry ATTACH PARTITION slipped_in FOR VALUES IN (4242)"],
         False, True),
    ],
)  # fmt: skip
def test_reconciliation_finds_what_the_owner_did(
    books: Books, attack: list[str], ledger_ok: bool, positions_ok: bool
) -> None:
    names = traded(books)
    names["n"] = posted(books).pk
    report = reconciliation.reconcile(books.venue)
    assert (report.ledger_ok, report.positions_ok) == (True, True)
    connection.check_constraints()
    run(names, *attack)
    report = reconciliation.reconcile(books.venue)
    assert (report.ledger_ok, report.positions_ok) == (ledger_ok, positions_ok), report.details


def test_a_sound_statement_of_the_same_shape_is_taken(books: Books) -> None:
    """The attacks above are refused for what they do, not for how they are written."""
    names = traded(books)
    run(
        names, journal(2, 2), cash("{w0}, {btc}, 5", "{w1}, {btc}, -5"),
        moves("{a0}, {contract}, 5, 1", "{a1}, {contract}, -5, -1"),
    )  # fmt: skip
    connection.check_constraints()
    assert issubclass(IntegrityError, DatabaseError)
    with connection.cursor() as cursor:
        cursor.execute("SELECT amount FROM balance WHERE ledger_account_id = %s", [names["w0"]])
        assert cursor.fetchone() == (1004,)
