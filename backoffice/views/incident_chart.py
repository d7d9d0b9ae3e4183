"""The numbers of an incident's chart: prices, window, cut-offs, forced closes, the cascade.

The format is described at the head of static/js/price-chart.js.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from backoffice import figures
from backoffice.models import Incident
from backoffice.views import access
from exchange.models import Contract
from exchange.queries import liquidations, tapes

CASCADE_SECONDS = 10
TABLE_SECONDS = 300
POINTS_LEAST = 100
SECOND_US = 1_000_000


@require_GET
@access.staff()
def chart(request: HttpRequest, slug: str) -> JsonResponse:
    """At most ?resolution= points of ?contract=, the incident's own when it names none.

    404 where the tape is not in this machine's store.
    """
    incident = access.incident(request, slug)
    contract = chosen_contract(request, incident)
    asked = request.GET.get("resolution", "")
    points = int(asked) if asked.isdecimal() and len(asked) < 6 else tapes.POINTS_MAX
    try:
        series = tapes.price_series(
            incident.tape.digest, contract.tape_index, points=max(POINTS_LEAST, points)
        )
    except tapes.TapeMissing as missing:
        raise Http404 from missing
    closes = liquidations.recorded(incident.tape_id, contract.pk)
    units, decimals = _tick(contract.tick)
    return JsonResponse(
        {
            "zone": incident.zone,
            "tick_units": units,
            "decimals": decimals,
            "time": (series.time // SECOND_US).tolist(),
            "mark": series.mark.tolist(),
            "index": series.index.tolist(),
            "window": {
                "start": int(incident.window_start.timestamp()),
                "end": int(incident.window_end.timestamp()),
            },
            "cutoffs": _cutoffs(incident),
            "liquidations": {
                "time": [close.at for close in closes],
                "price": [close.ticks for close in closes],
                "quantity": [close.quantity for close in closes],
            },
            "cascade": _cascade(series, closes),
        }
    )


def chosen_contract(request: HttpRequest, incident: Incident) -> Contract:
    """The contract that ?contract= names, or the incident's. 404 for one the venue has not."""
    symbol = request.GET.get("contract", "")
    if symbol in ("", incident.contract.symbol):
        return incident.contract
    found = Contract.objects.filter(venue=incident.venue_id, symbol=symbol).first()
    if found is None:
        raise Http404
    return found


class Row(NamedTuple):
    """One line of the table beside the chart, prices as text."""

    time: datetime
    mark: str
    index: str
    gap: str
    forced: int


def table(incident: Incident, contract: Contract) -> list[Row] | None:
    """The chart's prices once in five minutes, with the contracts forced closed until the next.

    None where the tape is not in this machine's store.
    """
    try:
        series = tapes.price_steps(incident.tape.digest, contract.tape_index, seconds=TABLE_SECONDS)
    except tapes.TapeMissing:
        return None
    forced = liquidations.forced(incident.tape_id, contract.pk, seconds=TABLE_SECONDS)
    rows = zip(series.time.tolist(), series.mark.tolist(), series.index.tolist(), strict=True)
    return [
        Row(
            datetime.fromtimestamp(0, UTC) + timedelta(microseconds=time),
            figures.price(mark, contract.tick),
            figures.price(index, contract.tick),
            figures.share(mark - index, index),
            forced.get(time // SECOND_US, 0),
        )
        for time, mark, index in rows
    ]


def _cutoffs(incident: Incident) -> list[dict[str, Any]]:
    both = (
        (_("Effective"), incident.effective_cutoff),
        (_("Announced"), incident.announced_cutoff),
    )
    return [{"label": label, "time": int(at.timestamp())} for label, at in both]


def _cascade(series: tapes.Series, closes: list[liquidations.Forced]) -> dict[str, Any] | None:
    """Contracts taken over in every ten seconds of the series, quiet ones as 0."""
    if not closes or not len(series.time):
        return None
    first, last = int(series.time[0]) // SECOND_US, int(series.time[-1]) // SECOND_US
    starts = range(first // CASCADE_SECONDS * CASCADE_SECONDS, last + 1, CASCADE_SECONDS)
    contracts = [0] * len(starts)
    for close in closes:
        step = (close.at - starts.start) // CASCADE_SECONDS
        if 0 <= step < len(contracts):
            contracts[step] += abs(close.quantity)
    return {"seconds": CASCADE_SECONDS, "time": list(starts), "contracts": contracts}


def _tick(tick: Decimal) -> tuple[int, int]:
    """(units, decimals) of a tick: 0.05 is 5 units of two decimals."""
    step = tick.normalize()
    decimals = max(0, -int(step.as_tuple().exponent))
    return int(step.scaleb(decimals)), decimals
