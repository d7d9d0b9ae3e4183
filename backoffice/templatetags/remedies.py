"""The cells of a comparison, and what plans are called.

The cells are a tag instead of a template: there are four hundred on one page.
"""

from collections.abc import Sequence
from functools import partial

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice import remedy_words
from backoffice.comparison_rows import COUNT, MAX, SIGNED, ZERO, Cell, Row
from backoffice.figures import whole_number
from backoffice.models import Plan
from backoffice.templatetags.desk import count, icon, money, sums_to_zero
from exchange.models import Asset
from exchange.queries.units import Unit

register = template.Library()
NOTHING = mark_safe("")


@register.simple_tag
def compared(rows: Sequence[Row], asset: Asset, at: int | None) -> SafeString:
    """The rows of a group: a name, and a cell a scenario; `at` is the column seen closer.

    The most and the least of a row have a sign before them, which readers aloud hear as a word;
    under a sum stand the number of accounts and the median.
    """
    return format_html_join(
        "\n",
        '<tr><th scope="row">{}{}</th>{}</tr>',
        (
            (row.label, format_html(" <small>{}</small>", row.hint) if row.hint else NOTHING,
             _cells(row, asset, at))
            for row in rows
        ),
    )  # fmt: skip


def _cells(row: Row, asset: Asset, at: int | None) -> SafeString:
    write = {
        COUNT: count,
        SIGNED: partial(money, asset=asset, signed=True, unit=False),
        ZERO: partial(sums_to_zero, asset=Unit(_("units"), 0)),
    }.get(row.kind, partial(money, asset=asset, unit=False))
    return format_html_join(
        "",
        '<td class="n" data-col{}{}>{}{}{}</td>',
        (
            (
                mark_safe(" data-at") if number == at else NOTHING,
                format_html(' data-tone="{}"', cell.tone) if cell.tone else NOTHING,
                _mark(cell),
                money(None, asset) if cell.units is None else write(cell.units),
                _beside(cell, asset),
            )
            for number, cell in enumerate(row.cells)
        ),
    )


def _mark(cell: Cell) -> SafeString:
    if not cell.mark:
        return NOTHING
    word, sign = (_("max"), "most") if cell.mark == MAX else (_("min"), "least")
    return format_html('<span class="mark">{}<span class="vh">{}</span></span> ', icon(sign), word)


def _beside(cell: Cell, asset: Asset) -> SafeString:
    if not cell.accounts:
        return NOTHING
    return format_html(
        " <small>{}</small> <small>{}</small>",
        ngettext("%s account", "%s accounts", cell.accounts) % whole_number(cell.accounts),
        money(cell.median, asset, unit=False),
    )


@register.filter
def named(plan: Plan) -> str:
    """What a plan is called, all of its remedies in order."""
    return remedy_words.name_of(plan.remedy, plan.parameters)
