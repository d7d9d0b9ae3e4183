"""Reading plans: lists, a plan's decisions and execution, its effects page by page."""

from typing import Any

from django.db import connection
from django.db.models import Prefetch, QuerySet

from backoffice.models import Approval, Incident, Person, Plan, PlanEffect, Reconciliation

PAGE = 50
LEGS = """
    SELECT e.seq, l.kind, coalesce(a.code, c.symbol, 'house') AS owner, s.code AS asset,
           s.decimals, e.amount
    FROM {stage} e
    JOIN ledger_account l ON l.id = e.ledger_account_id
    JOIN exchange_asset s ON s.id = l.asset_id
    LEFT JOIN exchange_account a ON a.id = l.account_id
    LEFT JOIN exchange_contract c ON c.id = l.contract_id
    WHERE e.seq > %s ORDER BY e.seq LIMIT %s
"""
MOVES = """
    SELECT e.seq, a.code AS account, c.symbol AS contract, e.quantity, e.cost, s.code AS asset,
           s.decimals
    FROM {stage} e
    JOIN exchange_account a ON a.id = e.account_id
    JOIN exchange_contract c ON c.id = e.contract_id
    JOIN exchange_asset s ON s.id = c.settle_id
    WHERE e.seq > %s ORDER BY e.seq LIMIT %s
"""


def of_incident(incident: Incident) -> QuerySet[Plan]:
    """The incident's plans, newest first."""
    return incident.plans.select_related("maker", "batch").order_by("-pk")


def waiting() -> QuerySet[Plan]:
    """Plans that wait for officers, the first to expire first."""
    return (
        Plan.objects.filter(state=Plan.State.PROPOSED)
        .select_related("incident", "maker")
        .order_by("expires_at")
    )


def by_id(pk: int) -> Plan:
    """One plan with its decisions, execution and reconciliations. Three statements."""
    return (
        Plan.objects.select_related("incident__venue", "maker", "batch", "execution__requested_by")
        .prefetch_related(
            Prefetch("approvals", Approval.objects.select_related("officer").order_by("at")),
            Prefetch("reconciliations", Reconciliation.objects.order_by("-at")),
        )
        .get(pk=pk)
    )


def eligibility(plan: Plan, person: Person) -> tuple[str | None, bool]:
    """(why the person may not decide or None, whether they have decided); one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT plan_ineligible(%s, %s, 'risk'),"
            " EXISTS (SELECT FROM approval WHERE plan_id = %s AND officer_id = %s)",
            [plan.pk, person.pk, plan.pk, person.pk],
        )
        return cursor.fetchone()


def effects(
    plan: Plan, *, after: int = 0, account: str = "", reliquidated: bool = False
) -> list[PlanEffect]:
    """A page of effects in the order of their key, after `after`; one statement."""
    rows = PlanEffect.objects.filter(plan=plan, pk__gt=after).select_related(
        "account__customer", "asset"
    )
    if account:
        rows = rows.filter(account__code=account)
    if reliquidated:
        rows = rows.filter(reliquidated=True)
    return list(rows.order_by("pk")[:PAGE])


def extremes(plan: Plan, *, most: int = 5) -> dict[str, list[PlanEffect]]:
    """The accounts that gain and that lose the most in the futures wallet; two statements."""
    rows = PlanEffect.objects.filter(plan=plan).select_related("account", "asset")
    return {
        "gain": list(rows.order_by("-futures_delta", "pk")[:most]),
        "lose": list(rows.order_by("futures_delta", "pk")[:most]),
    }


def cash_legs(plan: Plan, *, after: int = 0) -> list[dict[str, Any]]:
    """A page of the plan's cash legs by number, staged or posted alike; one statement."""
    return _page(LEGS, f"ledger_stage_{plan.batch_id}", after)


def position_legs(plan: Plan, *, after: int = 0) -> list[dict[str, Any]]:
    """A page of the plan's position legs by number; one statement."""
    return _page(MOVES, f"position_stage_{plan.batch_id}", after)


def _page(statement: str, stage: str, after: int) -> list[dict[str, Any]]:
    """Rows as dictionaries; none when the staging was dropped with the plan."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [stage])
        if not cursor.fetchone()[0]:
            return []
        cursor.execute(statement.format(stage=connection.ops.quote_name(stage)), [after, PAGE])
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
