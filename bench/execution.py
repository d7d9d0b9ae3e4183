"""Executing an approved plan beside a bare COPY of the same rows into the same indexes.

The limit is what PostgreSQL needs only to take the rows in: COPY into empty tables with the
ledger's primary key and indexes, no check, no balance, no trigger, by the same client code. Every
round times all cases once, a CHECKPOINT before each, and the claims are medians of the ratios
within a round. Everything runs in a database of its own, which is dropped.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any

import numpy as np

from bench.books import Plan, database, key, now, prepare, vacuum
from bench.timing import Options, Row, claim, console, show

EVERYDAY_SECONDS = 3.0
EVERYDAY_EACH = 1 / 50
"""Seconds from one everyday posting to the next."""
TRAFFIC_ROUNDS = 3
WAITING = ("claimed", "digested", "journal", "cash_attached", "positions_attached", "summed")
"""The steps of a posting before it locks the first balance."""

Round = dict[str, float]
TimedCase = Callable[[Plan, Round], None]


def run(options: Options) -> None:
    """Cash legs alone, then with the position legs a rollback has, then traffic beside it."""
    with database():
        legs, accounts = options.size(1_000_000), options.size(100_000)
        plan = prepare(legs, accounts, moves=0, code="cash")
        cases = [bare, staged, posted]
        ratio = report(f"{legs:,} legs over {accounts:,} accounts", plan, cases, options.rounds)
        claim("execution / bare COPY", ratio["execute"], 0.6)
        claim("execution without the digests / bare COPY", ratio["undigested"], 0.35)
        claim("balances locked / bare COPY", ratio["locked"], 0.3)
        claim("staging and execution / bare COPY", ratio["all"], 1.1)
        plan = prepare(legs, accounts, moves=accounts, code="moves")
        title = f"{legs:,} legs and {accounts:,} position legs over {accounts:,} accounts"
        ratio = report(title, plan, cases[:2], options.rounds)
        claim("execution / bare COPY", ratio["execute"], 0.6)
        claim("balances locked / bare COPY", ratio["locked"], 0.3)
        claim("staging and execution / bare COPY", ratio["all"], 1.1)
        traffic(plan, min(options.rounds, TRAFFIC_ROUNDS))


def report(title: str, plan: Plan, cases: Sequence[TimedCase], rounds: int) -> Round:
    """Time the cases in turns, print them, and return the medians of the ratios to the limit."""
    taken: list[Round] = []
    for number in range(rounds + 1):
        found: Round = {}
        for case in cases:
            vacuum()
            case(plan, found)
        if number:  # the first round warms the caches
            taken.append(found)
    legs = len(plan.cash.amount) + len(plan.moves.cost)
    middle = {name: median(found[name] for found in taken) for name in taken[0]}
    notes = {
        "bare": ("bare COPY, same indexes", ""),
        "stage": ("staged and sealed", "before approval: nothing is locked"),
        "execute": ("executed", "digests, ATTACH, sums, balances, commit"),
        "undigested": ("executed, digests left out", ""),
        "locked": ("balances locked", "from the first lock to the commit"),
        "journal": ("posted as one journal", "everyday path, all triggers"),
    }
    rows = [
        Row(name, middle[part], legs, note)
        for part, (name, note) in notes.items()
        if part in middle
    ]
    show(f"{title} (medians of {rounds})", rows[1:], rows[0], "legs")
    steps = {name: value for name, value in middle.items() if name.startswith("step ")}
    console.print("  " + ", ".join(f"{name[5:]} {value:.3f}" for name, value in steps.items()))
    return {
        name: median(found[name] / found["bare"] for found in taken)
        for name in ("execute", "undigested", "locked", "all")
    }


def bare(plan: Plan, found: Round) -> None:
    """The limit: the same rows by COPY into empty tables with the same indexes."""
    from django.db import connection, transaction

    from exchange.services.copying import copy_columns

    cash, moves = plan.cash, plan.moves
    with connection.cursor() as cursor:
        for table in ("ledger", "position"):
            cursor.execute(
                f"DROP TABLE IF EXISTS bare_{table};"
                f"CREATE TABLE bare_{table} (LIKE {table}_entry INCLUDING ALL)"
            )
    begun = time.perf_counter()
    with transaction.atomic():
        same = (("batch_id", 9), ("journal_id", 9))
        size = len(cash.amount)
        copy_columns("bare_ledger", [
            *((name, np.full(size, value)) for name, value in same),
            ("seq", np.arange(1, size + 1)), ("ledger_account_id", cash.ledger_account),
            ("asset_id", cash.asset), ("amount", cash.amount),
        ])  # fmt: skip
        if size := len(moves.cost):
            copy_columns("bare_position", [
                *((name, np.full(size, value)) for name, value in same),
                ("seq", np.arange(1, size + 1)), ("account_id", moves.account),
                ("contract_id", moves.contract), ("quantity", moves.quantity),
                ("cost", moves.cost),
            ])  # fmt: skip
    found["bare"] = time.perf_counter() - begun


def staged(plan: Plan, found: Round) -> None:
    """Stage, seal, execute."""
    from django.db import transaction

    from exchange.services import batches

    begun = time.perf_counter()
    batch = sealed(plan)
    found["stage"] = time.perf_counter() - begun
    vacuum()
    begun = time.perf_counter()
    with transaction.atomic():
        posting = batches.post(batch, batches.sealed_digests(batch))
    found["execute"] = time.perf_counter() - begun
    found["undigested"] = found["execute"] - posting.seconds["digested"]
    found["locked"] = found["execute"] - sum(posting.seconds[step] for step in WAITING)
    found["all"] = found["stage"] + found["execute"]
    found |= {f"step {name}": seconds for name, seconds in posting.seconds.items()}


def posted(plan: Plan, found: Round) -> None:
    """All legs as one everyday journal: checked by the triggers as they are written."""
    from django.db import transaction

    from exchange.services import ledger

    begun = time.perf_counter()
    with transaction.atomic():
        ledger.post(
            venue=plan.venue, key=key(), reason="bench", effective_at=now(), legs=plan.cash,
            position_legs=plan.moves,
        )  # fmt: skip
    found["journal"] = time.perf_counter() - begun


def sealed(plan: Plan) -> Any:
    """A new batch of the plan's legs, ready to be executed."""
    from exchange.services import batches

    batch = batches.open_batch(venue=plan.venue, key=key(), reason="bench", effective_at=now())
    batches.stage(batch, plan.cash, plan.moves)
    batches.seal(batch)
    return batch


