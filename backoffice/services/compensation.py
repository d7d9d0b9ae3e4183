"""Goodwill: a share of the verified loss of those closed by force who should not have been.

A programme's rules are fixed when it is made. Its awards are one INSERT..SELECT over the verdicts,
its payment is a plan like any other: legs from the house's goodwill expense to the customers'
futures wallets, staged, sealed, approved by two officers, executed in one transaction.
"""

import numpy as np
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from backoffice.models import Incident, Person, Plan, Programme, Role
from backoffice.services import audit, drafting, ledger_places, recusals, remedies
from backoffice.services.people import require
from backoffice.services.refusals import Refused, Stale
from exchange.models import Asset
from exchange.services import batches

MAY_MAKE = (Role.Name.ANALYST, Role.Name.FINANCE)

# floor(loss * percent), at most the cap, at least the de minimis; the loss of an account is that of
# all its closes that a fair price would not have caused.
AWARD = """
    INSERT INTO award (programme_id, account_id, loss, amount, capped)
    SELECT p.id, l.account_id, l.loss, least(l.given, p.cap), l.given > p.cap
    FROM programme p
    CROSS JOIN LATERAL (
        SELECT q.account_id, sum(q.loss)::bigint AS loss,
               floor(sum(q.loss) * p.percent_bp / 10000)::bigint AS given
        FROM liquidation q
        JOIN exchange_contract c ON c.id = q.contract_id AND c.settle_id = p.asset_id
        JOIN exchange_account a ON a.id = q.account_id AND a.customer_id IS NOT NULL
        WHERE q.tape_id = %(tape)s AND q.verdict IN ('due_printed_only', 'not_due') AND q.loss > 0
        GROUP BY q.account_id
    ) AS l
    JOIN exchange_account a ON a.id = l.account_id
    WHERE p.id = %(programme)s AND least(l.given, p.cap) >= greatest(p.de_minimis, 1)
    ORDER BY a.tape_index
"""
PAYMENT = """
    SELECT a.tape_index, coalesce(futures.amount, 0), coalesce(funding.amount, 0), w.amount
    FROM award w
    JOIN exchange_account a ON a.id = w.account_id
    LEFT JOIN ledger_account l ON l.account_id = w.account_id AND l.kind = 'futures'
        AND l.asset_id = %(asset)s
    LEFT JOIN balance futures ON futures.ledger_account_id = l.id
    LEFT JOIN ledger_account o ON o.account_id = w.account_id AND o.kind = 'funding'
        AND o.asset_id = %(asset)s
    LEFT JOIN balance funding ON funding.ledger_account_id = o.id
    WHERE w.programme_id = %(programme)s
    ORDER BY a.tape_index
"""


def make_programme(
    *,
    incident: Incident,
    by: Person,
    name: str,
    asset: Asset,
    percent_bp: int,
    cap: int,
    budget: int,
    de_minimis: int = 0,
) -> Programme:
    """Fix the rules of a programme and compute its awards; amounts are minor units of `asset`.

    Raises Refused when the awards would be over the budget, or when there are none; then nothing
    is kept; NotAllowed also when they change an account that `by` is tied to.
    """
    require(by, *MAY_MAKE)
    if not 0 < percent_bp <= 10_000 or min(cap, budget) <= 0 or de_minimis < 0:
        raise Refused("A programme gives up to 100 % with a cap and a budget above zero.")
    with transaction.atomic(durable=True):
        programme = Programme.objects.create(
            incident=incident,
            name=name.strip(),
            asset=asset,
            percent_bp=percent_bp,
            cap=cap,
            de_minimis=de_minimis,
            budget=budget,
            maker=by,
        )
        awards, total = _award(programme)
        recusals.require_free(by, incident)
        audit.record(
            by=by,
            action="programme.made",
            subject=f"programme:{programme.pk}",
            data={"awards": awards, "total": str(total), "percent_bp": percent_bp},
        )
    return programme


