"""Executing an approved plan beside a bare COPY of the same rows into the same indexes.

The limit is what PostgreSQL needs only to take the rows in: COPY into empty tables with the
ledger's primary key and indexes, no check, no balance, no trigger, by the same client code. Every
round times all cases once, a CHECKPOINT before each, and the claims are medians of the ratios
within a round. Everything runs in a database of its own, which is dropped.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from bench.timing import Options, Row, claim, console, show

DATABASE = "makewhole_bench"
FIRST_PRICE = 50
EVERYDAY_SECONDS = 3.0

Round = dict[str, float]


class Plan(NamedTuple):
    """A venue and the legs to post on it, new ones each time it is asked."""

    venue: Any
    cash: Any
    moves: Any
    quiet: tuple[int, int, int]
    """A wallet, another one and their asset, which the legs do not touch."""


def run(options: Options) -> None:
    """Cash legs alone, then with the position legs a rollback has, then traffic beside it."""
    with database():
        legs, accounts = options.size(1_000_000), options.size(100_000)
        plan = prepare(legs, accounts, moves=0, code="cash")
        execution = report(f"{legs:,} legs over {accounts:,} accounts", plan, options.rounds)
        claim("execution / bare COPY", execution["execute"], 0.6)
        claim("execution without the digests / bare COPY", execution["undigested"], 0.5)
        claim("staging and execution / bare COPY", execution["all"], 1.1)
        plan = prepare(legs, accounts, moves=accounts, code="moves")
        title = f"{legs:,} legs and {accounts:,} position legs over {accounts:,} accounts"
        execution = report(title, plan, options.rounds)
        claim("execution / bare COPY", execution["execute"], 0.6)
        claim("staging and execution / bare COPY", execution["all"], 1.1)
        traffic(plan)


def report(title: str, plan: Plan, rounds: int) -> Round:
    """Time the cases in turns, print them, and return the medians of the ratios to the limit."""
    cases: dict[str, Callable[[Round], None]] = {
        "bare": lambda found: bare(plan, found),
        "stage": lambda found: staged(plan, found),
        "post": lambda found: posted(plan, found),
    }
    taken: list[Round] = []
    for number in range(rounds + 1):
        found: Round = {}
        for case in cases.values():
            vacuum()
            case(found)
        if number:  # the first round warms the caches
            taken.append(found)
    legs = len(plan.cash.amount) + len(plan.moves.cost)
    middle = {name: median(found[name] for found in taken) for name in taken[0]}
    show(
        f"{title} (medians of {rounds})",
        [
            Row("staged and sealed", middle["stage"], legs, "before approval: nothing is locked"),
            Row("executed", middle["execute"], legs, "digests, ATTACH, sums, balances, commit"),
            Row("executed, digests left out", middle["undigested"], legs),
            Row("posted as one journal", middle["journal"], legs, "everyday path, all triggers"),
        ],
        Row("bare COPY, same indexes", middle["bare"], legs),
        "legs",
    )
    steps = {name: value for name, value in middle.items() if name.startswith("step ")}
    console.print("  " + ", ".join(f"{name[5:]} {value:.3f}" for name, value in steps.items()))
    return {
        name: median(found[name] / found["bare"] for found in taken)
        for name in ("execute", "undigested", "stage", "all", "journal")
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


def traffic(plan: Plan) -> None:
    """Everyday postings of two legs on untouched accounts, alone and beside an execution."""
    from django.db import connection, transaction

    from exchange.services import batches, ledger

    source, target, asset = plan.quiet
    stop, taken = threading.Event(), list[tuple[float, float]]()

    def everyday() -> None:
        try:
            while not stop.is_set():
                begun = time.perf_counter()
                with transaction.atomic():
                    ledger.post(
                        venue=plan.venue, key=key(), reason="bench", effective_at=now(),
                        legs=[(source, asset, -1), (target, asset, 1)],
                    )  # fmt: skip
                taken.append((begun, time.perf_counter() - begun))
        finally:
            connection.close()

    batch = sealed(plan)
    vacuum()
    thread = threading.Thread(target=everyday)
    thread.start()
    time.sleep(EVERYDAY_SECONDS)
    begun = time.perf_counter()
    with transaction.atomic():
        batches.post(batch, batches.sealed_digests(batch))
    ended = time.perf_counter()
    stop.set()
    thread.join()
    alone = [seconds for at, seconds in taken if at + seconds < begun]
    beside = [seconds for at, seconds in taken if at + seconds >= begun and at <= ended]
    console.print(
        f"\nEveryday postings, one writer; the execution beside took {ended - begun:.2f} s"
    )
    for name, values in (("alone", alone), ("beside the execution", beside)):
        console.print(
            f"  {name:22s} {len(values):6d} postings, median {median(values) * 1e3:.2f} ms,"
            f" 99 % {np.quantile(values, 0.99) * 1e3:.2f} ms, slowest {max(values) * 1e3:.1f} ms"
        )
    claim("slowest everyday posting beside an execution, seconds", max(beside), 0.25)


def prepare(legs: int, accounts: int, moves: int, code: str) -> Plan:
    """A venue whose customers hold enough, and legs in pairs between random ones of them."""
    from django.db import connection, transaction

    from exchange.domain.legs import cash_legs, position_legs
    from exchange.models import Asset, Contract, Venue
    from exchange.services import ledger
    from exchange.services.copying import copy_rows

    with transaction.atomic(), connection.cursor() as cursor:
        venue = Venue.objects.create(code=code, name=code, rules="okex-2018")
        btc, _ = Asset.objects.get_or_create(code="BTC", defaults={"decimals": 8})
        contract = Contract.objects.create(
            venue=venue, symbol="BTC-USD", kind="inverse", underlying="BTC", settle=btc, face=100,
            tick="0.01", tape_index=0,
        )  # fmt: skip
        copy_rows(
            "exchange_customer", ["venue_id", "code", "name", "email", "language"],
            [(venue.pk, f"c{n}", "n", f"c{n}@bench.test", "en") for n in range(accounts + 2)],
        )  # fmt: skip
        cursor.execute(
            "INSERT INTO exchange_account (venue_id, customer_id, code, kind, margin_mode,"
            " leverage, tags, tape_index) SELECT venue_id, id, code, 'customer', 'cross', 10, '',"
            " row_number() OVER (ORDER BY id) FROM exchange_customer WHERE venue_id = %s"
            " RETURNING id",
            [venue.pk],
        )
        ids = np.array([row[0] for row in cursor.fetchall()])
        wallets = ledger.wallets(
            venue=venue, kind="futures", accounts=ids, assets=np.full(len(ids), btc.pk)
        )
        custody = ledger.house_account(venue=venue, kind="custody", asset_id=btc.pk).pk
        opening = 10**12
        ledger.post(
            venue=venue, key=key(), reason="opening", effective_at=now(),
            legs=cash_legs(
                np.append(wallets, custody), np.full(len(ids) + 1, btc.pk),
                np.append(np.full(len(ids), opening), -opening * len(ids)),
            ),
        )  # fmt: skip
    rng = np.random.default_rng(1)
    pairs = legs // 2
    amounts = rng.integers(1, 10**5, pairs)
    owner = wallets[rng.integers(0, accounts, (pairs, 2))].reshape(-1)
    signed = np.stack((amounts, -amounts), axis=1).reshape(-1)
    cash = cash_legs(owner, np.full(pairs * 2, btc.pk), signed)
    half = moves // 2
    size = np.append(np.full(half, 3), np.full(half, -3))
    kinds = np.full(half * 2, contract.pk)
    held = position_legs(ids[: half * 2], kinds, size, size * FIRST_PRICE)
    return Plan(venue, cash, held, (int(wallets[-1]), int(wallets[-2]), btc.pk))


@contextmanager
def database() -> Iterator[None]:
    """A migrated database of its own on the configured server; dropped at the end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    import django
    from django.core.management import call_command
    from django.db import connection

    from backoffice import embedded

    embedded.ensure()
    django.setup()
    usual = connection.settings_dict["NAME"]
    connection.close()
    with created(DATABASE):
        connection.settings_dict["NAME"] = DATABASE
        try:
            call_command("migrate", verbosity=0)
            with connection.cursor() as cursor:  # what the desk demands is not what is measured
                cursor.execute("ALTER TABLE batch DISABLE TRIGGER batch_needs_plan")
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual


@contextmanager
def created(name: str) -> Iterator[dict[str, Any]]:
    """A new empty database on the configured server, dropped at the end; how to reach it."""
    import psycopg
    from django.db import connection

    known = connection.settings_dict
    usual = known["NAME"]
    place = {field: known[field] for field in ("HOST", "PORT", "USER", "PASSWORD")}

    def maintain(statement: str) -> None:
        server = {field.lower(): value or None for field, value in place.items()}
        with psycopg.connect(dbname=usual, autocommit=True, **server) as maintenance:
            maintenance.execute(statement)

    maintain(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    maintain(f"CREATE DATABASE {name}")
    try:
        yield {**place, "NAME": name}
    finally:
        maintain(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def vacuum() -> None:
    """No debts of the case before: dead rows cleared, dirty pages written."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE balance, position")
        cursor.execute("CHECKPOINT")


def key() -> str:
    """A key never used before."""
    return f"bench-{time.time_ns()}"


def now() -> Any:
    """The time, with its zone."""
    from django.utils import timezone

    return timezone.now()
