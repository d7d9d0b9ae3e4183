"""Verdicts stored with receipts: exact sums, the same rows whenever they are computed."""

from pathlib import Path
from typing import Any

import pytest

from exchange import tasks
from exchange.models import Liquidation, Tape
from exchange.services import books, liquidations
from exchange.services.refusals import BooksRefused
from exchange.tape import store
from tests.exchange.services import tapes
from tests.exchange.services.killing import killed
from tests.exchange.tape import market


def opened(folder: Path, change: tapes.Change | None = tapes.crash) -> Tape:
    tape = tapes.read(folder / "bundle", change)
    return books.open_books(tape=tape, venue="testex", name="Test", progress=None)


def stored(record: Tape) -> list[dict[str, Any]]:
    rows = Liquidation.objects.filter(tape=record).order_by("id")
    return [{**row, "id": None} for row in rows.values()]


@pytest.fixture
def record(db: None, tmp_path: Path, tape_store: Path) -> Tape:
    """The market in which Ann is closed at a mark nobody else saw."""
    return opened(tmp_path)


def test_a_close_that_only_the_printed_mark_called_for(record: Tape) -> None:
    counts = liquidations.recompute(tape_record=record)
    assert counts == {
        "recorded": 1, "recomputed": 1, "due_both": 0, "due_printed_only": 1, "not_due": 0,
        "missed": 0,
    }  # fmt: skip
    row = Liquidation.objects.get()
    assert (row.account.code, row.contract.symbol, row.verdict) == (
        "A-ann", "BTC0629", "due_printed_only",
    )  # fmt: skip
    assert (row.quantity, row.price_ticks, row.printed_ticks, row.fair_ticks) == (
        10, 640_050, 615_000, 650_001,
    )  # fmt: skip
    assert row.recorded_at is not None
    assert row.recorded_at == row.due_printed_at
    assert row.recorded_at.isoformat() == "2018-03-29T21:00:01+00:00"
    assert row.due_fair_at is None
    # Margin 15,000,000 / 20; value of ten at 6,150.00 and at 6,500.01; a fifth of the margin kept.
    assert (row.equity_printed, row.maintenance_printed) == (750_000 + 15_000_000 - 16_260_163,
                                                             150_000)  # fmt: skip
    assert (row.equity_fair, row.maintenance_fair) == (750_000 + 15_000_000 - 15_384_592, 150_000)
    assert row.loss == row.equity_fair


def test_the_receipt_is_a_sum_a_customer_can_read(record: Tape) -> None:
    liquidations.recompute(tape_record=record)
    receipt = Liquidation.objects.get().receipt
    assert receipt == {
        "rules": "okex-2018/1",
        "contract": "BTC0629",
        "asset": "BTC",
        "quantity": "10",
        "price": "6400.50",
        "recorded_at": "2018-03-29T21:00:01+00:00",
        "judged_at": "2018-03-29T21:00:01+00:00",
        "threshold": "1.0000",
        "loss": "0.00365408",
        "prints": [
            {"at": "2018-03-29T21:00:00.100000+00:00", "price": "6500.00", "quantity": "3"},
            {"at": "2018-03-29T21:00:01+00:00", "price": "6400.50", "quantity": "10"},
        ],
        "printed": {
            "mark": "6150.00", "equity": "-0.00510163", "maintenance": "0.00150000",
            "ratio": "-3.4010", "due_at": "2018-03-29T21:00:01+00:00",
        },
        "fair": {
            "mark": "6500.01", "equity": "0.00365408", "maintenance": "0.00150000",
            "ratio": "2.4360", "due_at": None,
        },
    }  # fmt: skip


def test_a_close_nobody_s_mark_called_for(db: None, tmp_path: Path, tape_store: Path) -> None:
    record = opened(tmp_path, None)
    assert liquidations.recompute(tape_record=record)["not_due"] == 1
    row = Liquidation.objects.get()
    assert (row.due_printed_at, row.due_fair_at) == (None, None)
    assert row.printed_ticks == row.fair_ticks == 650_001
    assert row.loss == row.equity_fair == 365_408


def test_again_is_the_same(record: Tape) -> None:
    first = liquidations.recompute(tape_record=record)
    rows = stored(record)
    assert liquidations.recompute(tape_record=record) == first
    assert stored(record) == rows
    tasks.recompute_liquidations(record.pk)
    assert stored(record) == rows


def test_a_tape_without_rules_is_not_judged(db: None, tmp_path: Path, tape_store: Path) -> None:
    def change(content: dict[str, market.Rows], manifest: dict[str, Any]) -> None:
        tapes.without_mo(content, manifest)
        manifest["rules"] = "none"

    record = opened(tmp_path, change)
    with pytest.raises(BooksRefused, match="names no rule set"):
        liquidations.recompute(tape_record=record)
    assert stored(record) == []


def test_a_tape_that_was_altered_in_the_store_is_not_judged(record: Tape) -> None:
    liquidations.recompute(tape_record=record)
    rows = stored(record)
    refusal = "cannot be judged: .* does not hold what its name says; import the bundle again"
    altered = market.altered_balances(store.load(record.digest))
    with altered, pytest.raises(BooksRefused, match=refusal):
        liquidations.recompute(tape_record=record)
    assert stored(record) == rows


@pytest.mark.chaos
@pytest.mark.parametrize("step", ["judged", "cleared", "written"])
def test_killed_at_any_step_the_rows_stay_and_come_out_the_same(
    step: str, own_database: dict[str, Any], tmp_path: Path, tape_store: Path
) -> None:
    record = opened(tmp_path)
    liquidations.recompute(tape_record=record)
    rows = stored(record)
    code = f"from exchange import tasks; tasks.recompute_liquidations({record.pk})"
    assert killed(code, f"liquidations.{step}", own_database) == -9
    assert stored(record) == rows
    liquidations.recompute(tape_record=record)
    assert stored(record) == rows
