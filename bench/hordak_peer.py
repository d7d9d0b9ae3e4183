"""django-hordak in a process and a database of its own, timed on request.

`python -m bench.hordak_peer` reads its database as JSON, migrates it as the package ships it
(constraints and triggers included), then answers each line ``NAME NUMBER`` with the seconds that
many transfers took. Accounts and amounts are made before the clock starts. See `bench.hordak`.
"""

import json
import random
import sys
import time
from typing import Any

ACCOUNTS = 10_000
BATCH = 1_000
"""Rows in one INSERT of `bulk_create`; 20,000, or all at once, take as long."""


def main() -> None:
    """Serve until the input ends; the last line says how many legs there are."""
    start(json.loads(sys.stdin.readline()))
    from hordak.models import Leg

    cases = {"transfer_to": transfer_to, "bulk_create": bulk_create}
    print("ready", flush=True)
    for line in sys.stdin:
        name, number = line.split()
        print(cases[name](pairs(int(number))), flush=True)
    print(Leg.objects.count(), flush=True)


def start(database: dict[str, Any]) -> None:
    """Django with the package's own apps, its migrations, and accounts in the database."""
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **database}},
        INSTALLED_APPS=["django.contrib.contenttypes", "mptt", "djmoney", "hordak"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    Account.objects.bulk_create(  # a tree each, as `Account.objects.create` would make them
        Account(name=f"{n}", type="LI", lft=1, rght=2, tree_id=n, level=0)
        for n in range(1, ACCOUNTS + 1)
    )


def pairs(number: int) -> list[tuple[Any, Any, Any]]:
    """(from, to, amount) of transfers between different random accounts."""
    from hordak.models import Account
    from moneyed import Money

    accounts = list(Account.objects.all())
    chance = random.Random(number)
    return [
        (*chance.sample(accounts, 2), Money(chance.randrange(1, 10**5), "EUR"))
        for _ in range(number)
    ]


def transfer_to(moves: list[tuple[Any, Any, Any]]) -> float:
    """One call a transfer, a database transaction each, as the documentation shows."""
    begun = time.perf_counter()
    for source, target, amount in moves:
        source.transfer_to(target, amount)
    return time.perf_counter() - begun


def bulk_create(moves: list[tuple[Any, Any, Any]]) -> float:
    """All of them in one database transaction: the transactions, then their legs."""
    from django.db import transaction
    from hordak.models import Leg, Transaction

    begun = time.perf_counter()
    with transaction.atomic():
        made = Transaction.objects.bulk_create([Transaction() for _ in moves], BATCH)
        legs = []
        for each, (source, target, amount) in zip(made, moves, strict=True):
            legs.append(Leg(transaction=each, account=source, credit=amount))
            legs.append(Leg(transaction=each, account=target, debit=amount))
        Leg.objects.bulk_create(legs, BATCH)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
