"""A market of four accounts, imported for real: its tape stored, its books opened, judged.

Ann, 20 times, is long 10 contracts and is taken over at 6,400.50; the test market of the tape.
"""

from dataclasses import dataclass
from pathlib import Path

from backoffice.models import Comparison, Incident
from backoffice.services import comparisons, incidents, people, timeline
from exchange.models import Account, Liquidation
from exchange.models import Tape as Record
from exchange.services import books, liquidations
from exchange.tape import bundle
from tests.exchange.tape.market import tables, write


@dataclass
class Market:
    """Rows that tests name. `incident` is None on a venue that was only imported."""

    record: Record
    incident: Incident | None

    def account(self, code: str) -> Account:
        return Account.objects.get(venue=self.record.venue_id, code=code)

    @property
    def close(self) -> Liquidation:
        return Liquidation.objects.get(tape=self.record)


def compared(market: Market) -> Comparison:
    """The default comparison of its incident, computed as a worker does."""
    row = comparisons.request(incident=market.incident, by=people.cast_member("mira"))
    done = comparisons.run(comparison_id=row.pk)
    assert done.state == Comparison.State.DONE, done.message
    return done


def open_market(folder: Path, *, venue: str = "testex", incident: bool = True) -> Market:
    """Import the bundle, open its books, judge its liquidations; in the test's transaction."""
    tape = bundle.read(write(folder, tables()))
    record = books.open_books(tape=tape, venue=venue, name="Testex", is_drill=True, progress=None)
    liquidations.recompute(tape_record=record)
    if not incident:
        return Market(record, None)
    people.seed_cast(venue=record.venue)
    opened = incidents.open_incident(
        tape=record, by=people.cast_member("mira"), title="BTC0629 off the index"
    )
    timeline.compute(incident=opened, tape=tape)
    return Market(record, opened)
