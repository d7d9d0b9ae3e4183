"""How numbers and times are written for people. Pure: values in, text out.

Invariants: amounts are integers in the asset's minor unit and never pass through a float;
every digit the ledger holds is shown; a minus is U+2212, so that it is as wide as a plus and
no line breaks after it; times carry the name of their zone.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUS = "\N{MINUS SIGN}"
MARKET_ZONE = "Asia/Hong_Kong"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TONES = ("zero", "gain", "loss")


class Figure(NamedTuple):
    """A number in the parts the screen sets apart.

    `sign` is "", "+" or U+2212; `whole` is grouped by thousands; `fraction` has the significant
    decimals; `tail` the zeros after them; `tone` is gain, loss or zero.
    """

    sign: str
    whole: str
    fraction: str
    tail: str
    tone: str

    def __str__(self) -> str:
        decimals = self.fraction + self.tail
        return f"{self.sign}{self.whole}" + (f".{decimals}" if decimals else "")


class Moment(NamedTuple):
    """One instant as UTC and as the market's clock, and the ISO text behind both."""

    iso: str
    utc_date: str
    utc_time: str
    market_date: str
    market_time: str
    market_zone: str


def amount(units: int, decimals: int, *, signed: bool = False) -> Figure:
    """`units` minor units of an asset with `decimals` places, every place shown.

    `signed` writes a plus before gains. Raises TypeError when units is no integer.
    """
    if isinstance(units, bool) or not isinstance(units, int):
        raise TypeError(f"an amount is a whole number of minor units, not {units!r}")
    whole, part = divmod(abs(units), 10**decimals)
    digits = str(part).zfill(decimals) if decimals else ""
    fraction = digits.rstrip("0")
    sign = MINUS if units < 0 else "+" if signed and units > 0 else ""
    tone = _TONES[(units > 0) - (units < 0)]
    return Figure(sign, f"{whole:,}", fraction, digits[len(fraction) :], tone)


def price(ticks: int, tick: Decimal) -> str:
    """The price `ticks * tick` with the places of the tick: 475500 at 0.01 is 4,755.00."""
    step = tick.normalize()
    places = max(0, -int(step.as_tuple().exponent))
    return f"{ticks * step:,.{places}f}".replace("-", MINUS)


def whole_number(value: int, *, signed: bool = False) -> str:
    """A count or a quantity of contracts, grouped by thousands."""
    return str(amount(value, 0, signed=signed))


def share(part: int, whole: int, *, decimals: int = 1) -> str:
    """`part` of `whole` in percent, rounded half up in integers; a dash when whole is 0."""
    if not whole:
        return "\N{EN DASH}"
    scale = 100 * 10**decimals
    rounded = (2 * part * scale + whole) // (2 * whole)
    return f"{amount(rounded, decimals)}\N{NO-BREAK SPACE}%"


def instant(value: datetime | int) -> datetime:
    """An aware UTC datetime from one, or from microseconds since 1970. Refuses naive times."""
    if isinstance(value, int):
        return _EPOCH + timedelta(microseconds=value)
    if value.tzinfo is None:
        raise ValueError("a time without a zone cannot be shown")
    return value.astimezone(UTC)


def moment(value: datetime | int, *, zone: str = MARKET_ZONE, precise: bool = False) -> Moment:
    """The parts of a time for the screen; `precise` keeps the microseconds."""
    utc = instant(value)
    market = utc.astimezone(ZoneInfo(zone))
    clock = "%H:%M:%S.%f" if precise else "%H:%M:%S"
    return Moment(
        iso=utc.isoformat(timespec="microseconds" if utc.microsecond else "seconds"),
        utc_date=utc.strftime("%Y-%m-%d"),
        utc_time=utc.strftime(clock),
        market_date=market.strftime("%Y-%m-%d"),
        market_time=market.strftime(clock),
        market_zone=market.strftime("%Z"),
    )


def duration(seconds: int) -> str:
    """`seconds` as 2 d 03:04:05 or 03:04:05, with a minus when negative."""
    days, rest = divmod(abs(seconds), 86_400)
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    sign = MINUS if seconds < 0 else ""
    return f"{sign}{days} d {clock}" if days else f"{sign}{clock}"
