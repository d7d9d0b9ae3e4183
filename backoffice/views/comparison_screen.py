"""What the screen of a comparison shows: scenarios as columns, figures as rows, one seen closer.

Everything is read from the scenarios' summaries, so it costs the same for a hundred thousand
accounts. What was chosen is in the address: `s` the columns, `asset`, and `at` the scenario that is
looked at closer, which is also the one column of a narrow screen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.http import HttpRequest

from backoffice import comparison_rows, counterfactual_words, digest_words, figures, remedy_words
from backoffice.models import Comparison, Plan, Scenario
from backoffice.queries import comparisons as queries
from backoffice.templatetags.charts import Bin
from backoffice.views.comparison_forms import CutoffForm, ShownForm
from exchange.models import Asset


class Column(NamedTuple):
    """A scenario at the head of its column; `number` counts from 1, `at` is the one looked at."""

    row: Scenario
    number: int
    name: str
    plan: Plan | None
    at: bool


class Extreme(NamedTuple):
    """An account that gains or loses the most; `pk` is None where the books do not have it."""

    code: str
    pk: int | None
    units: int


def of(
    request: HttpRequest, comparison: Comparison, cutoff: CutoffForm | None = None, at: int = 0
) -> dict[str, Any]:
    """The context of `remedies/_comparison.html`; four statements. `at` overrides the address."""
    scenarios = queries.scenarios(comparison)
    first = comparison.incident.contract.settle.code
    codes = comparison_rows.assets((row.summary for row in scenarios), first) or [first]
    form = ShownForm(request.GET, scenarios, codes)
    shown = [row for row in scenarios if row.number in form.numbers]
    focus = _focus(shown, str(at) if at else request.GET.get("at", ""))
    plans = queries.plans_by_digest(comparison.incident, (row.digest for row in scenarios))
    asset = queries.assets([form.asset]).get(form.asset)
    return {
        "comparison": comparison,
        "shown_form": form,
        "columns": [
            Column(row, row.number + 1, remedy_words.name_of(row.remedy, row.parameters),
                   plans.get(row.digest), row is focus)
            for row in shown
        ],
        "groups": comparison_rows.groups([row.summary for row in shown], form.asset),
        "at_index": shown.index(focus) if focus else None,
        "asset": asset,
        "closer": _closer(comparison, focus, asset) if focus else None,
        "cutoff_form": cutoff or CutoffForm(comparison.incident),
        "estimate": counterfactual_words.lines(comparison.counterfactual),
        "seconds": sum(row.seconds for row in scenarios),
    }  # fmt: skip


def _focus(shown: Sequence[Scenario], asked: str) -> Scenario | None:
    return next((row for row in shown if str(row.number + 1) == asked), shown[0] if shown else None)


def _closer(comparison: Comparison, row: Scenario, asset: Asset | None) -> dict[str, Any]:
    """One scenario: what it is, its digest, how its changes are spread, the accounts at the ends;
    one statement."""
    found = row.summary.get("by_asset", {}).get(asset.code, {}) if asset else {}
    ends = found.get("extremes", {"gain": [], "lose": []})
    leaks = found.get("leak", {}).get("largest", [])
    numbers = queries.accounts(
        comparison.incident, (each["account"] for each in [*ends["gain"], *ends["lose"], *leaks])
    )
    return {
        "row": row,
        "number": row.number + 1,
        "name": remedy_words.name_of(row.remedy, row.parameters),
        "steps": remedy_words.described(row.remedy, row.parameters),
        "flagged": row.parameters.get("flagged"),
        "words": digest_words.words(row.digest) if row.digest else [],
        "bins": bins(found.get("distribution", []), asset) if asset else [],
        "ends": {
            side: [
                Extreme(each["account"], numbers.get(each["account"]), int(each["amount"]))
                for each in ends[side]
            ]
            for side in ("gain", "lose")
        },
        "leaks": [
            (Extreme(each["account"], numbers.get(each["account"]), int(each["moved_out"])),
             int(each["recoverable"]))
            for each in leaks
        ],
    }  # fmt: skip


def bins(found: Sequence[Mapping[str, Any]], asset: Asset) -> list[Bin]:
    """Bars of accounts by the power of ten their change reaches, losses first."""
    result = []
    for bar in found:
        low, sign = int(bar["from"]), "+" if bar["sign"] > 0 else figures.MINUS
        label = f"{sign}{_short(low, asset)} to {_short(10 * low, asset)}"
        sum_ = figures.amount(int(bar["total"]), asset.decimals, signed=True)
        tone = "gain" if bar["sign"] > 0 else "loss"
        result.append(Bin(label, bar["accounts"], tone, str(sum_)))
    return result


def _short(units: int, asset: Asset) -> str:
    """An amount without the zeros after its last digit."""
    parts = figures.amount(units, asset.decimals)
    return parts.whole + (f".{parts.fraction}" if parts.fraction else "")
