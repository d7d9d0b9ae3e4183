"""The adjustment feed: what executed plans did to fills and positions, in the order of execution.

A page begins at a cursor and gives the one after it, whether it has rows or not, so a client polls
by asking for what is after the last. Records are FIX-shaped (docs/formats/feed.md); of one event
record n is `MW<number>-<n>`; an undo takes the records of what it undoes back, the last one first.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import structlog
from numpy.typing import NDArray

from backoffice import cursors, figures
from backoffice.cursors import Place
from backoffice.models import Event
from backoffice.queries import feed as queries
from backoffice.services import adjustments, nudges
from backoffice.services.adjustments import RecordsDiffer
from exchange.domain.adjustments import FILL, exec_type
from exchange.models import Venue
from exchange.tape.adjustments import Row, Sidecar
from exchange.tape.store import TapeMissing

log = structlog.get_logger(__name__)

UNREADABLE = (TapeMissing, RecordsDiffer)
"""Why there may be no records to read: an operator has to see to it."""

LIMIT = 1000
LIMIT_MAX = 5000
EVENTS_MAX = 100
SWEEP_MAX = 20
BUY, SELL = "1", "2"
EXECUTION_REPORT, POSITION_REPORT, POSITION_ADJUSTMENT = "8", "AM", "3"


class Wanted(NamedTuple):
    """What a reader asks for: records of these accounts (None: all) and this contract (None: any),
    by the tape's numbers."""

    accounts: Sequence[int] | None = None
    contract: int | None = None


class Page(NamedTuple):
    """Records in order; `next` is where to go on, `more` whether there is more there already."""

    rows: list[dict[str, Any]]
    next: str
    more: bool


class _Found(NamedTuple):
    """A record with its place, the event and its number within it; and the id of the record that
    it takes back, if it does."""

    event: Event
    number: int
    record: Row
    takes_back: str | None


def read(venue: Venue, after: str = "", limit: int = LIMIT, wanted: Wanted = Wanted()) -> Page:  # noqa: B008 - a constant
    """The records after a cursor, newest last; at most `limit`, of at most 100 plans.

    Raises `BadCursor`, and one of `UNREADABLE` where records must be made and cannot be.
    Three statements; where a plan's records are not on the disk yet, the time to make them.
    """
    place, limit = cursors.read(venue.pk, after), max(1, min(limit, LIMIT_MAX))
    events = queries.adjusting(venue.pk, place.number, EVENTS_MAX + 1)
    found: list[_Found] = []
    more = len(events) > EVENTS_MAX
    for event in events[:EVENTS_MAX]:
        start = place.offset if event.number == place.number else 0
        assert event.source is not None, "an event that adjusts has a source"
        sidecar = adjustments.sidecar(event.source)
        rows = sidecar.find(
            start, limit - len(found) + 1,
            accounts=wanted.accounts, contract=wanted.contract, backwards=event.reversed,
        )  # fmt: skip
        room = limit - len(found)
        found += _found(event, sidecar, rows[:room])
        if len(rows) > room:
            # Up to the row that did not fit: what a filter passes over is not looked at again.
            place, more = Place(event.number, int(rows[room])), True
            break
        place = Place(event.number, max(start, len(sidecar.records)))
    return Page(_written(venue, found), cursors.write(venue.pk, place), more)


