"""The frame's own parts: the rail, the wall clock and the reader's preferences."""

from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template.context import Context
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from backoffice import figures
from backoffice.navigation import visible
from backoffice.preferences import PREFERENCES

register = template.Library()


@register.simple_tag(takes_context=True)
def rail(context: Context) -> SafeString:
    """The rail's groups for the signed-in person, the current place marked.

    A page of an incident is below it, whatever the page's own address.
    """
    request: HttpRequest = context["request"]
    above = context.get("incident_url", "")
    groups = []
    for group in visible(context.get("held_roles", ())):
        found = [(place, _address(place.url_name)) for place in group.places]
        links = [_link(place, url, request.path, above) for place, url in found if url]
        groups.append((group.title, links))
    return render_to_string("components/rail.html", {"groups": groups})


def _address(url_name: str) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def _link(place: Any, url: str, path: str, above: str) -> dict[str, Any]:
    inside = path.startswith(url) or above.startswith(url)
    current = "page" if path == url else "true" if inside else ""
    return {"place": place, "url": url, "current": current}


@register.simple_tag
def wall_clock(zone: str = "") -> dict[str, str]:
    """Now, as the clocks of the frame show it: utc, market, name and zone of the market, iso."""
    market_zone = zone or getattr(settings, "MARKET_ZONE", figures.MARKET_ZONE)
    now = figures.moment(timezone.now().replace(microsecond=0), zone=market_zone)
    return {
        "utc": now.utc_time, "market": now.market_time, "name": now.market_zone,
        "zone": market_zone, "iso": now.iso,
    }  # fmt: skip


@register.simple_tag(takes_context=True)
def preferences(context: Context) -> SafeString:
    """The reader's choices as data attributes of <html>, from cookies, only known values."""
    request: HttpRequest | None = context.get("request")
    cookies = request.COOKIES if request else {}
    chosen = ((p.name, p.chosen(cookies)) for p in PREFERENCES)
    return format_html_join("", ' data-{}="{}"', ((n, v) for n, v in chosen if v))


@register.simple_tag(takes_context=True)
def preference_groups(context: Context) -> list[dict[str, Any]]:
    """The preferences with their options (value, words, whether chosen), for the menu."""
    request: HttpRequest | None = context.get("request")
    cookies = request.COOKIES if request else {}
    return [
        {"name": p.name, "title": p.title,
         "options": [(v, words, v == p.chosen(cookies)) for v, words in p.options.items()]}
        for p in PREFERENCES
    ]  # fmt: skip
