"""The figures of a plan as its pages show them, from the totals stored when it was computed.

Nothing is counted here: the rows behind the totals are frozen, and a page must not read a hundred
thousand of them to say what they come to.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice import figures
from backoffice.models import Plan, Role
from backoffice.services import quorums
from backoffice.services.approvals import Standing
from exchange.models import Asset, LedgerAccount

KINDS = tuple(LedgerAccount.Kind)
MORE = (
    ("moved_out", _("Moved out since"), False),
    ("recovered", _("Taken from funding"), False),
    ("receivable", _("Owed to the house"), True),
    ("fees", _("Fees returned"), True),
    ("paid", _("Paid to customers"), True),
    ("charged", _("Charged to customers"), True),
)
MINUSES = str.maketrans({"\N{MINUS SIGN}": "-", "\N{EN DASH}": "-"})


class AssetTotals(NamedTuple):
    """What a plan does in one asset, minor units; `moved` are its legs' sums in the order of
    `kinds`, and `total` the sum of all its legs: zero. `receivable` has the ledger's sign: below
    zero is what customers come to owe."""

    asset: Asset
    accounts: int
    gainers: int
    losers: int
    credited: int
    debited: int
    recovered: int
    receivable: int
    moved_out: int
    fees: int
    paid: int
    charged: int
    moved: list[int | None]
    total: int


def by_asset(plan: Plan, assets: Mapping[str, Asset]) -> list[AssetTotals]:
    """The totals of every asset; the asset of the incident's contract first, then by code."""
    first = plan.incident.contract.settle.code
    found = plan.totals.get("by_asset", {})
    return [
        _of_asset(plan, assets[code], found[code])
        for code in sorted(found, key=lambda code: (code != first, code))
    ]


def _of_asset(plan: Plan, asset: Asset, totals: Mapping[str, Any]) -> AssetTotals:
    sums = totals.get("by_kind", {})
    return AssetTotals(
        asset=asset,
        accounts=totals["accounts"],
        gainers=totals.get("gainers", 0),
        losers=totals.get("losers", 0),
        credited=int(totals["credited"]),
        debited=int(totals["debited"]),
        recovered=int(totals["recovered"]),
        receivable=-int(totals["receivable"]),
        moved_out=int(totals["moved_out"]),
        fees=int(totals["reversed_fees"]),
        paid=int(totals.get("paid", 0)),
        charged=int(totals.get("charged", 0)),
        moved=[int(sums[kind]) if kind in sums else None for kind in kinds(plan)],
        total=plan.manifest["sum_by_asset"].get(asset.code, 0),
    )


class Explained(NamedTuple):
    """The totals with what explains them: `heads` of further columns, and a row's amounts under
    them, each with whether it shows a plus."""

    heads: list[str | Promise]
    rows: list[tuple[AssetTotals, list[tuple[int, bool]]]]


def explained(rows: list[AssetTotals]) -> Explained:
    """What explains the credits and debits of a plan, whichever remedy it is of: only what there is
    any of. What had moved out is named beside what it is taken back from."""
    taken = any(row.recovered or row.receivable for row in rows)
    shown = [
        (name, label, signed)
        for name, label, signed in MORE
        if any(getattr(row, name) for row in rows) and (taken or name != "moved_out")
    ]
    return Explained(
        [label for _name, label, _signed in shown],
        [(row, [(getattr(row, name), signed) for name, _label, signed in shown]) for row in rows],
    )


def kinds(plan: Plan) -> list[LedgerAccount.Kind]:
    """The kinds of ledger accounts that the plan moves in any asset."""
    found = plan.totals.get("by_asset", {}).values()
    return [kind for kind in KINDS if any(kind in totals.get("by_kind", {}) for totals in found)]


class Asked(NamedTuple):
    """One line of a plan's quorum: who is asked for, how many counted approvals there are of how
    many."""

    label: str | Promise
    given: int
    wanted: int

    @property
    def met(self) -> bool:
        """Whether nobody is missing."""
        return self.given >= self.wanted


def quorum(plan: Plan, standing: Standing) -> list[Asked]:
    """The quorum line by line; a single line while the glass is broken."""
    if standing.break_glass:
        return [Asked(_("Any officer"), standing.valid, quorums.BREAK_GLASS[quorums.ANY])]
    return [
        Asked(Role.Name(role).label, standing.given.get(role, 0), wanted)
        for role, wanted in plan.quorum.items()
    ]


def times(plan: Plan) -> dict[str, datetime]:
    """The times among the plan's parameters; they are stored as ISO 8601."""
    names = ("cutoff", "announced_cutoff")
    return {
        name: datetime.fromisoformat(plan.parameters[name])
        for name in names
        if name in plan.parameters
    }


def phrase(plan: Plan, rows: list[AssetTotals]) -> str:
    """What somebody types to approve or execute the plan: the amount credited to accounts in the
    first asset that has any, else the amount debited, or how many legs there are."""
    for side in ("credited", "debited"):
        for row in rows:
            if units := getattr(row, side):
                return f"{figures.amount(units, row.asset.decimals)} {row.asset.code}"
    return f"{plan.totals.get('cash_legs', 0):,}"


def typed(request: HttpRequest, wanted: str, field: str = "typed") -> bool:
    """Whether the confirmation that was sent is the one asked for; spaces do not count, and a
    minus may be any of the three that people can type or copy."""
    return _plain(request.POST.get(field, "")) == _plain(wanted)


def _plain(text: str) -> str:
    return "".join(text.split()).translate(MINUSES)
