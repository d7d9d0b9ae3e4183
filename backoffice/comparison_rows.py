"""A comparison as rows: one figure a scenario, the most and the least of each row found. Pure.

The screen and the committee's paper read the same rows, so they cannot say different things.
Amounts are integers in minor units of one asset; counts are of accounts unless a row says
otherwise. A scenario that was refused has no figures and stands in no row.

The most and the least are named where the figures differ. Where fewer or more is plainly what
everyone wants (nobody left negative, a smaller cost, a larger fund) they carry a tone as well; of
all other rows, what one side gains another loses, and no row says which matters more.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Text = str | Promise
Summary = Mapping[str, Any]
MONEY, SIGNED, COUNT, ZERO = "money", "signed", "count", "zero"
MAX, MIN = "max", "min"
LESS, MORE = "less", "more"

COHORTS: dict[str, tuple[Text, Text]] = {
    "flagged": (gettext_lazy("Flagged"), gettext_lazy("by the rule named in the parameters")),
    "liquidated": (gettext_lazy("Liquidated"), gettext_lazy("closed by force, rightly or not")),
    "bought_low": (
        gettext_lazy("Bought at the low"),
        gettext_lazy("the good side of a trade outside the band"),
    ),
    "hedgers": (gettext_lazy("Hedgers"), gettext_lazy("as the venue tagged them")),
    "traded": (gettext_lazy("Traded"), gettext_lazy("any other trade after the cut-off")),
    "untouched": (gettext_lazy("Untouched"), gettext_lazy("did not trade after the cut-off")),
}


class Cell(NamedTuple):
    """One figure; None where the scenario has none. `accounts` and `median` stand beside a sum;
    `mark` is max, min or nothing, `tone` good, bad or nothing."""

    units: int | None
    accounts: int | None = None
    median: int | None = None
    mark: str = ""
    tone: str = ""


class Row(NamedTuple):
    """One row: `kind` is money, signed (money), count, or zero (a sum that has to be)."""

    label: Text
    kind: str
    cells: list[Cell]
    hint: Text = ""


class Group(NamedTuple):
    """Rows that belong together, under a name and an address within the page."""

    name: str
    label: Text
    rows: list[Row]
    hint: Text = ""


class _Figure(NamedTuple):
    """Where a row's figure is in a summary, and what more or less of it means."""

    label: Text
    name: str
    kind: str = MONEY
    better: str = ""
    hint: Text = ""


_SIDES = (
    ("gained", "gainers", "median_gain", gettext_lazy("Gain")),
    ("lost", "losers", "median_loss", gettext_lazy("Lose")),
)
_PAYS = (
    _Figure(gettext_lazy("Cost to the house"), "house_cost", MONEY, LESS,
            gettext_lazy("paid, and what its accounts are worth less")),
    _Figure(gettext_lazy("Fees returned"), "fees_returned"),
    _Figure(gettext_lazy("Insurance fund before"), "fund_before"),
    _Figure(gettext_lazy("Insurance fund after"), "fund_after", MONEY, MORE),
    _Figure(gettext_lazy("Fund with its positions, before"), "fund_worth_before", MONEY, "",
            gettext_lazy("at the reopening prices")),
    _Figure(gettext_lazy("Fund with its positions, after"), "fund_worth_after", MONEY, MORE),
)  # fmt: skip
_LEFT = (
    _Figure(gettext_lazy("Customers left negative"), "negative_customers", COUNT, LESS,
            gettext_lazy("they owe, or their positions are worth less than nothing")),
    _Figure(gettext_lazy("Closed again at reopening"), "reliquidated", COUNT, LESS,
            gettext_lazy("below their margin at the reopening prices")),
)  # fmt: skip
_LEAK = (
    _Figure(gettext_lazy("Taken back from customers"), "taken_back"),
    _Figure(gettext_lazy("of that, moved out of futures wallets"), "moved_out", hint=gettext_lazy(
        "since the cut-off")),
    _Figure(gettext_lazy("still in their funding wallets"), "recoverable"),
    _Figure(gettext_lazy("withdrawn from the venue"), "withdrawn"),
    _Figure(gettext_lazy("Recovered by the remedy"), "recovered"),
    _Figure(gettext_lazy("Left owed to the house"), "owed", MONEY, LESS),
    _Figure(gettext_lazy("Out of a clawback's reach"), "unreached", hint=gettext_lazy(
        "others bear it")),
)  # fmt: skip
_TRADES = (
    _Figure(gettext_lazy("Trades cancelled"), "busted", COUNT),
    _Figure(gettext_lazy("Trades re-priced"), "repriced", COUNT),
)
_SIZE = (
    _Figure(gettext_lazy("Customers changed"), "accounts", COUNT),
    _Figure(gettext_lazy("Positions changed"), "position_legs", COUNT),
    _Figure(gettext_lazy("Contracts moved"), "contracts_moved", COUNT),
    _Figure(gettext_lazy("Cash legs"), "cash_legs", COUNT),
    _Figure(gettext_lazy("Customers left negative"), "negative_customers", COUNT, LESS),
    _Figure(gettext_lazy("Customers closed again"), "reliquidated", COUNT, LESS),
)


