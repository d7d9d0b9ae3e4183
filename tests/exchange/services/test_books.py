"""The books of a tape: exact amounts of a small market, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from exchange.domain.replay import state_digest
from exchange.models import Account, Customer, Journal, LedgerAccount, Position, Tape, Venue
from exchange.services import books, ledger, reconciliation
from exchange.services.refusals import BooksRefused
from tests.exchange.services import tapes
from tests.exchange.services.killing import killed
from tests.exchange.services.small_books import snapshot
from tests.exchange.tape import market

pytestmark = pytest.mark.usefixtures("tape_store")
in_a_transaction = pytest.mark.usefixtures("db")


def opened(folder: Path, change: tapes.Change | None = None, code: str = "testex") -> Tape:
    tape = tapes.read(folder / code, change)
    row = books.open_books(tape=tape, venue=code, name="Test", progress=None)
    connection.check_constraints()
    return row


def amounts(venue: Venue) -> dict[str, int]:
    """Every balance that is not zero, by 'account kind' or 'house kind'."""
    rows = LedgerAccount.objects.filter(venue=venue).exclude(balance__amount=0)
    return {
        f"{account or 'house'} {kind}": amount
        for account, kind, amount in rows.values_list("account__code", "kind", "balance__amount")
    }


def positions(venue: Venue) -> dict[str, tuple[int, int]]:
    rows = Position.objects.filter(account__venue=venue).exclude(quantity=0)
    return {
        code: (q, cost) for code, q, cost in rows.values_list("account__code", "quantity", "cost")
    }


@in_a_transaction
def test_every_balance_is_what_the_replay_says(tmp_path: Path) -> None:
    row = opened(tmp_path)
    assert amounts(row.venue) == {
        "A-ann futures": 12_345_678 - 623_779,
        "A-hal futures": 500_000_000 - 1_000 + 50_000_000,
        "A-mo futures": 10_000_000_000 + 783_628 + 500,
        "A-mo funding": 100_000_000,
        "FUND futures": 2_000_000_000 - 248_607,
        "house custody": -12_662_345_678,
        "house clearing": 88_758,
        "house fees": 500,
    }
    assert positions(row.venue) == {"A-hal": (3, -4_615_385), "A-mo": (-3, 4_526_627)}
    assert [(j.reason, j.legs, j.position_legs) for j in Journal.objects.order_by("id")] == [
        ("opening", 6, 2),
        ("trading", 6, 3),
        ("transfers", 5, 0),
    ]


@in_a_transaction
def test_the_books_reconcile_with_entries_and_with_the_replay(tmp_path: Path) -> None:
    row = opened(tmp_path)
    for report in (reconciliation.reconcile(row.venue), reconciliation.against_replay(row.venue)):
        assert (report.ledger_ok, report.positions_ok) == (True, True), report.details


@in_a_transaction
def test_people_and_terms_are_the_tape_s(tmp_path: Path) -> None:
    row = opened(tmp_path)
    accounts = Account.objects.filter(venue=row.venue).order_by("tape_index")
    assert list(accounts.values_list("code", "kind", "margin_mode", "leverage", "tags")) == [
        ("A-ann", "customer", "fixed", 20, ""),
        ("A-hal", "customer", "cross", 10, "hedger"),
        ("A-mo", "customer", "cross", 10, "market_maker api"),
        ("FUND", "insurance", "cross", 10, ""),
        ("outside", "house", "cross", 1, ""),
    ]
    ann = Customer.objects.get(code="C-ann")
    assert (ann.name, ann.email, ann.language) == ("Ann", "ann@example.org", "zh-hans")
    assert (row.accounts, row.fills, row.venue.zone) == (4, 6, "Asia/Hong_Kong")
    tape = tapes.read(tmp_path / "again")
    assert row.digest == tape.digest
    assert row.state_digest == state_digest(books.closing_holdings(tape))
    assert row.starts_at.isoformat() == "2018-03-29T21:00:00+00:00"
    assert not LedgerAccount.objects.get(account__code="FUND", kind="futures").balance.sign
    assert LedgerAccount.objects.get(account__code="A-ann", kind="futures").balance.sign == 1


def balance(account: str, amount: str) -> tapes.Change:
    def change(content: dict[str, market.Rows], manifest: dict[str, Any]) -> None:
        (row,) = [row for row in content["balances"] if row["account"] == account]
        row["amount"] = amount

    return change


@in_a_transaction
def test_a_shortfall_is_zero_and_a_receivable(tmp_path: Path) -> None:
    row = opened(tmp_path, balance("A-ann", "0.005"))
    found = amounts(row.venue)
    assert "A-ann futures" not in found
    assert found["A-ann receivable"] == 500_000 - 623_779
    assert sum(found.values()) == 0
    report = reconciliation.against_replay(row.venue)
    assert (report.ledger_ok, report.positions_ok) == (True, True)


@in_a_transaction
def test_a_deposit_pays_the_receivable_first(tmp_path: Path) -> None:
    def change(content: dict[str, market.Rows], manifest: dict[str, Any]) -> None:
        balance("A-ann", "0.005")(content, manifest)
        content["transfers"] += market.rows(
            "seq,time,account,wallet,asset,amount,kind,reference",
            "5,2018-03-30T05:00:02+08:00,A-ann,futures,BTC,0.002,deposit,d2",
        )

    found = amounts(opened(tmp_path, change).venue)
    assert found["A-ann futures"] == 500_000 - 623_779 + 200_000
    assert "A-ann receivable" not in found
    assert sum(found.values()) == 0


@in_a_transaction
def test_where_some_accounts_are_missing_the_outside_holds_the_other_side(tmp_path: Path) -> None:
    row = opened(tmp_path, tapes.without_mo)
    assert positions(row.venue) == {"A-hal": (3, -4_615_385), "outside": (-3, 3_742_999)}
    found = amounts(row.venue)
    assert found["house clearing"] == 623_779 + 248_607
    assert sum(found.values()) == 0
    for report in (reconciliation.reconcile(row.venue), reconciliation.against_replay(row.venue)):
        assert (report.ledger_ok, report.positions_ok) == (True, True), report.details


@in_a_transaction
def test_one_tape_opens_any_number_of_venues(tmp_path: Path) -> None:
    first, second = opened(tmp_path, code="run-1"), opened(tmp_path, code="run-2")
    assert first.digest == second.digest
    assert amounts(first.venue) == amounts(second.venue)
    assert reconciliation.reconcile(first.venue).ledger_ok


@in_a_transaction
def test_a_code_is_taken_once(tmp_path: Path) -> None:
    opened(tmp_path)
    before = snapshot()
    with pytest.raises(BooksRefused, match="a venue testex already"):
        opened(tmp_path)
    assert snapshot() == before
    assert Tape.objects.count() == 1


@in_a_transaction
def test_an_asset_keeps_its_decimals(tmp_path: Path) -> None:
    opened(tmp_path)
    before = snapshot()

    def change(content: dict[str, market.Rows], manifest: dict[str, Any]) -> None:
        content["assets"][1]["decimals"] = "6"

    with pytest.raises(BooksRefused, match="ETH has 6 decimals on this tape and 8 here"):
        opened(tmp_path, change, code="other")
    assert snapshot() == before
    assert not Venue.objects.filter(code="other").exists()


@in_a_transaction
def test_progress_ends_where_it_should(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    tape = tapes.read(tmp_path / "b")
    books.open_books(tape=tape, venue="v", name="V", progress=lambda *step: told.append(step))
    for stage in {stage for stage, _, _ in told}:
        steps = [(done, total) for name, done, total in told if name == stage]
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1]


@in_a_transaction
def test_a_posting_since_then_shows_against_the_replay(tmp_path: Path) -> None:
    row = opened(tmp_path)
    places = LedgerAccount.objects.filter(asset__code="BTC")
    wallet = places.get(account__code="A-hal", kind="futures")
    fees = places.get(kind="fees")
    ledger.post(
        venue=row.venue, key="fee", reason="fee", effective_at=row.ends_at,
        legs=[(wallet.pk, wallet.asset_id, -7), (fees.pk, wallet.asset_id, 7)],
    )  # fmt: skip
    assert reconciliation.reconcile(row.venue).ledger_ok
    report = reconciliation.against_replay(row.venue)
    assert (report.ledger_ok, report.positions_ok) == (False, True)
    assert report.details["wallets_off"] == 1


@pytest.mark.chaos
@pytest.mark.parametrize("step", ["accounts", "ledger_accounts", "trading", "opened"])
def test_killed_while_opening_there_is_no_venue(
    step: str, own_database: dict[str, Any], tmp_path: Path
) -> None:
    tape = tapes.read(tmp_path / "b")
    before = snapshot()
    code = (
        "from exchange.services import books\nfrom exchange.tape import store\n"
        f"tape = store.load({tape.digest!r})\n"
        "books.open_books(tape=tape, venue='testex', name='Test', progress=None)"
    )
    assert killed(code, f"books.{step}", own_database) == -9
    assert snapshot() == before
    assert not Venue.objects.exists()
    row = books.open_books(tape=tape, venue="testex", name="Test", progress=None)
    assert reconciliation.reconcile(row.venue).ledger_ok
