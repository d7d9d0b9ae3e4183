"""How long the desk's pages take on the largest incident that is loaded, in the server.

Drives the views in process, middleware and templates included, as an analyst would: every round
asks for another account, another forced close, another place in a list. The claim: 95 of 100 pages
of staff under 150 ms with 100,000 accounts and 5,000,000 fills, and the comparison of remedies
under 300 ms.

The clock's times hold on an idle machine; `busy` is the time both processes spent on a processor,
which is what a page costs on any.

Loads nothing itself: point MAKEWHOLE_DATA at a data folder with an incident, for instance one that
`manage.py drill okex-2018 --accounts 100000 --fills 5000000` made. Reads only, but for a session.
"""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import django
from rich.table import Table

from bench.timing import Options, claim, console

P95_MS_MAX = 150.0
COMPARISON = "comparison"
COMPARISON_MS_MAX = 300.0
ROUNDS_EACH = 12

Address = Callable[[], str]


def run(options: Options) -> None:
    """Print p50, p95 and statements of every page; `rounds` times twelve requests each."""
    start()
    incident = largest()
    if incident is None:
        return
    tape = incident.tape
    console.print(f"{incident.title}: {tape.accounts:,} accounts, {tape.fills:,} fills")
    _report(_measure(_addresses(incident), options.rounds * ROUNDS_EACH))


def largest() -> Any:
    """The incident with the most fills; None, and said so, where none is loaded."""
    from django.db import connection

    from backoffice.models import Incident

    if Incident._meta.db_table in connection.introspection.table_names():
        rows = Incident.objects.select_related("tape", "venue", "contract")
        if (incident := rows.order_by("-tape__fills").first()) is not None:
            return incident
    console.print("no incident is loaded: run a drill in this data folder first")
    return None


def start() -> None:
    """Settings and servers, for reading an incident that is loaded."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    from backoffice import embedded

    embedded.ensure()
    django.setup()
    from django.conf import settings

    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }


def _addresses(incident: object) -> dict[str, Address]:
    """What each page is asked for, a little different every time."""
    from exchange.models import Account, Liquidation

    dice = random.Random(2018)
    home = f"/incidents/{incident.slug}/"
    venue = Account.objects.filter(venue=incident.venue_id)
    accounts = list(venue.order_by("pk").values_list("pk", "code")[:: max(1, venue.count() // 500)])
    busy = list(venue.exclude(tags="").order_by("pk").values_list("pk", flat=True)[:200])
    closes = list(
        Liquidation.objects.filter(tape=incident.tape_id).values_list("pk", flat=True)[:5000]
    )
    some, tagged, closed = (
        lambda: dice.choice(accounts), lambda: dice.choice(busy or [accounts[0][0]]),
        lambda: dice.choice(closes),
    )  # fmt: skip
    pages = {
        "incidents": lambda: "/incidents/",
        "overview": lambda: home,
        "chart": lambda: f"{home}chart.json",
        "liquidations": lambda: f"{home}liquidations/?after={closed()}",
        "liquidations, one verdict": lambda: f"{home}liquidations/?verdict=not_due",
        "liquidations, by account": lambda: f"{home}liquidations/?account={some()[1][:4]}",
        "cascade": lambda: f"{home}cascade/",
        "receipt": lambda: f"/liquidations/{closed()}/",
        "accounts": lambda: f"{home}accounts/?after={some()[1]}",
        "accounts, by code": lambda: f"{home}accounts/?q={some()[1]}",
        "accounts, by a rare name": lambda: f"{home}accounts/?q=Zz{dice.randrange(99)}",
        "accounts, by address": lambda: f"{home}accounts/?q=x{dice.randrange(99)}@example.com",
        "account": lambda: f"/accounts/{some()[0]}/",
        "account, tagged": lambda: f"/accounts/{tagged()}/",
        "fills, tagged": lambda: f"/accounts/{tagged()}/fills/",
        "find": lambda: f"/find/?q={some()[1]}",
        "plans": lambda: f"{home}plans/",
        "notices": lambda: f"{home}notices/",
        "messages": lambda: f"{home}messages/",
        "goodwill": lambda: f"{home}goodwill/",
        "audit": lambda: "/audit/",
    }
    comparison = incident.comparisons.filter(state="done").order_by("-pk").first()
    if comparison:
        at = f"/comparisons/{comparison.pk}/"
        numbers = range(1, comparison.scenarios.count() + 1)
        pages |= {
            "remedies": lambda: f"{home}remedies/",
            COMPARISON: lambda: f"{at}?at={dice.choice(numbers)}",
            "account under every remedy": lambda: f"{at}accounts/{some()[0]}/",
        }
    else:
        console.print("no comparison is computed: its pages are not asked for")
    plan = incident.plans.order_by("-pk").first()
    if plan:
        for name in ("", "effects/", "legs/", "positions/"):
            pages[f"plan {name}".strip(" /")] = lambda name=name: f"/plans/{plan.pk}/{name}"
    return pages if closes else {name: page for name, page in pages.items() if name != "receipt"}


class Timed(NamedTuple):
    """One page: milliseconds of every request, sorted; `busy`: of both processes' processors."""

    wall: list[float]
    busy: list[float]
    statements: int
    size: int


