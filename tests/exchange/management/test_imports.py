"""The two import commands: what they print, what they keep, and what a refusal leaves."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exchange.models import Account, Tape, Venue
from exchange.tape import store
from tests.exchange.tape import market
from tests.exchange.tape.venues.hyper import T0, fill, write
from tests.exchange.tape.venues.hyper import Venue as Hyper

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MAKEWHOLE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "tape"


def run(*words: Any) -> list[str]:
    out = StringIO()
    call_command(*(str(word) for word in words), stdout=out)
    return out.getvalue().splitlines()


def test_import_bundle_stores_the_tape_and_opens_its_books(tmp_path: Path) -> None:
    path = market.write(tmp_path / "b", market.tables())
    first = json.loads(run("import_bundle", path, "--json")[-1])
    assert (first["accounts"], first["contracts"], first["fills"]) == (4, 2, 6)
    assert (first["venue"], first["opened"]) == ("test-market", True)
    record = Tape.objects.get(digest=first["tape_digest"])
    assert (record.venue.code, record.fills) == ("test-market", 6)
    assert store.load(record.digest, verify=True).digest == record.digest

    again = json.loads(run("import_bundle", path, "--json")[-1])
    assert again == first | {"opened": False}
    assert Venue.objects.count() == 1


@pytest.mark.parametrize(("kind", "is_drill"), [("drill", True), ("matching engine", False)])
def test_a_drills_bundle_opens_a_drills_venue(tmp_path: Path, kind: str, is_drill: bool) -> None:
    manifest = market.MANIFEST | {"source": {"kind": kind}}
    run("import_bundle", market.write(tmp_path / "b", market.tables(), manifest))
    venue = Venue.objects.get()
    assert (venue.name, venue.is_drill) == ("testex", is_drill)


def test_import_bundle_without_books(tmp_path: Path) -> None:
    path = market.write(tmp_path / "b", market.tables())
    lines = run("import_bundle", path, "--store-only")
    assert lines[0].startswith("tape_digest: ")
    assert not Venue.objects.exists()


def test_import_bundle_refuses_and_changes_nothing(tmp_path: Path, own_store: Path) -> None:
    spoiled = market.tables()
    spoiled["fills"][0]["price"] = "6500.001"
    path = market.write(tmp_path / "b", spoiled)
    out = StringIO()
    with pytest.raises(
        CommandError, match=r"fills\.csv row 2, price: \"6500\.001\" is not a multiple"
    ):
        call_command("import_bundle", str(path), "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["counts"]["price.off_tick"] == 1
    assert told["problems"][0]["row"] == 2
    assert not own_store.exists()
    assert not Venue.objects.exists()


def test_another_bundle_of_the_same_name_is_refused(tmp_path: Path) -> None:
    run("import_bundle", market.write(tmp_path / "a", market.tables()))
    other = market.tables()
    other["balances"][0]["amount"] = "99"
    with pytest.raises(CommandError):
        run("import_bundle", market.write(tmp_path / "b", other))
    assert Venue.objects.count() == 1
    assert run("import_bundle", tmp_path / "b", "--venue", "second")
    assert Venue.objects.count() == 2


def test_import_tape_prints_its_reconciliation_and_opens_the_account(tmp_path: Path) -> None:
    path = write(tmp_path / "fills.json", Hyper(3).wander(60).made[10:])
    words = ("import_tape", "--format", "hyperliquid-fills", path, "--json", "--account", "0xA")
    printed = json.loads(run(*words)[-1])
    assert (printed["rows"], printed["kept"], printed["set_aside"]) == (50, 50, 0)
    assert set(printed["start_positions"]) >= {"agree", "holes"}
    assert set(printed["closed_pnl"]) == {"agree", "differ", "undetermined", "largest_difference"}
    assert printed["closed_pnl"]["differ"] == 0
    assert printed["first_differing"] == []
    record = Tape.objects.get(digest=printed["tape_digest"])
    assert record.venue.code == printed["venue"]
    assert Account.objects.get(venue=record.venue, code="0xA").kind == Account.Kind.CUSTOMER

    assert [json.loads(line) for line in run(*words)] == [printed]  # one object, nothing else
    assert Venue.objects.count() == 1


def test_import_tape_prints_what_differs(tmp_path: Path) -> None:
    rows = [
        fill("ZED", "50.0001", "1.0", "B", "0.0", time=T0 + 1, tid=1),
        fill("ZED", "51.0001", "1.0", "A", "1.0", "1.1", time=T0 + 2, tid=2),
    ]
    lines = run("import_tape", "--format", "hyperliquid-fills", write(tmp_path / "f.json", rows))
    assert "closed_pnl: agree 1, differ 1, undetermined 0, largest_difference 0.1" in lines
    assert lines[-1].startswith("  differs: number closedPnl, file f.json, row 1, coin ZED, time ")


def test_import_tape_prints_each_contract_by_name(tmp_path: Path) -> None:
    path = tmp_path / "ABCUSDT-trades-2020-09-13.csv"
    path.write_text("7,100,1.5,150.0,1600000000000,false\n")
    lines = run("import_tape", "--format", "binance-trades", path)
    assert lines[-1] == "series: ABCUSDT (rows 1, first 7, last 7)"


def test_import_tape_dry_run_and_public_feeds_keep_nothing(tmp_path: Path, own_store: Path) -> None:
    path = write(tmp_path / "fills.json", Hyper(3).wander(9).made)
    assert "tape_digest" not in json.loads(
        run("import_tape", "--format", "hyperliquid-fills", path, "--json", "--dry-run")[-1]
    )
    trades = tmp_path / "t.csv"
    trades.write_text("1,100,1.5,150.0,1600000000000,false\n")
    printed = json.loads(run("import_tape", "--format", "binance-trades", trades, "--json")[-1])
    assert printed["kept"] == 1
    assert not own_store.exists()
    assert not Venue.objects.exists()


def test_import_tape_names_the_broken_row(tmp_path: Path, own_store: Path) -> None:
    rows = [fill("ZED", "50.0", "1.0", "B", "0.0"), fill("ZED", "fifty", "1.0", "B", "1.0")]
    path = write(tmp_path / "fills.json", rows)
    words = ("import_tape", "--format", "hyperliquid-fills", str(path))
    out = StringIO()
    with pytest.raises(CommandError, match=r'fills\.json row 1, px: "fifty" is not a number'):
        call_command(*words, stdout=out)
    assert out.getvalue() == ""
    with pytest.raises(CommandError) as refusal:
        call_command(*words, "--json", stdout=out)
    assert json.loads(out.getvalue()) == {
        "detail": str(refusal.value), "file": "fills.json", "row": 1, "field": "px",
    }  # fmt: skip
    assert not own_store.exists()
    assert not Venue.objects.exists()


@pytest.mark.parametrize("account", ["a" * 65, "a\0b", "\ud800"])
def test_import_tape_refuses_an_account_nobody_can_have(
    tmp_path: Path, own_store: Path, account: str
) -> None:
    path = write(tmp_path / "fills.json", [fill("ZED", "50.0", "1.0", "B", "0.0")])
    with pytest.raises(CommandError, match="--account must be a code of at most 64 characters"):
        run("import_tape", "--format", "hyperliquid-fills", path, "--account", account)
    assert not own_store.exists()
