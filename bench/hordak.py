"""The same two-legged transfers by django-hordak and by a batch, in turns on one server.

Per transfer: django-hordak's `transfer_to` (a call each) and its `bulk_create` (one transaction)
against ours staged, sealed and executed as one batch, and against our own everyday posting, which
is a call each as well. The databases are apart, the PostgreSQL is the same one, with a CHECKPOINT
before each case. What differs besides speed: django-hordak writes a transaction row for each
transfer, a batch has one journal; a batch updates balances, re-derives digests and checks
conservation, django-hordak checks that each transaction's legs sum to zero and keeps no balances.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from bench.books import Plan, created, database, key, now, prepare, vacuum
from bench.execution import sealed
from bench.peers import installed
from bench.timing import Options, Row, claim, console, show

PEER_DATABASE = "makewhole_bench_hordak"
ACCOUNTS = 10_000
BATCH, EVERYDAY = "makewhole, one batch", "makewhole, a posting each"
CALLS, BULK = "django-hordak transfer_to", "django-hordak bulk_create"
NOTES = {
    BATCH: "staged, sealed, digested, balances moved",
    EVERYDAY: "all checks, balances moved",
    CALLS: "no balances kept",
    BULK: "one transaction, no balances kept",
}


def run(options: Options) -> None:
    """Seconds a transfer in turns; claims are medians of the ratios within a round."""
    if not installed("hordak"):
        console.print("not installed (bench/requirements.txt): django-hordak")
        return
    numbers = {
        BATCH: options.size(200_000),
        EVERYDAY: options.size(1_000),
        CALLS: options.size(2_000),
        BULK: options.size(20_000),
    }
    with database(), peer() as hordak:
        plan = prepare(2 * numbers[BATCH], ACCOUNTS, moves=0, code="hordak")
        taken = []
        for number in range(options.rounds + 1):
            found = {}
            for name, transfers in numbers.items():
                vacuum()
                if name == BATCH:
                    seconds = batch(plan)
                elif name == EVERYDAY:
                    seconds = everyday(plan, transfers)
                else:
                    seconds = ask(hordak, name.split()[-1], transfers)
                found[name] = seconds / transfers
            if number:  # the first round warms the caches
                taken.append(found)
        expected = 2 * (options.rounds + 1) * (numbers[CALLS] + numbers[BULK])
        if (legs := finish(hordak)) != expected:
            raise AssertionError(f"django-hordak has {legs} legs, not {expected}")
    middle = {name: median(found[name] for found in taken) for name in numbers}
    rows = [
        Row(name, middle[name] * transfers, transfers, NOTES[name])
        for name, transfers in numbers.items()
    ]
    title = f"Two-legged transfers over {ACCOUNTS:,} accounts (medians of {options.rounds})"
    show(title, rows[1:], rows[0], "transfers", "x batch")
    for name, bound in ((CALLS, 100), (BULK, 10)):
        ratio = median(found[name] / found[BATCH] for found in taken)
        claim(f"a batch over {name}", ratio, bound, at_least=True)


def batch(plan: Plan) -> float:
    """All transfers staged, sealed and executed."""
    from django.db import transaction

    from exchange.services import batches

    begun = time.perf_counter()
    made = sealed(plan)
    with transaction.atomic():
        batches.post(made, batches.sealed_digests(made))
    return time.perf_counter() - begun


def everyday(plan: Plan, transfers: int) -> float:
    """As many transfers of the same plan, each a journal and a database transaction."""
    from django.db import transaction

    from exchange.services import ledger

    cash = plan.cash
    legs = list(zip(*(column.tolist() for column in cash), strict=True))
    begun = time.perf_counter()
    for first in range(0, 2 * transfers, 2):
        with transaction.atomic():
            ledger.post(
                venue=plan.venue, key=key(), reason="bench", effective_at=now(),
                legs=legs[first : first + 2],
            )  # fmt: skip
    return time.perf_counter() - begun


@contextmanager
def peer() -> Iterator[subprocess.Popen[str]]:
    """django-hordak's process on a new database, ready to be asked."""
    with created(PEER_DATABASE) as settings:
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.hordak_peer"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            tell(process, json.dumps(settings))
            if hear(process) != "ready":
                raise RuntimeError("django-hordak did not start")
            yield process
        finally:
            process.kill()
            process.wait()


def ask(process: subprocess.Popen[str], case: str, transfers: int) -> float:
    """Seconds that many transfers took."""
    tell(process, f"{case} {transfers}")
    return float(hear(process))


def finish(process: subprocess.Popen[str]) -> int:
    """How many legs there are at the end."""
    if process.stdin is not None:
        process.stdin.close()
    return int(hear(process))


def tell(process: subprocess.Popen[str], line: str) -> None:
    """Write one line to the process."""
    if process.stdin is not None:
        process.stdin.write(line + "\n")
        process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    """Read one line from the process; empty where it has ended."""
    return process.stdout.readline().strip() if process.stdout is not None else ""
