"""Undoing an executed plan: a new plan whose legs are the opposite, approved like any other.

Nothing posted is ever edited, so what was wrong is answered by another plan: PostgreSQL writes the
opposite of the posted rows, the seal proves that the two cancel, and the manifest names the digest
that is undone. The quorum is at least the undone plan's. A plan is undone at most once, and only
while everybody still has what it gave them (docs/adr/0009).
"""

from collections.abc import Callable

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from backoffice.models import Person, Plan, Role
from backoffice.services import audit, drafting, ledger_places, recusals, remedies
from backoffice.services.people import require
from backoffice.services.refusals import Refused, Stale
from exchange.models import Account, Contract, Venue
from exchange.services import batches
from exchange.services.copying import read_columns
from exchange.services.refusals import BooksRefused

Progress = Callable[[str, int, int], None]
MAY_UNDO = (Role.Name.ANALYST, Role.Name.FINANCE)
REASON_MAX = 300
# A dead attempt gives its place to the next one.
DEAD = (
    Plan.State.REJECTED, Plan.State.WITHDRAWN, Plan.State.EXPIRED, Plan.State.SUPERSEDED,
    Plan.State.STALE,
)  # fmt: skip
CASH = """
    SELECT (array_position(%(kinds)s::text[], l.kind::text) - 1)::bigint,
           coalesce(a.tape_index, c.tape_index, -1)::bigint,
           (array_position(%(assets)s::text[], s.code::text) - 1)::bigint, -e.amount
    FROM ledger_entry e
    JOIN ledger_account l ON l.id = e.ledger_account_id
    JOIN exchange_asset s ON s.id = e.asset_id
    LEFT JOIN exchange_account a ON a.id = l.account_id
    LEFT JOIN exchange_contract c ON c.id = l.contract_id
    WHERE e.batch_id = %(batch)s ORDER BY e.seq
"""
MOVES = """
    SELECT a.tape_index::bigint, c.tape_index::bigint, -e.quantity, -e.cost
    FROM position_entry e
    JOIN exchange_account a ON a.id = e.account_id
    JOIN exchange_contract c ON c.id = e.contract_id
    WHERE e.batch_id = %(batch)s ORDER BY e.seq
"""
# Before: what the wallets hold now. What had left a wallet since the cut-off is the undone plan's
# to tell.
EFFECTS = """
    SELECT a.tape_index::bigint, (array_position(%(assets)s::text[], s.code::text) - 1)::bigint,
           coalesce(futures.amount, 0), -x.futures_delta,
           coalesce(funding.amount, 0), -x.funding_delta, -x.receivable_delta,
           -x.reversed_pnl, -x.reversed_fees, -x.paid, 0::bigint, x.positions_changed::bigint
    FROM plan_effect x
    JOIN exchange_account a ON a.id = x.account_id
    JOIN exchange_asset s ON s.id = x.asset_id
    LEFT JOIN ledger_account fl ON fl.venue_id = a.venue_id AND fl.kind = 'futures'
        AND fl.asset_id = x.asset_id AND fl.account_id = a.id
    LEFT JOIN balance futures ON futures.ledger_account_id = fl.id
    LEFT JOIN ledger_account ul ON ul.venue_id = a.venue_id AND ul.kind = 'funding'
        AND ul.asset_id = x.asset_id AND ul.account_id = a.id
    LEFT JOIN balance funding ON funding.ledger_account_id = ul.id
    WHERE x.plan_id = %(plan)s ORDER BY 1, 2
"""


def compute_undo(
    *,
    plan: Plan,
    by: Person,
    reason: str,
    progress: Progress | None = None,
    finish: Callable[[Plan], None] | None = None,
) -> Plan:
    """A computed plan that posts the exact opposite of `plan`, which is reconciled.

    `finish` is called with it in its transaction, as by `remedies.compute_remedy`. Raises what
    `require_undoable` does, and Refused when the books do not allow it: a wallet that would end
    below zero is named, with what it holds and what would be taken.
    """
    require_undoable(plan=plan, by=by, reason=reason)
    say = progress or (lambda stage, done, total: None)
    say("Computing the undo", 0, 1)
    try:
        with transaction.atomic(durable=True):
            stored = Plan.objects.select_for_update().get(pk=plan.pk)
            require_undoable(plan=stored, by=by, reason=reason)
            for dead in stored.batch.reversals.filter(state="sealed"):
                batches.discard(dead)
            made = _compute(stored, by, reason.strip()[:REASON_MAX])
            if finish is not None:
                finish(made)
            audit.record(
                by=by,
                action="plan.computed",
                subject=f"plan:{made.pk}",
                data={"remedy": made.remedy, "digest": made.digest, "undoes": stored.digest},
            )
    except BooksRefused as error:
        raise Refused(f"Plan {plan.pk} cannot be undone: {error}.") from error
    say("Computing the undo", 1, 1)
    return made