def preview(
    *, incident: Incident, asset: Asset, percent_bp: int, cap: int, de_minimis: int = 0
) -> dict[str, int]:
    """What such a programme would pay: accounts, total, largest, capped. Nothing is written; the
    numbers are those of the same statement that `make_programme` runs, rolled back."""
    with transaction.atomic():
        programme = Programme.objects.create(
            incident=incident,
            name="preview",
            asset=asset,
            percent_bp=percent_bp,
            cap=cap,
            de_minimis=de_minimis,
            budget=2**62,
            maker=incident.commander,
        )
        with connection.cursor() as cursor:
            cursor.execute(AWARD, {"tape": incident.tape_id, "programme": programme.pk})
            cursor.execute(
                "SELECT count(*), coalesce(sum(amount), 0)::bigint, coalesce(max(amount), 0),"
                " count(*) FILTER (WHERE capped) FROM award WHERE programme_id = %s",
                [programme.pk],
            )
            numbers = cursor.fetchone()
        transaction.set_rollback(True)
    return dict(zip(("accounts", "total", "largest", "capped"), numbers, strict=True))


def compute_plan(*, programme: Programme, by: Person) -> Plan:
    """Stage the payment of the awards and seal it as a computed plan.

    Raises Stale when the programme has its plan already, NotAllowed when `by` is recused.
    """
    require(by, *MAY_MAKE)
    recusals.require_free(by, programme.incident)
    with transaction.atomic(durable=True):
        locked = Programme.objects.select_for_update().get(pk=programme.pk)
        if locked.plan_id is not None:
            raise Stale("This programme has its plan already.")
        plan = Plan.objects.create(
            incident=locked.incident,
            remedy=Plan.Remedy.GOODWILL,
            maker=by,
            parameters={
                "programme": locked.name,
                "percent_bp": locked.percent_bp,
                "cap": str(locked.cap),
                "de_minimis": str(locked.de_minimis),
                "budget": str(locked.budget),
            },
        )
        batch = batches.open_batch(
            venue=locked.incident.venue,
            key=f"goodwill-{plan.pk}",
            reason="goodwill",
            effective_at=timezone.now(),
        )
        drafting.write(
            plan=plan,
            batch=batch,
            draft=_draft(locked),
            inputs=remedies.inputs(locked.incident),
        )
        Programme.objects.filter(pk=locked.pk).update(plan=plan)
        audit.record(
            by=by, action="plan.computed", subject=f"plan:{plan.pk}", data={"digest": plan.digest}
        )
    programme.refresh_from_db()
    return plan


def _award(programme: Programme) -> tuple[int, int]:
    """Write the awards; (how many, their sum). Raises Refused outside the programme's budget."""
    values = {"tape": programme.incident.tape_id, "programme": programme.pk}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(AWARD, values)
            awards = cursor.rowcount
            cursor.execute(
                "SELECT coalesce(sum(amount), 0)::bigint FROM award WHERE programme_id = %s",
                [programme.pk],
            )
            total = cursor.fetchone()[0]
    except IntegrityError as error:
        raise Refused("The awards come to more than the budget.") from error
    if not awards:
        raise Refused("Nobody would be paid under these rules.")
    return awards, total


def _draft(programme: Programme) -> drafting.Draft:
    """The awards as legs, from goodwill expense to futures wallets; two statements."""
    with connection.cursor() as cursor:
        cursor.execute(PAYMENT, {"asset": programme.asset_id, "programme": programme.pk})
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 4)
    account, before, funding, amount = np.ascontiguousarray(rows.T)
    n = len(amount)
    zeros, none = np.zeros(n, np.int64), np.zeros(0, np.int64)
    goodwill, futures = (ledger_places.KINDS.index(kind) for kind in ("goodwill", "futures"))
    return drafting.Draft(
        assets=(programme.asset.code,),
        contracts=(),
        cash=drafting.Cash(
            kind=np.array([goodwill] + [futures] * n, np.int8),
            owner=np.append(np.int64(ledger_places.HOUSE), account),
            asset=np.zeros(n + 1, np.int16),
            amount=np.append(-amount.sum(), amount),
        ),
        moves=drafting.Moves(none, none, none, none),
        effects=drafting.Effects(
            account=account,
            asset=np.zeros(n, np.int16),
            futures_before=before,
            futures_delta=amount,
            funding_before=funding,
            funding_delta=zeros,
            receivable_delta=zeros,
            reversed_pnl=zeros,
            reversed_fees=zeros,
            paid=amount,
            moved_out=zeros,
            positions_changed=zeros,
            reliquidated=np.zeros(n, np.bool_),
        ),
        facts={"awards": n, "total": int(amount.sum())},
    )