def _measure(pages: dict[str, Address], rounds: int) -> dict[str, Timed]:
    """Every page after one untimed request; one that does not answer 200 is left out, and said."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from backoffice.models import Person

    client = Client()
    client.force_login(
        Person.objects.filter(roles__name="analyst", authenticator__type="totp").first()
    )
    backend = _backend(connection)
    found = {}
    for name, address in pages.items():
        first = client.get(address())
        if first.status_code != 200:
            console.print(f"{name}: not asked again, it answered {first.status_code}")
            continue
        times = [_milliseconds(client, address(), backend) for _ in range(rounds)]
        wall, busy = (sorted(column) for column in zip(*times, strict=True))
        with CaptureQueriesContext(connection) as statements:
            client.get(address())
        found[name] = Timed(wall, busy, len(statements), len(first.content))
    return found


def _milliseconds(client: object, address: str, backend: Path | None) -> tuple[float, float]:
    """(of the clock, of processors): on a busy machine only the second says much."""
    begun, own, theirs = time.perf_counter(), time.process_time(), _spent(backend)
    client.get(address)
    busy = time.process_time() - own + _spent(backend) - theirs
    return (time.perf_counter() - begun) * 1000, busy * 1000


def _backend(connection: object) -> Path | None:
    """Where the kernel counts our connection's process, if it runs on this machine."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        path = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return path if path.exists() else None


def _spent(backend: Path | None) -> float:
    """Seconds of processor time of the database's process so far; 0 where it is elsewhere."""
    return int(backend.read_text().split()[0]) / 1e9 if backend else 0.0


def _report(found: dict[str, Timed]) -> None:
    table = Table(title="Pages, milliseconds in the server", title_justify="left")
    for heading in ("page", "p50", "p95", "worst", "busy p95", "statements", "KiB"):
        table.add_column(heading, justify="left" if heading == "page" else "right")
    for name, timed in found.items():
        shown = (
            _at(timed.wall, 50), _at(timed.wall, 95), timed.wall[-1], _at(timed.busy, 95)
        )  # fmt: skip
        table.add_row(
            name, *(f"{value:.1f}" for value in shown), str(timed.statements),
            str(timed.size // 1024),
        )  # fmt: skip
    console.print(table)
    every = sorted(value for timed in found.values() for value in timed.wall)
    slowest = max(found, key=lambda name: _at(found[name].wall, 95))
    claim("p95 of all pages, ms", _at(every, 95), P95_MS_MAX)
    hungriest = max(found, key=lambda name: _at(found[name].busy, 95))
    claim(f"p95 of processors ({hungriest}), ms", _at(found[hungriest].busy, 95), P95_MS_MAX)
    if COMPARISON in found:
        claim("p95 of the comparison, ms", _at(found[COMPARISON].wall, 95), COMPARISON_MS_MAX)
    claim(f"p95 of the slowest page ({slowest}), ms", _at(found[slowest].wall, 95), P95_MS_MAX)


def _at(values: list[float], percent: int) -> float:
    """The value that `percent` of the sorted values do not exceed."""
    return values[min(len(values) - 1, -(-len(values) * percent // 100) - 1)]
