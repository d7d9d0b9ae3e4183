"""Verdicts on every forced close of a tape, with a receipt for each.

`recompute` is a pure function of the tape and its rules, so killed anywhere and run again it writes
the same rows: they are replaced in one transaction, under a lock on the tape's row.
"""

import json
import os
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from exchange import faults
from exchange.domain import receipts, reference, rules, verdicts
from exchange.domain.liquidation import (
    EXEMPT,
    CashEvents,
    MarginTerms,
    MarkPaths,
    first_crossings,
)
from exchange.domain.verdicts import NAMES, NONE, Recorded, Verdicts
from exchange.models import Account, Contract, Liquidation, Tape
from exchange.services import books
from exchange.services.copying import copy_rows
from exchange.services.refusals import BooksRefused
from exchange.tape import arrays, store

Progress = Callable[[str, int, int], None]
I64 = npt.NDArray[np.int64]

STAGE = "Judging liquidations"
COLUMNS = [
    "tape_id", "account_id", "contract_id", "verdict", "recorded_at", "due_printed_at",
    "due_fair_at", "quantity", "price_ticks", "printed_ticks", "fair_ticks", "equity_printed",
    "maintenance_printed", "equity_fair", "maintenance_fair", "loss", "receipt",
]  # fmt: skip


def recompute(*, tape_record: Tape, progress: Progress | None = None) -> dict[str, int]:
    """Judge every forced close of the tape from its start and store the verdicts.

    Returns {recorded, due_both, due_printed_only, not_due, missed} and `recomputed`, the crossings
    of the printed marks. Raises `BooksRefused` when the tape names no rule set, its marks have
    gaps, or the store does not hold it whole.
    """
    say = progress or (lambda stage, done, total: None)
    say(STAGE, 0, 4)
    try:
        tape = store.load(tape_record.digest)
    except store.TapeMissing as error:
        raise BooksRefused(f"The liquidations cannot be judged: {error}.") from error
    found, times, recomputed = judge(tape)
    say(STAGE, 1, 4)
    faults.reach("liquidations.judged")
    rows = _rows(tape_record, tape, found, times)
    say(STAGE, 2, 4)
    with transaction.atomic():
        Tape.objects.select_for_update().get(pk=tape_record.pk)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM liquidation WHERE tape_id = %s", [tape_record.pk])
        faults.reach("liquidations.cleared")
        copy_rows(Liquidation._meta.db_table, COLUMNS, rows)
        faults.reach("liquidations.written")
        say(STAGE, 3, 4)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE liquidation")
    say(STAGE, 4, 4)
    return {**verdicts.counts(found), "recomputed": recomputed}


def judge(tape: arrays.Tape) -> tuple[Verdicts, I64, int]:
    """The verdicts of a tape, the times of its marks, and how many printed crossings there are.

    The window is the whole tape. Raises `BooksRefused`.
    """
    if tape.manifest["rules"] not in rules.MODULES:
        raise BooksRefused("The tape names no rule set, so its liquidations cannot be judged.")
    times, marks = tape.prices.time, tape.prices.mark
    try:
        fair = reference.fair_path(times, marks, tape.prices.index, effective_cutoff_us(tape))
        paths = np.stack((marks, fair))
        asset_of, terms = books.settlement_assets(tape), margin_terms(tape)
        crossings = first_crossings(
            books.opening_holdings(tape),
            opening_cash(tape),
            tape.fills,
            cash_events(tape),
            tape.specs,
            asset_of,
            terms,
            MarkPaths(times, paths),
            workers=os.cpu_count() or 1,
        )
    except ValueError as error:  # marks refused, rules refused, no reference
        raise BooksRefused(f"The liquidations cannot be judged: {error}.") from error
    recorded = Recorded(*tape.liquidations)
    found = verdicts.judge(recorded, crossings, tape.fills, terms, asset_of, times, paths)
    return found, times, int((crossings.due.path == verdicts.PRINTED).sum())


def effective_cutoff_us(tape: arrays.Tape) -> int:
    """The instant up to which nobody disputes the prices, in microseconds."""
    since = datetime.fromisoformat(tape.manifest["effective_cutoff"]) - books.EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def margin_terms(tape: arrays.Tape) -> MarginTerms:
    """Margin mode and leverage of each account; the house is exempt."""
    customer = tape.accounts.kind == arrays.KIND_CUSTOMER
    mode = np.where(customer, tape.accounts.margin_mode, EXEMPT).astype(np.uint8)
    return MarginTerms(mode, tape.accounts.leverage.astype(np.int64))


def opening_cash(tape: arrays.Tape) -> I64:
    """Futures wallets i64[account, asset] before the first fill."""
    cash = np.zeros((len(tape.accounts.code), len(tape.assets.code)), np.int64)
    held = tape.balances
    futures = held.wallet == arrays.WALLET_FUTURES
    np.add.at(cash, (held.account[futures], held.asset[futures]), held.amount[futures])
    return cash


def cash_events(tape: arrays.Tape) -> CashEvents:
    """What moved the futures wallets besides trading, in time order."""
    moved = tape.transfers
    rows = np.flatnonzero(moved.wallet == arrays.WALLET_FUTURES)
    rows = rows[np.lexsort((moved.seq[rows], moved.time[rows]))]
    return CashEvents(moved.time[rows], moved.account[rows], moved.asset[rows], moved.amount[rows])


def _rows(record: Tape, tape: arrays.Tape, found: Verdicts, times: I64) -> list[tuple[Any, ...]]:
    """Rows of the table, in the order of the verdicts. Two statements."""
    accounts, contracts = _ids(record)
    lost = receipts.losses(found)
    prints = receipts.Prints(tape.fills, len(tape.specs))
    name = f"{tape.manifest['rules']}/{rules.get(tape.manifest['rules']).VERSION}"
    rows: list[tuple[Any, ...]] = []
    for row in range(found.verdict.size):
        at, contract = int(found.recorded[row]), int(found.contract[row])
        recorded_us = int(tape.liquidations.time[at]) if at != NONE else None
        due = [int(second[row]) for second in (found.due_printed, found.due_fair)]
        receipt = receipts.receipt(
            found, row, tape.specs[contract], times, recorded_us, int(lost[row]), prints, name
        )
        rows.append((
            record.pk, accounts[int(found.account[row])], contracts[contract],
            NAMES[int(found.verdict[row])],
            None if recorded_us is None else books.instant(recorded_us),
            *(None if second == NONE else books.instant(int(times[second])) for second in due),
            int(found.quantity[row]), None if recorded_us is None else int(found.price[row]),
            int(found.printed[row]), int(found.fair[row]), int(found.equity_printed[row]),
            int(found.maintenance_printed[row]), int(found.equity_fair[row]),
            int(found.maintenance_fair[row]), int(lost[row]),
            json.dumps(receipt, separators=(",", ":")),
        ))  # fmt: skip
    return rows


def _ids(record: Tape) -> tuple[dict[int, int], dict[int, int]]:
    """Ids of the venue's accounts and contracts by the tape's numbers. Two statements."""
    accounts = Account.objects.filter(venue=record.venue_id).values_list("tape_index", "pk")
    contracts = Contract.objects.filter(venue=record.venue_id).values_list("tape_index", "pk")
    return dict(accounts), dict(contracts)