def assets(summaries: Iterable[Summary], first: str) -> list[str]:
    """Codes of all assets that anything is said about; `first` before the others."""
    found = {code for summary in summaries for code in summary.get("by_asset", {})}
    return sorted(found, key=lambda code: (code != first, code))


def groups(summaries: Sequence[Summary], asset: str) -> list[Group]:
    """Every group of rows in one asset; an empty summary is a scenario without figures."""
    of_asset = [summary.get("by_asset", {}).get(asset, {}) for summary in summaries]
    leaks = [one.get("leak", {}) for one in of_asset]
    return [
        Group("sides", _("Who gains and who loses"), _sides(of_asset),
              _("by worth: every wallet, what is owed taken off, positions at reopening prices")),
        Group("pays", _("Who pays"), _rows(_PAYS, of_asset)),
        Group("left", _("Left behind"), _rows(_LEFT, of_asset)),
        Group("leak", _("Money that left"), _rows(_LEAK, leaks),
              _("where what is taken back has gone since the cut-off")),
        *_cohorts(of_asset),
        Group("size", _("Size, all assets together"), [
            *_rows(_TRADES, [summary.get("trades", {}) for summary in summaries]),
            *_rows(_SIZE, summaries),
        ]),
        Group("conservation", _("Conservation"), [
            *_zeros(summaries, "sum_by_asset", _("All cash legs, %s")),
            *_zeros(summaries, "positions_sum_by_contract", _("All position legs, %s")),
        ], _("every sum has to be zero")),
    ]  # fmt: skip


def _sides(found: Sequence[Summary]) -> list[Row]:
    return [
        Row(
            label,
            SIGNED,
            marked(
                [
                    Cell(_whole(one, total), _whole(one, counted), _whole(one, median))
                    for one in found
                ],
                below=total == "lost",
            ),
        )
        for total, counted, median, label in _SIDES
    ]


def _cohorts(found: Sequence[Summary]) -> list[Group]:
    result = []
    for name, (label, hint) in COHORTS.items():
        ours = [one.get("cohorts", {}).get(name, {}) for one in found]
        members = next((one["accounts"] for one in ours if one), 0)
        again = _rows([_LEFT[1]._replace(hint="")], ours)
        heading = _("%(cohort)s: %(accounts)s accounts") % {
            "cohort": label, "accounts": f"{members:,}"
        }  # fmt: skip
        result.append(Group(f"cohort-{name}", heading, [*_sides(ours), *again], hint))
    return result


def _rows(figures: Iterable[_Figure], found: Sequence[Summary]) -> list[Row]:
    return [
        Row(
            figure.label,
            figure.kind,
            marked([Cell(_whole(one, figure.name)) for one in found], figure.better),
            figure.hint,
        )
        for figure in figures
    ]


def _zeros(summaries: Sequence[Summary], name: str, label: str) -> list[Row]:
    """A row for every asset or contract that any scenario moves; no figure where one does not."""
    keys = dict.fromkeys(key for summary in summaries for key in summary.get(name, {}))
    return [
        Row(label % key, ZERO, [Cell(_whole(one.get(name, {}), key)) for one in summaries])
        for key in keys
    ]


def marked(cells: Sequence[Cell], better: str = "", *, below: bool = False) -> list[Cell]:
    """The cells with the most and the least of them named; none are where all say the same.

    `below`: what is counted is below zero, so the most is what is furthest from it.
    """
    known = [cell.units for cell in cells if cell.units is not None]
    if len(set(known)) < 2:
        return list(cells)
    high, low = (MIN, MAX) if below else (MAX, MIN)
    marks = {max(known): high, min(known): low}
    tones = {LESS: {MAX: "bad", MIN: "good"}, MORE: {MAX: "good", MIN: "bad"}}.get(better, {})
    found = []
    for cell in cells:
        mark = "" if cell.units is None else marks.get(cell.units, "")
        found.append(cell._replace(mark=mark, tone=tones.get(mark, "")))
    return found


def _whole(found: Summary, name: str) -> int | None:
    return int(found[name]) if name in found else None
