"""The desk's larger parts: panels, callouts, sheets, forms, pagers. Block tags over templates.

A part's markup lives in templates/components/; these tags only gather what it needs. Titles and
words passed in are escaped by the template; the content between the tags is already rendered.
"""

from typing import Any

from django import template
from django.forms import BaseForm, BoundField
from django.http import HttpRequest, QueryDict
from django.template.context import Context
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_TONE_ICONS = {"info": "info", "good": "check", "warn": "alert", "bad": "alert", "care": "care"}


def _part(name: str, **context: Any) -> SafeString:
    return render_to_string(f"components/{name}.html", context)


@register.simple_block_tag
def panel(
    content: str, title: str, id: str = "", note: str = "", link: str = "", link_text: str = "",
    level: int = 2, flush: bool = False,
) -> SafeString:  # fmt: skip
    """A titled region. `flush` lets a sheet touch the edges; `link` stands at the head's end."""
    return _part(
        "panel", content=content, title=title, id=id, note=note, link=link,
        link_text=link_text, level=level, flush=flush,
    )  # fmt: skip


@register.simple_block_tag
def callout(content: str, tone: str = "info", title: str = "", alert: bool = False) -> SafeString:
    """Something to notice. `tone`: info, good, warn, bad, care. `alert` interrupts a reader."""
    return _part(
        "callout", content=content, tone=tone, title=title, alert=alert, icon=_TONE_ICONS[tone]
    )


@register.simple_block_tag
def stat(content: str, label: str, note: str = "", tone: str = "") -> SafeString:
    """One figure of a row of figures, inside <dl class="stats">."""
    return _part("stat", content=content, label=label, note=note, tone=tone)


@register.simple_block_tag
def fact(content: str, label: str) -> SafeString:
    """One line of a key-value list, inside <dl class="facts">."""
    return format_html("<div><dt>{}</dt><dd>{}</dd></div>", label, content)


@register.simple_block_tag
def sheet(content: str, caption: str, id: str = "sheet", tall: bool = False,
          show_caption: bool = False, stack: bool = False) -> SafeString:  # fmt: skip
    """A dense table: sticky head and first column, scrollable by keyboard, named by a caption.

    `stack` sets its cells below each other on a telephone, each named by its `data-label`.
    """
    return _part(
        "sheet", content=content, caption=caption, id=id, tall=tall, show_caption=show_caption,
        stack=stack,
    )  # fmt: skip


@register.simple_block_tag
def nothing(content: str, title: str, icon: str = "tray") -> SafeString:
    """What stands where there is nothing yet: why, and what to do next."""
    return _part("nothing", content=content, title=title, icon=icon)


@register.simple_block_tag(takes_context=True)
def confirm(
    context: Context, content: str, action: str, phrase: str, submit: str, field: str = "typed",
    tone: str = "bad", error: str = "", target: str = "",
) -> SafeString:  # fmt: skip
    """A form that makes one type `phrase` (an exact amount or count) before it is sent.

    The server compares `field` with the phrase; the script only keeps the button quiet until
    they are equal. The content says what will happen.
    """
    return render_to_string(
        "components/confirm.html",
        {
            "content": content, "action": action, "phrase": phrase, "submit": submit,
            "field": field, "tone": tone, "error": error, "target": target,
        },
        request=context.get("request"),
    )  # fmt: skip


@register.simple_tag
def field(bound: BoundField, unit: str = "") -> SafeString:
    """A form field with its label, help, errors and, when given, its unit."""
    check = bound.widget_type == "checkbox"
    return _part("field", field=bound, unit=unit, check=check)


@register.simple_tag
def error_summary(form: BaseForm) -> SafeString:
    """What was refused and where, at the head of a form; nothing when there are no errors."""
    return _part("error_summary", form=form) if form.errors else mark_safe("")


@register.simple_tag(takes_context=True)
def tab(context: Context, url: str, label: str, count: int | None = None, exact: bool = False,
        keys: str = "", here: bool = False) -> SafeString:  # fmt: skip
    """One link of <nav class="tabs">, current when the page is at or below its address, or when
    `here` says so."""
    request: HttpRequest | None = context.get("request")
    path = request.path if request else ""
    current = here or (path == url if exact else path.startswith(url))
    return _part("tab", url=url, label=label, count=count, current=current, keys=keys)


@register.simple_tag(takes_context=True)
def sort_th(
    context: Context, label: str, key: str, numeric: bool = False, target: str = "#sheet"
) -> SafeString:
    """A column's head that sorts: ?sort=key, then ?sort=-key; the page's place is dropped."""
    request: HttpRequest | None = context.get("request")
    query: QueryDict = request.GET.copy() if request else QueryDict(mutable=True)
    now = query.get("sort", "")
    order = {key: "ascending", f"-{key}": "descending"}.get(now, "none")
    for name in ("after", "before"):
        query.pop(name, None)
    query["sort"] = f"-{key}" if now == key else key
    return _part(
        "sort_th", label=label, order=order, query=query.urlencode(), numeric=numeric,
        target=target, key=key,
    )  # fmt: skip
