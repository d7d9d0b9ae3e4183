"""Charts. Bars are drawn by the server as SVG inside tables; prices are drawn by a script.

Every chart has its numbers beside it as text. Bar widths are integers in per mille of the
longest bar, because a Content-Security-Policy without inline styles leaves no other place.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()

_SPAN = 1000


class Bin(NamedTuple):
    """One bar: a label, how many, and what it means (gain, loss or ""); `note` stands at its end.

    A distribution of gains and losses gives losses the tone "loss": they grow to the left.
    """

    label: str
    count: int
    tone: str = ""
    note: str = ""


class Part(NamedTuple):
    """One part of a whole in a composition."""

    label: str
    count: int


@register.simple_tag
def distribution(
    bins: Iterable[Bin], caption: str, label: str, counted: str, noted: str = ""
) -> SafeString:
    """A bar chart that is a table: one row a bin, with its bar, its count and its note.

    `label`, `counted` and `noted` head the columns. With losses and gains the bars share one
    zero line.
    """
    rows = list(bins)
    longest = max((row.count for row in rows), default=0) or 1
    diverging = any(row.tone == "loss" for row in rows)
    reach = _SPAN // 2 if diverging else _SPAN
    zero = reach if diverging else 0
    bars: list[dict[str, Any]] = []
    for row in rows:
        width = max(row.count * reach // longest, 3 if row.count else 0)
        bars.append({"bin": row, "width": width, "x": zero - width if row.tone == "loss" else zero})
    return render_to_string(
        "components/distribution.html",
        {"bars": bars, "caption": caption, "label": label, "counted": counted, "noted": noted,
         "zero": zero, "diverging": diverging},
    )  # fmt: skip


@register.simple_tag
def composition(parts: Sequence[Part], caption: str) -> SafeString:
    """A whole cut into at most four parts: one bar with patterns, and a list with the numbers."""
    total = sum(part.count for part in parts)
    drawn: list[dict[str, Any]] = []
    at = before = 0
    for shade, part in enumerate(parts):
        before += part.count
        end = before * _SPAN // total if total else at
        drawn.append({"part": part, "shade": shade, "x": at, "width": max(end - at - 2, 0)})
        at = end
    return render_to_string(
        "components/composition.html", {"parts": drawn, "caption": caption, "total": total}
    )


@register.simple_tag
def price_chart(url: str, title: str, rows: Sequence[Any] = (), id: str = "prices") -> SafeString:
    """Prices against the index with the incident's window, cut-offs and forced closes.

    `url` answers the JSON described in static/js/price-chart.js; `rows` (time, contract price,
    index price, contracts forced) stand in the table for readers without a script or a screen.
    """
    return render_to_string(
        "components/price_chart.html", {"url": url, "title": title, "rows": rows, "id": id}
    )
