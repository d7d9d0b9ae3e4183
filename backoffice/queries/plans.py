"""Reading plans: lists, a plan's decisions and execution, its effects and legs page by page."""

from collections.abc import Callable
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import (
    BooleanField,
    Count,
    F,
    Func,
    IntegerField,
    Prefetch,
    Q,
    QuerySet,
    Value,
)

from backoffice.models import (
    Approval,
    Computation,
    Incident,
    Person,
    Plan,
    PlanEffect,
    Reconciliation,
)
from exchange.models import Asset
from exchange.queries import keyset
from exchange.queries.keyset import Page

LARGEST, SMALLEST = "-change", "change"
LEGS = """
    SELECT e.seq, l.kind, coalesce(a.code, c.symbol) AS owner, a.id AS account, s.code,
           s.decimals, e.amount
    FROM {stage} e
    JOIN ledger_account l ON l.id = e.ledger_account_id
    JOIN exchange_asset s ON s.id = l.asset_id
    LEFT JOIN exchange_account a ON a.id = l.account_id
    LEFT JOIN exchange_contract c ON c.id = l.contract_id
    WHERE e.seq > %s ORDER BY e.seq LIMIT %s
"""
MOVES = """
    SELECT e.seq, a.code AS owner, a.id AS account, c.symbol AS contract, e.quantity, e.cost,
           s.code, s.decimals
    FROM {stage} e
    JOIN exchange_account a ON a.id = e.account_id
    JOIN exchange_contract c ON c.id = e.contract_id
    JOIN exchange_asset s ON s.id = c.settle_id
    WHERE e.seq > %s ORDER BY e.seq LIMIT %s
"""


class Leg(NamedTuple):
    """One cash leg: whose (None: the house's), of which kind, how much in the asset `code`."""

    seq: int
    kind: str
    owner: str | None
    account: int | None
    code: str
    decimals: int
    amount: int


class Move(NamedTuple):
    """One position leg: what is added to an account's contracts and cost."""

    seq: int
    owner: str
    account: int
    contract: str
    quantity: int
    cost: int
    code: str
    decimals: int


def of_incident(incident: Incident) -> QuerySet[Plan]:
    """The incident's plans, newest first, with how many officers approved each (`approving`).

    Whoever is recused from the incident is not shown that number.
    """
    approving = Count("approvals", filter=Q(approvals__decision=Approval.Decision.APPROVE))
    return incident.plans.select_related("maker").annotate(approving=approving).order_by("-pk")


def newest_computation(incident: Incident) -> Computation | None:
    """What was asked to be computed last; one statement."""
    return incident.computations.select_related("requested_by").order_by("-pk").first()


def waiting(reader: Person) -> QuerySet[Plan]:
    """Plans that wait for officers, the first to expire first, with how many of the approvals of
    each count now and whether the reader is `recused` from its incident and so not shown that
    number. Signatures are verified on the plan's own page."""
    return (
        Plan.objects.filter(state=Plan.State.PROPOSED)
        .select_related("incident__venue", "maker")
        .annotate(
            approving=Func(F("pk"), function="plan_valid_approvals", output_field=IntegerField()),
            recused=Func(
                F("incident_id"),
                Value(reader.pk),
                function="person_recused",
                output_field=BooleanField(),
            ),
        )
        .order_by("expires_at")
    )


def by_digest(head: str) -> QuerySet[Plan]:
    """Plans whose digest begins so, newest first."""
    return Plan.objects.filter(digest__startswith=head).select_related("incident").order_by("-pk")


def detailed() -> QuerySet[Plan]:
    """Plans with incident, decisions, execution and reconciliations; three statements for one."""
    return Plan.objects.select_related(
        "incident__venue", "incident__tape", "incident__contract__settle", "maker", "batch",
        "execution__requested_by",
    ).prefetch_related(
        Prefetch("approvals", Approval.objects.select_related("officer").order_by("at")),
        Prefetch("reconciliations", Reconciliation.objects.order_by("-at")),
    )  # fmt: skip


def assets(plan: Plan) -> dict[str, Asset]:
    """The assets the plan moves, by code; one statement."""
    codes = plan.totals.get("by_asset", {})
    return {asset.code: asset for asset in Asset.objects.filter(code__in=list(codes))}


def effects(
    plan: Plan,
    asset: Asset,
    *,
    sort: str = "",
    account: str = "",
    closed_again: bool = False,
    after: str = "",
) -> Page[PlanEffect]:
    """A page of effects in one asset by change of the futures wallet, the largest gain (the
    default) or the largest loss first; of one account's code, or only of those closed by force
    again. One statement."""
    rows = PlanEffect.objects.filter(plan=plan, asset=asset).select_related("account", "asset")
    if account:
        rows = rows.filter(account__code=account)
    if closed_again:
        rows = rows.filter(reliquidated=True)
    falling = sort != SMALLEST
    if at := keyset.numbers(after, 2):
        delta, pk = at
        # The first condition is implied by the second; it is what the index is entered by.
        rows = (
            rows.filter(futures_delta__lte=delta).filter(
                Q(futures_delta__lt=delta) | Q(futures_delta=delta, pk__lt=pk)
            )
            if falling
            else rows.filter(futures_delta__gte=delta).filter(
                Q(futures_delta__gt=delta) | Q(futures_delta=delta, pk__gt=pk)
            )
        )
    order = ("-futures_delta", "-pk") if falling else ("futures_delta", "pk")
    found = list(rows.order_by(*order)[: keyset.LIMIT + 1])
    last = found[keyset.LIMIT - 1] if len(found) > keyset.LIMIT else None
    return Page(found[: keyset.LIMIT], f"{last.futures_delta}.{last.pk}" if last else "")


def extremes(plan: Plan, asset: Asset, *, most: int = 5) -> dict[str, list[PlanEffect]]:
    """The accounts that gain and that lose the most of an asset in the futures wallet; two
    statements. Amounts of different assets are never compared."""
    rows = PlanEffect.objects.filter(plan=plan, asset=asset).select_related("account", "asset")
    return {
        "gain": list(rows.filter(futures_delta__gt=0).order_by("-futures_delta", "-pk")[:most]),
        "lose": list(rows.filter(futures_delta__lt=0).order_by("futures_delta", "pk")[:most]),
    }


def cash_legs(plan: Plan, *, after: str = "") -> Page[Leg]:
    """A page of the plan's cash legs by number, staged or posted alike; two statements."""
    return _page(LEGS, f"ledger_stage_{plan.batch_id}", after, Leg)


def position_legs(plan: Plan, *, after: str = "") -> Page[Move]:
    """A page of the plan's position legs by number; two statements."""
    return _page(MOVES, f"position_stage_{plan.batch_id}", after, Move)


def _page(statement: str, stage: str, after: str, row: Callable[..., Any]) -> Page[Any]:
    """A page of staged rows; none when the staging was dropped with the plan."""
    (last,) = keyset.numbers(after, 1) or [0]
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [stage])
        if not cursor.fetchone()[0]:
            return Page([], "")
        cursor.execute(
            statement.format(stage=connection.ops.quote_name(stage)), [last, keyset.LIMIT + 1]
        )
        return keyset.page(cursor.fetchall(), keyset.LIMIT, row, lambda row: row.seq)
