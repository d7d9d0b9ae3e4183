"""The comparison as a paper for the committee that decides: a PDF of a few pages.

It holds what the screen holds, from the same rows (`comparison_rows`): what everything was computed
from, every remedy with its parameters and digest, who gains, loses and pays, the cohorts, the
extremes, the leak map, the sums that are zero, and what has to be assumed. Accounts stand in it by
code; nobody's name does.

The same comparison gives the same bytes: the time in the file is that of the comparison, the fonts
are those inside the compiler, and nothing is fetched. The number of recused people is the one thing
that can change afterwards.
"""

import json
from datetime import UTC, datetime
from typing import Any

import typst
from django.conf import settings
from django.utils.translation import override

from backoffice import (
    comparison_rows,
    counterfactual_words,
    digest_words,
    figures,
    remedy_words,
)
from backoffice.comparison_rows import COUNT, ZERO, Cell, Group
from backoffice.models import Comparison, Scenario
from backoffice.queries import comparisons as queries
from backoffice.services import recusals
from exchange.models import Asset

TEMPLATE = settings.BASE_DIR / "templates" / "remedies" / "committee_paper.typ"
ASSUMPTIONS = (
    "Every remedy starts from the end of the tape, balances included, and is computed alone. None"
    " of them is posted.",
    "Gains and losses are changes in worth: every wallet, what is owed to the house taken off, and"
    " positions at the reopening prices.",
    "A forced close is wrong when the account was above its maintenance margin at the fair price.",
    "A customer is in one cohort, the first that fits: flagged, liquidated, bought at the low,"
    " hedger, traded, untouched.",
    "Closed again: below the margin at the reopening prices, should trading reopen at them.",
    "Money that left is counted as far as it left the futures wallet after the cut-off; what other"
    " venues hold is not known.",
    "A plan of a scenario has its digest as long as no balance, position, rule or gate has moved.",
)


def pdf(comparison: Comparison) -> bytes:
    """The paper of a finished comparison; three statements, and under a second of one processor.

    Always in English. Raises typst.TypstError when the template does not compile.
    """
    with override("en"):
        content = _content(comparison)
    return typst.compile(
        TEMPLATE,
        root=TEMPLATE.parent,
        ignore_system_fonts=True,
        format="pdf",
        timestamp=int(comparison.finished_at.timestamp()),
        sys_inputs={"paper": json.dumps(content, ensure_ascii=False)},
    )


def _content(comparison: Comparison) -> dict[str, Any]:
    """What the template sets, as text: every figure is written here, none is worked out there."""
    incident, scenarios = comparison.incident, queries.scenarios(comparison)
    summaries = [row.summary for row in scenarios]
    settled = incident.contract.settle.code
    first, *others = comparison_rows.assets(summaries, settled) or [settled]
    assets = queries.assets([first, *others])
    groups = comparison_rows.groups(summaries, first)
    at = comparison.finished_at.astimezone(UTC)
    return {
        "title": f"{incident.title}: remedies compared",
        "subtitle": f"{incident.venue.name}. Comparison {comparison.pk}, computed"
        f" {at:%Y-%m-%d %H:%M:%S} UTC. A decision is made on a plan and its digest, not here.",
        "footer": f"Comparison {comparison.pk} of {incident.slug}",
        "venue": incident.venue.name,
        "date": {name: getattr(at, name) for name in (
            "year", "month", "day", "hour", "minute", "second")},
        "drill": incident.venue.is_drill,
        "asset": f"Amounts in {first}",
        "facts": _facts(comparison, scenarios),
        "assumptions": list(ASSUMPTIONS),
        "counterfactual": counterfactual_words.lines(comparison.counterfactual),
        "scenarios": [_scenario(row) for row in scenarios],
        "groups": [_group(group, assets[first]) for group in groups if not _cohort(group)],
        "cohorts": [_group(group, assets[first]) for group in groups if _cohort(group)],
        "extremes": _extremes(scenarios, assets[first]),
        "others": [
            _group(comparison_rows.groups(summaries, code)[0]._replace(label=code, hint=""),
                   assets[code])
            for code in others
        ],
    }  # fmt: skip