def require_undoable(*, plan: Plan, by: Person, reason: str) -> None:
    """Raises NotAllowed, also when `by` is recused, Stale when the plan is not reconciled or is
    being undone already, Refused without a reason and for an undo."""
    require(by, *MAY_UNDO, at=plan.incident.venue)
    recusals.require_free(by, plan.incident)
    if not reason.strip():
        raise Refused("Say why it is undone: officers decide on it, and the auditors read it.")
    if plan.state != Plan.State.RECONCILED:
        raise Stale(f"This plan is {plan.state}; only a reconciled plan is undone.")
    if plan.remedy == Plan.Remedy.UNDO:
        raise Refused("An undo is not undone: compute the remedy anew, for people to look at.")
    if (other := undoing(plan)) is not None:
        raise Stale(f"Plan {other.pk} undoes this plan already; it is {other.state}.")


def undoing(plan: Plan) -> Plan | None:
    """The plan that undoes this one or is on its way to; one statement."""
    return (
        Plan.objects.filter(batch__reverses=plan.batch_id).exclude(state__in=DEAD).first()
        if plan.batch_id
        else None
    )


def undone(plan: Plan) -> Plan | None:
    """The plan that this one undoes; one statement."""
    return Plan.objects.filter(batch__reversals=plan.batch_id).first() if plan.batch_id else None


def _compute(stored: Plan, by: Person, reason: str) -> Plan:
    """Opposite legs, staged and sealed; the draft that explains them is read from the posted."""
    then = [step["remedy"] for step in stored.parameters.get("then", ())]
    made = Plan.objects.create(
        incident=stored.incident,
        remedy=Plan.Remedy.UNDO,
        maker=by,
        parameters={"undoes": stored.digest, "undone": [stored.remedy, *then], "reason": reason},
    )
    batch = batches.reverse(
        stored.batch, key=f"undo-{made.pk}", reason="undo", effective_at=timezone.now()
    )
    draft = _draft(stored)
    drafting.describe(
        plan=made,
        batch=batch,
        draft=draft,
        inputs=remedies.inputs(stored.incident),
        known=ledger_places.numbers(stored.incident.venue, draft.assets),
    )
    return made


def _draft(plan: Plan) -> drafting.Draft:
    """The opposite of what the plan posted, in the tape's numbers; assets are numbered by code.
    Five statements."""
    venue = plan.incident.venue
    assets = tuple(sorted({*plan.manifest["sum_by_asset"], *plan.totals["by_asset"]}))
    place = {
        "batch": plan.batch_id, "plan": plan.pk, "assets": list(assets),
        "kinds": list(ledger_places.KINDS),
    }  # fmt: skip
    kind, owner, asset, amount = read_columns(CASH, place, 4)
    account, coin, *amounts = read_columns(EFFECTS, place, 12)
    return drafting.Draft(
        assets=assets,
        contracts=_contracts(venue),
        cash=drafting.Cash(kind.astype(np.int8), owner, asset.astype(np.int16), amount),
        moves=drafting.Moves(*read_columns(MOVES, place, 4)),
        effects=drafting.Effects(
            account, coin.astype(np.int16), *amounts, reliquidated=_nobody(len(account))
        ),
        facts={},
        own=frozenset(
            Account.objects.filter(venue=venue)
            .exclude(kind=Account.Kind.CUSTOMER)
            .values_list("tape_index", flat=True)
        ),
    )


def _contracts(venue: Venue) -> tuple[str, ...]:
    """Symbols by the tape's number; empty where the tape has none."""
    known = dict(Contract.objects.filter(venue=venue).values_list("tape_index", "symbol"))
    return tuple(known.get(number, "") for number in range(max(known, default=-1) + 1))


def _nobody(rows: int) -> NDArray[np.bool_]:
    return np.zeros(rows, np.bool_)