def records(event: Event, offset: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Records of one event from a number on, and how many it has. Raises one of `UNREADABLE`."""
    assert event.source is not None, "an event that adjusts has a source"
    sidecar = adjustments.sidecar(event.source)
    numbers = sidecar.find(offset, limit, backwards=event.reversed)
    return _written(event.venue, _found(event, sidecar, numbers)), len(sidecar.records)


def prepare(*, event_id: int) -> int:
    """Put an event's records on this machine's disk; returns how many there are.

    Harmless where they are. Where they cannot be made it is logged, and 0: the first reader is told
    too, and the sweep asks again.
    """
    event = Event.objects.select_related("source__batch", "source__incident__tape").get(pk=event_id)
    assert event.source is not None, "only events that adjust are prepared"
    try:
        return len(adjustments.sidecar(event.source).records)
    except UNREADABLE as why:
        log.error("records of the feed cannot be made", plan=event.source_id, why=str(why))
        return 0


def sweep() -> int:
    """Nudge a worker for the newest plans whose records are not on the disk; at most 20."""
    missing = [
        event.pk
        for event in queries.published()[:SWEEP_MAX]
        if event.source and not adjustments.prepared(event.source)
    ]
    for pk in missing:
        nudges.now(nudges.PREPARE_FEED, pk)
    return len(missing)


def exec_id(event: Event, number: int) -> str:
    """The ExecID of an event's record: the same whenever it is read, of no other record."""
    return f"MW{event.number}-{number}"


def _found(event: Event, sidecar: Sidecar, numbers: NDArray[np.int64]) -> list[_Found]:
    """The records with these numbers. An undo takes them back the last one first, so that whoever
    follows it stands, after each, where they stood before the record it takes back."""
    rows = sidecar.rows(numbers, backwards=event.reversed)
    last = len(sidecar.records) - 1
    return [
        _Found(event, number, row, exec_id(event.refers, last - number) if event.refers else None)
        for number, row in zip(numbers.tolist(), rows, strict=True)
    ]


def _written(venue: Venue, found: list[_Found]) -> list[dict[str, Any]]:
    """The records as the feed writes them; two statements where there are any."""
    if not found:
        return []
    accounts = queries.account_codes(venue.pk, {one.record.account for one in found})
    contracts = queries.contracts(venue.pk)
    of_event = {
        one.event.pk: {
            "TransactTime": fix_time(one.event.at),
            "PlanDigest": one.event.plan.digest if one.event.plan else "",
        }
        for one in {one.event.pk: one for one in found}.values()
    }
    rows = []
    for one in found:
        contract = contracts[one.record.contract]
        common = {"Account": accounts[one.record.account], "Symbol": contract.symbol}
        about = _fill if one.record.kind == FILL else _position
        rows.append({**about(one, contract, common), **of_event[one.event.pk]})
    return rows


def _fill(one: _Found, contract: queries.ContractName, common: dict[str, str]) -> dict[str, Any]:
    """An ExecutionReport: 35=8, ExecType H, G or F."""
    record = one.record
    quantity = record.quantity_after or record.quantity_before
    return {
        "MsgType": EXECUTION_REPORT,
        "ExecID": exec_id(one.event, one.number),
        "ExecType": exec_type(record.quantity_before, record.quantity_after),
        "ExecRefID": one.takes_back or str(record.seq),
        "OrigExecID": str(record.seq),
        "OrderID": str(record.order) if record.order else None,
        "TrdMatchID": str(record.trade) if record.trade else None,
        **common,
        "Side": BUY if quantity > 0 else SELL,
        "LastQty": str(abs(record.quantity_after)),
        "LastPx": _price(record.value_after, contract.tick),
        "OldLastQty": str(abs(record.quantity_before)),
        "OldLastPx": _price(record.value_before, contract.tick),
        "OrigTime": fix_time(figures.instant(record.time)),
    }


def _position(
    one: _Found, contract: queries.ContractName, common: dict[str, str]
) -> dict[str, Any]:
    """A PositionMaintenanceReport: 35=AM, an adjustment of quantity and cost."""
    record = one.record
    return {
        "MsgType": POSITION_REPORT,
        "PosMaintRptID": exec_id(one.event, one.number),
        "PosMaintRptRefID": one.takes_back,
        "PosTransType": POSITION_ADJUSTMENT,
        **common,
        "LongQty": str(max(record.quantity_after, 0)),
        "ShortQty": str(max(-record.quantity_after, 0)),
        "OldLongQty": str(max(record.quantity_before, 0)),
        "OldShortQty": str(max(-record.quantity_before, 0)),
        "Cost": _amount(record.value_after, contract.decimals),
        "OldCost": _amount(record.value_before, contract.decimals),
        "Currency": contract.settle,
    }


def fix_time(at: datetime) -> str:
    """A FIX UTCTimestamp with microseconds: 20180330-04:47:54.123456."""
    return figures.instant(at).strftime("%Y%m%d-%H:%M:%S.%f")


def _price(ticks: int, tick: Decimal) -> str | None:
    """The price with the places of the tick; None where there is no fill any more, or was none."""
    return format(ticks * tick.normalize(), "f") if ticks else None


def _amount(units: int, decimals: int) -> str:
    return format(Decimal(units).scaleb(-decimals), "f")
