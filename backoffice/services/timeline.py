"""The incident's timeline as far as the tape can tell it: computed, dated, never typed.

One pass over arrays for each line. A line that the tape does not support is left out.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from django.db import transaction

from backoffice import figures
from backoffice.models import Incident, TimelineEntry
from backoffice.services.facts import Computed, record
from exchange.domain.holdings import TAKEOVER, reason_of
from exchange.domain.reference import fair_path
from exchange.tape import arrays, store

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BANDS_PERCENT = (3, 5)
CASCADE_SECONDS = 10
TABLES = ("accounts", "fills", "prices", "transfers", "liquidations")


class Line(NamedTuple):
    """A line of the timeline at a time of the tape (microseconds)."""

    key: str
    at_us: int
    text: str
    public: bool


def moment(at_us: int) -> datetime:
    """Microseconds since 1970 as an aware time."""
    return EPOCH + timedelta(microseconds=int(at_us))


def microseconds(at: datetime) -> int:
    """An aware time as microseconds since 1970."""
    return (at - EPOCH) // timedelta(microseconds=1)


class _Scene(NamedTuple):
    """The incident's contract inside its window, as arrays."""

    tape: arrays.Tape
    contract: int
    start: int
    end: int
    cutoff: int
    trades: np.ndarray  # rows of `tape.fills`: trades of the contract, one side each, by time
    time: np.ndarray  # seconds of the price grid inside the window
    mark: np.ndarray
    index: np.ndarray


def compute(*, incident: Incident, tape: arrays.Tape | None = None) -> list[TimelineEntry]:
    """Write the computed lines and the facts behind them; computing again changes nothing.

    Two statements and one load of the tape, unless it is given.
    """
    tape = tape or store.load(incident.tape.digest)
    scene = _scene(incident, tape)
    lines = sorted(_lines(scene, incident), key=lambda line: line.at_us)
    with transaction.atomic():
        entries = TimelineEntry.objects.bulk_create(
            [
                TimelineEntry(
                    incident=incident,
                    at=moment(line.at_us),
                    source=TimelineEntry.Source.TAPE,
                    key=line.key,
                    text=line.text,
                    public=line.public,
                )
                for line in lines
            ],
            ignore_conflicts=True,
        )
        record(incident=incident, computed=_facts(scene, incident))
    return entries


def _scene(incident: Incident, tape: arrays.Tape) -> _Scene:
    contract = next(
        i for i, spec in enumerate(tape.specs) if spec.symbol == incident.contract.symbol
    )
    start, end = microseconds(incident.window_start), microseconds(incident.window_end)
    cutoff = microseconds(incident.effective_cutoff)
    fills = tape.fills
    trades = np.flatnonzero(
        (fills.contract == contract)
        & (fills.quantity > 0)
        & (reason_of(fills.flags) != TAKEOVER)
        & (fills.time >= cutoff)
        & (fills.time <= end)
    )
    grid = (tape.prices.time >= start) & (tape.prices.time <= end)
    return _Scene(
        tape,
        contract,
        start,
        end,
        cutoff,
        trades,
        tape.prices.time[grid],
        tape.prices.mark[contract][grid],
        tape.prices.index[contract][grid],
    )


def _lines(scene: _Scene, incident: Incident) -> Iterator[Line]:
    symbol = incident.contract.symbol
    yield Line(
        "last-kept-trade", scene.cutoff, "Last trade that is kept: the effective cut-off", True
    )
    yield Line(
        "announced-cutoff", microseconds(incident.announced_cutoff), "Cut-off as announced", True
    )
    yield from _off_band(scene, symbol)
    yield from _extremes(scene, symbol)
    yield from _forced(scene)
    yield from _winners(scene)


def _off_band(scene: _Scene, symbol: str) -> Iterator[Line]:
    """The first second at which the mark stood a band away from the fair reference: the index
    with the premium the contract had before anyone disputed it."""
    prices = scene.tape.prices
    row = slice(scene.contract, scene.contract + 1)
    try:
        fair = fair_path(prices.time, prices.mark[row], prices.index[row], scene.cutoff)[0]
    except ValueError:  # the tape says nothing of the time before the cut-off
        return
    inside = (prices.time >= scene.cutoff) & (prices.time <= scene.end)
    time, mark, fair = prices.time[inside], prices.mark[scene.contract][inside], fair[inside]
    for percent in BANDS_PERCENT:
        away = np.abs(mark - fair) * 100 > percent * fair
        if away.any():
            at = int(np.argmax(away))
            yield Line(
                f"off-band-{percent}",
                int(time[at]),
                f"{symbol} at {_price(scene, mark[at])}, more than {percent} % from the fair "
                f"reference at {_price(scene, fair[at])}",
                True,
            )


