"""The desk's small parts: figures, times, states, digests, icons.

Each is a few inline elements with no state. Numbers come from `backoffice/figures.py`, which
never sees a float; the machine-readable value stands in `<data value>` or `<time datetime>`,
so that what is shown can be copied exactly. Larger parts are in `panels.py` and `charts.py`.
"""

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from backoffice import badges, figures, worddiff

register = template.Library()


class _Asset(Protocol):
    code: str
    decimals: int


class _Contract(Protocol):
    tick: Decimal


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of static/icons.svg; without a label it is decoration and hidden from readers."""
    href = static("icons.svg")
    if not label:
        return format_html(
            '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', href, name
        )
    return format_html(
        '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"/></svg>', label, href, name
    )


@register.simple_tag
def money(
    units: int | None, asset: _Asset, signed: bool = False, unit: bool = True, arrow: bool = False
) -> SafeString:
    """`units` minor units of `asset` (anything with code and decimals), every decimal shown.

    `signed` adds a plus and the gain or loss colour; `arrow` a mark beside them; `unit=False`
    leaves the code out where a column's head already names it. None is a dash.
    """
    if units is None:
        return mark_safe('<span class="nil">&ndash;</span>')  # noqa: S308 - a constant
    parts = figures.amount(units, asset.decimals, signed=signed)
    point = "." if parts.fraction or parts.tail else ""
    head, tail = (point, parts.tail) if parts.fraction else ("", point + parts.tail)
    return format_html(
        '<span class="fig" data-tone="{}">{}<data value="{}">{}{}{}{}'
        '<span class="tail">{}</span></data>{}</span>',
        parts.tone if signed else "plain",
        _arrow(parts.tone) if arrow else "",
        units,
        parts.sign,
        parts.whole,
        head,
        parts.fraction,
        tail,
        format_html(' <span class="unit">{}</span>', asset.code) if unit else "",
    )


def _arrow(tone: str) -> SafeString:
    name = {"gain": "up", "loss": "down"}.get(tone)
    return icon(name) if name else mark_safe("")


@register.simple_tag
def price(ticks: int | None, contract: _Contract | Decimal) -> SafeString:
    """A price of `ticks` ticks, written at the tick of the contract (or at a Decimal tick)."""
    if ticks is None:
        return mark_safe('<span class="nil">&ndash;</span>')  # noqa: S308 - a constant
    tick = contract if isinstance(contract, Decimal) else contract.tick
    text = figures.price(ticks, tick)
    return format_html('<data class="num" value="{}">{}</data>', str(ticks * tick), text)


@register.simple_tag
def quantity(contracts: int, side: bool = False) -> SafeString:
    """Signed contracts: `side` writes long or short beside the sign; otherwise sign alone."""
    text = figures.whole_number(contracts, signed=True)
    word = _("long") if contracts > 0 else _("short") if contracts < 0 else _("flat")
    return format_html(
        '<data class="num" value="{}">{}{}</data>',
        contracts,
        text,
        format_html(' <span class="unit">{}</span>', word) if side else "",
    )


@register.simple_tag
def count(value: int) -> SafeString:
    """A whole number grouped by thousands."""
    return format_html('<data class="num" value="{}">{}</data>', value, figures.whole_number(value))


@register.simple_tag
def percent(part: int, whole: int, decimals: int = 1) -> SafeString:
    """`part` of `whole` in percent, by integer arithmetic."""
    return format_html('<span class="num">{}</span>', figures.share(part, whole, decimals=decimals))


@register.simple_tag
def moment(
    value: datetime | int | None, form: str = "line", zone: str = "", precise: bool = False
) -> SafeString:
    """A time in UTC and in the market's zone, both labelled, ISO in the title; once if it is UTC.

    `form`: "line" (side by side), "stack" (two lines, for tables), "clock" (no dates).
    `value`: an aware datetime, or microseconds since 1970. None is a dash.
    """
    if value is None:
        return mark_safe('<span class="nil">&ndash;</span>')  # noqa: S308 - a constant
    market_zone = zone or getattr(settings, "MARKET_ZONE", figures.MARKET_ZONE)
    parts = figures.moment(value, zone=market_zone, precise=precise)
    market = _clock("market", parts.market_date, parts.market_time, parts.market_zone, form)
    if parts.market_zone == "UTC":
        market = mark_safe("")  # noqa: S308 - a constant
    return format_html(
        '<time class="moment" data-form="{}" datetime="{}" title="{}">{}{}</time>',
        form,
        parts.iso,
        parts.iso,
        _clock("utc", parts.utc_date, parts.utc_time, "UTC", form),
        market,
    )


def _clock(kind: str, date: str, time: str, zone: str, form: str) -> SafeString:
    day = mark_safe("") if form == "clock" else format_html('<span class="d">{}</span> ', date)
    return format_html(
        '<span class="at" data-clock="{}">{}<span class="t">{}</span> '
        '<span class="z">{}</span></span> ',
        kind,
        day,
        time,
        zone,
    )


@register.simple_tag
def state(value: str, label: str = "", tone: str = "") -> SafeString:
    """The badge of a state by its stored name; `label` and `tone` override the table's."""
    known = badges.badge(value)
    return format_html(
        '<span class="badge" data-tone="{}">{}{}</span>',
        tone or known.tone,
        icon(known.icon),
        label or known.label,
    )


@register.simple_tag
def digest(value: str) -> SafeString:
    """First and last 8 digits of a digest; whole on hover and focus; copied on click."""
    if len(value) <= 20:
        return format_html('<code class="digest-whole">{}</code>', value)
    return format_html(
        '<span class="digest"><button type="button" data-copy="{}"><code>{}<i>…</i>{}</code>'
        '{}</button><code class="digest-whole">{}</code></span>',
        value,
        value[:8],
        value[-8:],
        icon("copy", _("Copy")),
        value,
    )


@register.simple_tag
def sums_to_zero(total: int, asset: _Asset) -> SafeString:
    """The conservation check of a total: a tick and "sums to 0", or by how much it is off."""
    if total == 0:
        return format_html(
            '<span class="check" data-tone="good">{}{}</span>', icon("check"), _("sums to 0")
        )
    return format_html(
        '<span class="check" data-tone="bad">{}{} {}</span>',
        icon("alert"),
        _("off by"),
        money(total, asset, signed=True),
    )


@register.simple_tag
def changes(old: str, new: str) -> SafeString:
    """The text from `old` to `new` with removals and additions marked, word by word."""
    tags = {"removed": "del", "added": "ins", "same": "span"}
    pieces = ((tags[kind], text, tags[kind]) for kind, text in worddiff.compare(old, new))
    return format_html('<div class="changes">{}</div>', format_html_join("", "<{}>{}</{}>", pieces))


@register.filter
def lasting(seconds: int) -> str:
    """Seconds as 03:04:05 or 2 d 03:04:05."""
    return figures.duration(int(seconds))


@register.filter
def grouped(number: str | int | None) -> str:
    """A decimal of a stored sum, every digit of it, written as figures are; a dash for none."""
    if number in (None, ""):
        return "–"
    return f"{Decimal(number):,f}".replace("-", figures.MINUS)


@register.filter
def flat(value: object) -> str:
    """A stored value as text: what lists and mappings hold, one after the other; true and false as
    in the canonical text that is hashed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return ", ".join(f"{name} {flat(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(filter(None, map(flat, value)))
    return str(value)


@register.filter
def instant(text: str) -> datetime:
    """The time that an ISO 8601 text of a stored sum names, for `moment`."""
    return datetime.fromisoformat(text)
