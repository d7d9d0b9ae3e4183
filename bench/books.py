"""Books to measure in: a database of its own, a venue with customers, legs between them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

DATABASE = "makewhole_bench"
FIRST_PRICE = 50


class Plan(NamedTuple):
    """A venue and the legs to post on it, new ones each time it is asked."""

    venue: Any
    cash: Any
    moves: Any
    quiet: tuple[int, int, int]
    """A wallet, another one and their asset, which the legs do not touch."""


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
