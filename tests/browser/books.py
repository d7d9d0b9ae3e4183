"""What the rows say, read beside the screens: a story compares a page with them, to the digit."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
from playwright.sync_api import Page, expect

from backoffice import embedded
from tests.browser.conftest import Desk

# A machine that does other things too is slow, and slow is not wrong.
expect.set_options(timeout=20_000)
INVESTIGATED = """
from backoffice.rehearsal import Rehearsal
run = Rehearsal(scenario="okex-2018", accounts=300, fills=6000, seed=11,
                progress=lambda *told: None, tell=lambda line: None)
run.make_market(); run.investigate(); run.tell_first()
print(run.outcome.incident.slug)
"""


COMPARED = """
from backoffice.models import Incident
from backoffice.services import comparisons, people
incident = Incident.objects.get(slug="{slug}")
row = comparisons.request(incident=incident, by=people.cast_member("mira"))
print(comparisons.run(comparison_id=row.pk).pk)
"""


def compared(desk: Desk, slug: str) -> int:
    """A comparison of the incident's remedies, computed without a browser if there is none; its
    number."""
    done = one(
        desk,
        "SELECT min(c.id) FROM comparison c JOIN incident i ON i.id = c.incident_id"
        " WHERE c.state = 'done' AND i.slug = %s",
        slug,
    )
    if done is not None:
        return int(done)
    return int(
        desk.manage("shell", "--verbosity", "0", "-c", COMPARED.format(slug=slug)).split()[-1]
    )


def investigated(desk: Desk) -> str:
    """A second incident of the desk, whose forced closes are judged and nothing is remedied yet."""
    return desk.manage("shell", "--verbosity", "0", "-c", INVESTIGATED).split()[-1]


def rows(desk: Desk, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a statement on the desk's own database."""
    at = embedded.places(desk.environment["MAKEWHOLE_DATA"])
    with psycopg.connect(embedded.database_url(at)) as books:
        return books.execute(statement, values).fetchall()


def one(desk: Desk, statement: str, *values: object) -> Any:
    """The only value of the only row."""
    ((value,),) = rows(desk, statement, *values)
    return value


def written(units: int, decimals: int, *, signed: bool = False) -> str:
    """An amount as a page writes it, made here by another way than the page's."""
    text = f"{Decimal(units).scaleb(-decimals):,.{decimals}f}".replace("-", "\N{MINUS SIGN}")
    return f"+{text}" if signed and units > 0 else text


def words(page: Page, selector: str = "main") -> str:
    """The text of a part of the page, its blanks made equal."""
    return " ".join(page.inner_text(selector).split())


def until(page: Page, true: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Look again until it is true; fails with what the page says."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"{what}: {words(page)[:2000]}"
        page.wait_for_timeout(100)
