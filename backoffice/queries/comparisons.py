"""Reading comparisons: their scenarios, what all of them do to one account, plans with a digest.

A comparison's page reads scenarios only, never the row an account that stand behind them: what is
summed up was summed up when it was computed.
"""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from django.db.models import Case, Count, FilteredRelation, Q, QuerySet, Value, When

from backoffice.models import Comparison, Incident, Plan, Scenario
from exchange.models import Account, Asset, Contract

OLDER_MOST = 20
EFFECT = (
    "asset__code", "asset__decimals", "futures_delta", "funding_delta", "receivable_delta",
    "worth_delta", "positions_changed", "reliquidated",
)  # fmt: skip


class AccountRow(NamedTuple):
    """What a scenario does to an account in the asset `code`, minor units; without a code it does
    nothing to it, or was refused."""

    number: int
    remedy: str
    parameters: dict[str, Any]
    refusal: str
    code: str | None
    decimals: int | None
    futures_delta: int | None
    funding_delta: int | None
    receivable_delta: int | None
    worth_delta: int | None
    positions_changed: int | None
    reliquidated: bool | None


def of_incident(incident: Incident) -> QuerySet[Comparison]:
    """The incident's newest comparisons, each with how many scenarios it has (`sized`)."""
    rows = incident.comparisons.select_related("requested_by").annotate(sized=Count("scenarios"))
    return rows.order_by("-pk")[:OLDER_MOST]


def detailed() -> QuerySet[Comparison]:
    """Comparisons with their incident, venue and person; one statement for one."""
    return Comparison.objects.select_related(
        "incident__venue", "incident__tape", "incident__contract__settle", "requested_by"
    )


def scenarios(comparison: Comparison) -> list[Scenario]:
    """Its scenarios in order; one statement."""
    return list(comparison.scenarios.defer("manifest").order_by("number"))


def assets(codes: Collection[str]) -> dict[str, Asset]:
    """Assets by code; one statement."""
    return {asset.code: asset for asset in Asset.objects.filter(code__in=codes)}


def accounts(incident: Incident, codes: Iterable[str]) -> dict[str, int]:
    """Numbers of the venue's accounts by code; one statement."""
    rows = Account.objects.filter(venue=incident.venue_id, code__in=set(codes))
    return dict(rows.values_list("code", "pk"))


def symbols(incident: Incident) -> list[str]:
    """The contracts of the venue by symbol, as the tape orders them; one statement."""
    rows = Contract.objects.filter(venue=incident.venue_id).order_by("tape_index")
    return list(rows.values_list("symbol", flat=True))


def plans_by_digest(incident: Incident, digests: Iterable[str]) -> dict[str, Plan]:
    """The newest plan of the incident with each of these digests; one statement."""
    wanted = {digest for digest in digests if digest}
    rows = Plan.objects.filter(incident=incident, digest__in=wanted).order_by("pk")
    return {plan.digest: plan for plan in rows}


def of_account(comparison: Comparison, account: Account) -> list[AccountRow]:
    """What every scenario does to one account: a row an asset it changes, one where it changes
    nothing; one statement."""
    mine = FilteredRelation("effects", condition=Q(effects__account=account))
    rows = comparison.scenarios.annotate(mine=mine).order_by("number", "mine__asset__code")
    names = ("number", "remedy", "parameters", "refusal", *(f"mine__{name}" for name in EFFECT))
    return [AccountRow(*row) for row in rows.values_list(*names)]


def newest_of_venue(venue_id: int) -> Comparison | None:
    """The comparison finished last of any incident of a venue; one statement."""
    done = Comparison.objects.filter(
        incident__venue=venue_id, state=Comparison.State.DONE
    ).select_related("incident")
    return done.order_by("-pk").first()


def behind(plan: Plan) -> Scenario | None:
    """The scenario that asked what the plan does, same remedy and same parameters: one with the
    plan's digest if there is any, the newest otherwise; one statement."""
    if not plan.digest:
        return None
    same = Case(When(digest=plan.digest, then=Value(0)), default=Value(1))
    return (
        Scenario.objects.filter(
            comparison__incident=plan.incident_id, remedy=plan.remedy, parameters=plan.parameters
        )
        .exclude(digest="")
        .order_by(same, "-comparison", "number")
        .first()
    )