def traffic(plan: Plan, rounds: int) -> None:
    """Executions alone, and beside 50 everyday postings a second on untouched accounts."""
    alone, beside, ratios = list[float](), list[float](), list[float]()
    for number in range(rounds + 1):
        undisturbed = execution(sealed(plan))[1]
        with everyday(plan) as taken:
            batch = sealed(plan)
            time.sleep(EVERYDAY_SECONDS)
            begun, seconds = execution(batch)
        if number:  # the first round warms the caches
            ended = begun + seconds
            ratios.append(seconds / undisturbed)
            quiet = begun - EVERYDAY_SECONDS
            alone += [each for at, each in taken if quiet <= at and at + each < begun]
            beside += [each for at, each in taken if at + each >= begun and at <= ended]
    console.print("\nEveryday postings, 50 a second, two legs each")
    for name, values in (("alone", alone), ("beside an execution", beside)):
        console.print(
            f"  {name:22s} {len(values):6d} postings, median {median(values) * 1e3:.2f} ms,"
            f" 99 % {np.quantile(values, 0.99) * 1e3:.2f} ms, slowest {max(values) * 1e3:.1f} ms"
        )
    claim("execution beside everyday postings over one alone", median(ratios), 1.2)
    claim("slowest everyday posting beside an execution, seconds", max(beside), 0.25)


def execution(batch: Any) -> tuple[float, float]:
    """Execute a sealed batch; when that began, and the seconds it took."""
    from django.db import transaction

    from exchange.services import batches

    vacuum()
    begun = time.perf_counter()
    with transaction.atomic():
        batches.post(batch, batches.sealed_digests(batch))
    return begun, time.perf_counter() - begun


@contextmanager
def everyday(plan: Plan) -> Iterator[list[tuple[float, float]]]:
    """A thread that posts 50 times a second; (begin, seconds) of each posting so far."""
    from django.db import connection, transaction

    from exchange.services import ledger

    source, target, asset = plan.quiet
    stop, taken = threading.Event(), list[tuple[float, float]]()

    def post() -> None:
        try:
            due = time.perf_counter()
            while not stop.wait(max(0.0, due - time.perf_counter())):
                begun = time.perf_counter()
                with transaction.atomic():
                    ledger.post(
                        venue=plan.venue, key=key(), reason="bench", effective_at=now(),
                        legs=[(source, asset, -1), (target, asset, 1)],
                    )  # fmt: skip
                taken.append((begun, time.perf_counter() - begun))
                due = max(due + EVERYDAY_EACH, begun)
        finally:
            connection.close()

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield taken
    finally:
        stop.set()
        thread.join()