def _extremes(scene: _Scene, symbol: str) -> Iterator[Line]:
    """The first trough, the rebound and the low, from trades."""
    if not len(scene.trades):
        return
    fills = scene.tape.fills
    low = scene.trades[np.argmin(fills.price[scene.trades])]
    yield Line(
        "low", int(fills.time[low]), f"Low of {symbol}: {_price(scene, fills.price[low])}", True
    )
    before = scene.mark[: max(1, int(np.searchsorted(scene.time, fills.time[low])))]
    rebound = _largest_rise(before)
    if rebound is None:
        return
    trough, peak = rebound
    yield Line(
        "first-trough",
        int(scene.time[trough]),
        f"First trough: {_price(scene, before[trough])}",
        True,
    )
    yield Line("rebound", int(scene.time[peak]), f"Rebound to {_price(scene, before[peak])}", True)


def _largest_rise(path: np.ndarray) -> tuple[int, int] | None:
    """(from, to) of the largest rise of a path, or None when it never rises; linear time."""
    lowest = np.minimum.accumulate(path)
    peak = int(np.argmax(path - lowest))
    if path[peak] <= lowest[peak]:
        return None
    return int(np.argmin(path[: peak + 1])), peak


def _forced(scene: _Scene) -> Iterator[Line]:
    """The first forced close and the ten seconds with the most of them."""
    rows = scene.tape.liquidations
    times = np.sort(rows.time[(rows.time >= scene.start) & (rows.time <= scene.end)])
    if not len(times):
        return
    yield Line("first-liquidation", int(times[0]), "First position closed by force", True)
    width = CASCADE_SECONDS * 1_000_000
    bins, counts = np.unique((times - scene.start) // width, return_counts=True)
    worst = int(np.argmax(counts))
    yield Line(
        "cascade-peak",
        int(scene.start + bins[worst] * width),
        f"Peak of the cascade: {figures.whole_number(int(counts[worst]))} forced closes in "
        f"{CASCADE_SECONDS} seconds",
        True,
    )


def _winners(scene: _Scene) -> Iterator[Line]:
    """The first money to leave a futures wallet after the low: what a rollback must recover."""
    moves = scene.tape.transfers
    if not len(scene.trades):
        return
    fills = scene.tape.fills
    low_at = fills.time[scene.trades[np.argmin(fills.price[scene.trades])]]
    out = np.flatnonzero(
        (moves.time >= low_at) & (moves.wallet == arrays.WALLET_FUTURES) & (moves.amount < 0)
    )
    if len(out):
        first = out[np.argmin(moves.time[out])]
        yield Line(
            "first-moved-out",
            int(moves.time[first]),
            "First transfer out of a futures wallet after the low",
            False,
        )


def _facts(scene: _Scene, incident: Incident) -> dict[str, Computed]:
    """What notices may cite about the tape."""
    inputs = {"tape": incident.tape.digest, "contract": incident.contract.symbol}
    facts = {
        "contract": Computed(incident.contract.symbol, "manifest of the tape", inputs),
        "window_start": Computed(_clock(incident, incident.window_start), "manifest", inputs),
        "window_end": Computed(_clock(incident, incident.window_end), "manifest", inputs),
        "announced_cutoff": Computed(
            _clock(incident, incident.announced_cutoff), "manifest", inputs
        ),
        "effective_cutoff": Computed(
            _clock(incident, incident.effective_cutoff), "time of the last kept trade", inputs
        ),
    }
    if len(scene.trades):
        fills = scene.tape.fills
        low = scene.trades[np.argmin(fills.price[scene.trades])]
        at = int(np.searchsorted(scene.tape.prices.time, fills.time[low], side="right")) - 1
        facts["trade_min_price"] = Computed(
            _price(scene, fills.price[low]), "lowest trade after the cut-off", inputs
        )
        facts["index_at_low"] = Computed(
            _price(scene, scene.tape.prices.index[scene.contract][at]),
            "index in the second of the lowest trade",
            inputs,
        )
    return facts


def _price(scene: _Scene, ticks: int) -> str:
    return figures.price(int(ticks), scene.tape.specs[scene.contract].tick)


def _clock(incident: Incident, at: datetime) -> str:
    shown = figures.moment(at, zone=incident.zone)
    return f"{shown.market_date} {shown.market_time} {shown.market_zone}"
