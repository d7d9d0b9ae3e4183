"""A batch as files: what comes out hashes to what was sealed, and a changed file is found."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from exchange.services import batches, evidence
from exchange.services.refusals import WrongState
from tests.exchange.services.small_batches import draft, only_cash, post, sealed
from tests.exchange.services.small_books import Books


def test_the_files_hash_to_what_was_sealed(books: Books, tmp_path: Path) -> None:
    batch = sealed(books)
    digests = evidence.export(batch, tmp_path)
    assert digests == batches.sealed_digests(batch)
    assert evidence.recompute(tmp_path) == (digests, digests)
    assert (tmp_path / "cash_legs.csv").read_text().splitlines() == [
        "seq,ledger_account_id,asset_id,amount",
        f"1,{books.wallets[0]},{books.btc},-30",
        f"2,{books.wallets[1]},{books.btc},20",
        f"3,{books.clearing},{books.btc},10",
    ]
    assert (tmp_path / "balances_before.csv").read_text().splitlines()[1] == (
        f"1,{books.wallets[0]},{books.btc},1000,1,-30"
    )


def test_a_posted_batch_comes_out_the_same(books: Books, tmp_path: Path) -> None:
    batch = sealed(books, only_cash)
    before = evidence.export(batch, tmp_path / "before")
    post(batch)
    assert evidence.export(batch, tmp_path / "after") == before
    assert evidence.recompute(tmp_path / "after") == (before, before)


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        ("cash_legs.csv", "-30", "-31", "cash"),
        ("position_legs.csv", ",-60", ",-59", "positions"),
        ("balances_before.csv", "1000,1", "1001,1", "preconditions"),
        ("positions_before.csv", ",0,0,0,", ",0,0,1,", "preconditions"),
    ],
)
def test_a_changed_file_is_found(
    books: Books, tmp_path: Path, file: str, old: str, new: str, part: str
) -> None:
    evidence.export(sealed(books), tmp_path)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1))
    claimed, found = evidence.recompute(tmp_path)
    assert [name for name in found._fields if getattr(found, name) != getattr(claimed, name)] == [
        part
    ]
    with pytest.raises(CommandError, match=f"Not what was sealed: {part}"):
        call_command("legs", "check", str(tmp_path))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("cash_legs.csv", "seq,amount\n1,5\n"),
        ("cash_legs.csv", "seq,ledger_account_id,asset_id,amount\n2,1,1,5\n"),
        ("cash_legs.csv", "seq,ledger_account_id,asset_id,amount\n1,1,1\n"),
        ("cash_legs.csv", "seq,ledger_account_id,asset_id,amount\n1,1,1,0.5\n"),
        ("cash_legs.csv", f"seq,ledger_account_id,asset_id,amount\n1,1,1,{2**63}\n"),
        ("cash_legs.csv", ""),
        ("batch.json", "{"),
        ("batch.json", "[]"),
    ],
)
def test_what_is_no_export_is_refused(books: Books, tmp_path: Path, file: str, text: str) -> None:
    evidence.export(sealed(books), tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(CommandError, match="not a whole export"):
        call_command("legs", "check", str(tmp_path))


def test_the_command_exports_and_checks(
    books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batch = sealed(books)
    call_command("legs", "export", "plan", str(tmp_path))
    call_command("legs", "check", str(tmp_path))
    said = capsys.readouterr().out
    assert said.count(batch.cash_digest) == 2
    assert said.endswith("The files are what was sealed.\n")
    with pytest.raises(CommandError, match="no batch other"):
        call_command("legs", "export", "other", str(tmp_path))


def test_a_draft_has_nothing_to_show(books: Books, tmp_path: Path) -> None:
    with pytest.raises(WrongState, match="no sealed legs"):
        evidence.export(draft(books), tmp_path / "none")
    assert not (tmp_path / "none").exists()