def _facts(comparison: Comparison, scenarios: list[Scenario]) -> list[list[str]]:
    incident, inputs = comparison.incident, comparison.inputs
    described = next((row.parameters for row in scenarios if not row.refusal), {})
    flagged = next((row.parameters["flagged"] for row in scenarios if "flagged" in row.parameters),
                   None)  # fmt: skip
    prices = described.get("reopening", {}).items()
    return [
        ["Contract", incident.contract.symbol],
        ["Effective cut-off", _utc(incident.effective_cutoff)],
        ["Announced cut-off", _utc(incident.announced_cutoff)],
        ["Tape", inputs["tape"]],
        ["State at its end", inputs["state_at_end"]],
        ["Rules", inputs["rules"]],
        ["Reopening prices", ", ".join(f"{symbol} {price}" for symbol, price in prices)],
        *([["Flagged", f"{flagged['accounts']} accounts: {flagged['rule']}"]] if flagged else []),
        ["Recused", f"{recusals.count(incident)} people who could otherwise make or decide"],
    ]  # fmt: skip


def _scenario(row: Scenario) -> dict[str, Any]:
    steps = remedy_words.described(row.remedy, row.parameters)
    said = (
        [step.precedent, *(f"{line.label}: {line.value}" for line in step.lines)] for step in steps
    )
    return {
        "number": row.number + 1,
        "name": remedy_words.name_of(row.remedy, row.parameters),
        "does": " ".join(str(step.does) for step in steps),
        "parameters": ". Then: ".join("; ".join(filter(None, each)) for each in said),
        "digest": row.digest,
        "words": " ".join(digest_words.words(row.digest)) if row.digest else "",
        "refusal": row.refusal,
    }


def _cohort(group: Group) -> bool:
    return group.name.startswith("cohort-")


def _group(group: Group, asset: Asset) -> dict[str, Any]:
    return {
        "label": str(group.label),
        "hint": str(group.hint),
        "rows": [
            {
                "label": str(row.label),
                "hint": str(row.hint),
                "cells": [_cell(cell, row.kind, asset) for cell in row.cells],
            }
            for row in group.rows
        ],
    }


def _cell(cell: Cell, kind: str, asset: Asset) -> dict[str, str]:
    if cell.units is None:
        return {"figure": "–", "mark": "", "note": ""}
    if kind == ZERO:
        figure = "0" if cell.units == 0 else f"off by {figures.whole_number(cell.units)}"
    elif kind == COUNT:
        figure = figures.whole_number(cell.units)
    else:
        figure = str(figures.amount(cell.units, asset.decimals, signed=kind != "money"))
    note = ""
    if cell.accounts:
        median = figures.amount(cell.median or 0, asset.decimals)
        note = f"{cell.accounts:,}; median {median}"
    return {"figure": figure, "mark": cell.mark, "note": note}


def _extremes(scenarios: list[Scenario], asset: Asset) -> list[list[dict[str, str]]]:
    """Rows of one account a scenario: the largest gain first, then the largest loss first."""
    found = [
        row.summary.get("by_asset", {}).get(asset.code, {}).get("extremes", {}) for row in scenarios
    ]
    rows = []
    for side in ("gain", "lose"):
        ends = [one.get(side, []) for one in found]
        for place in range(max((len(each) for each in ends), default=0)):
            rows.append([_end(each, place, asset) for each in ends])
    return rows


def _end(each: list[dict[str, str]], place: int, asset: Asset) -> dict[str, str]:
    if place >= len(each):
        return {"figure": "", "account": ""}
    amount = figures.amount(int(each[place]["amount"]), asset.decimals, signed=True)
    return {"figure": str(amount), "account": each[place]["account"]}


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
