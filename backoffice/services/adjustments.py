"""What an executed plan did to fills and positions, computed again from the plan and the tape.

A rollback, a bust and a re-pricing change fills, and positions follow from the fills; a
reinstatement and a settlement move positions by themselves; a payment moves none. Where one follows
another in one plan, the fills come first and then the positions that are not what follows from
them. The result is derived and kept beside the tapes (`exchange.tape.adjustments`); making it twice
gives the same bytes.
"""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from backoffice.models import Plan, Publication
from backoffice.services.timeline import microseconds
from exchange.domain import adjustments
from exchange.domain.adjustments import Adjustments
from exchange.domain.remedies import catalogue, trades
from exchange.domain.remedies.catalogue import Step
from exchange.domain.remedies.facts import Facts
from exchange.services import incident_facts, stage_tables
from exchange.tape import adjustments as sidecars
from exchange.tape import store
from exchange.tape.adjustments import Sidecar

FILLING = (Plan.Remedy.ROLLBACK, *trades.REPLAYED)
MOVING = (Plan.Remedy.REINSTATE, Plan.Remedy.SETTLE)
POSITIONS = """
    SELECT array_agg(a.tape_index ORDER BY m.seq), array_agg(c.tape_index ORDER BY m.seq),
           array_agg(m.quantity ORDER BY m.seq), array_agg(m.cost ORDER BY m.seq),
           array_agg(m.quantity_delta ORDER BY m.seq), array_agg(m.cost_delta ORDER BY m.seq)
    FROM {positions_before} m
    JOIN exchange_account a ON a.id = m.account_id
    JOIN exchange_contract c ON c.id = m.contract_id
"""
POSITION_TYPES = (np.int32, np.int16, np.int64, np.int64, np.int64, np.int64)


class RecordsDiffer(Exception):
    """The records made now are not those that were published; `str()` says so to an operator."""


def sidecar(plan: Plan) -> Sidecar:
    """The plan's records, mapped from the disk, made if missing.

    Raises `store.TapeMissing` where they would be made and this machine has no such tape, and
    `RecordsDiffer` where what is made is not what the feed has said before.
    """
    return look(plan) or _made(plan)


def _made(plan: Plan) -> Sidecar:
    with sidecars.making():
        found = look(plan)  # another may have made them while this one waited
        if found is None:
            made = compute(plan)
            _publish(plan, made)
            sidecars.write(name_of(plan), made)
            found = look(plan)
        assert found is not None, "what was written can be read"
        return found


def _publish(plan: Plan, made: Adjustments) -> None:
    """Keep the digest of the records when they are first made, and hold them to it ever after."""
    digest = adjustments.digest(made)
    kept, _ = Publication.objects.get_or_create(
        plan=plan, defaults={"records": len(made.kind), "digest": digest}
    )
    if kept.digest != digest:
        raise RecordsDiffer(
            f"The records of plan {plan.pk} come out otherwise than they were published"
            f" ({kept.digest[:12]}, now {digest[:12]}); they are not published again."
        )


def look(plan: Plan) -> Sidecar | None:
    """The plan's records if they are on this machine's disk; nothing is made."""
    return sidecars.read(name_of(plan))


def prepared(plan: Plan) -> bool:
    """Whether its records are on this machine's disk already."""
    return sidecars.exists(name_of(plan))


def name_of(plan: Plan) -> str:
    """The plan's digest, and of the positions that it found: a digest is the same in any database,
    what positions were before is not."""
    assert plan.batch is not None, "an executed plan has a batch"
    return f"{plan.digest}-{plan.batch.precondition_digest[:16]}"


def compute(plan: Plan) -> Adjustments:
    """The records of an executed plan; of one that reverses another, ask for those of the other.

    Loads the fills of the tape, and for a band all that its reference needs; seconds for millions.
    Raises `store.TapeMissing`.
    """
    steps = steps_of(plan)
    filling = [step for step in steps if step.remedy in FILLING]
    if not filling:
        return adjustments.of_positions(*_positions(plan))
    moving = any(step.remedy in MOVING for step in steps)
    if filling[-1].remedy == Plan.Remedy.ROLLBACK and not moving:
        return _after_cutoff(plan)
    # Each of them replays the tape from the cut-off, so the last one says what becomes of fills.
    return _replayed(plan, filling[-1], moving=moving)


def steps_of(plan: Plan) -> list[Step]:
    """The remedies of a plan in order, with the words `remedies.parameters` wrote of each."""
    given = plan.parameters
    first = Step(plan.remedy, given.get("words", {}))
    return [first, *(Step(then["remedy"], then["words"]) for then in given.get("then", []))]


def _after_cutoff(plan: Plan) -> Adjustments:
    """A rollback: every fill after the cut-off is gone."""
    fills = store.load(plan.incident.tape.digest, ["fills"]).fills
    gone = fills.time > _cutoff(plan)
    return adjustments.of_fills(fills, gone, np.zeros(len(gone), np.int64))


def _replayed(plan: Plan, step: Step, *, moving: bool) -> Adjustments:
    """The fills that a step left out or gave another price, and what was moved besides."""
    tape = store.load(plan.incident.tape.digest, incident_facts.TABLES)
    facts = incident_facts.freeze(tape, _cutoff(plan))
    adjusted = trades.adjusted(facts, step)
    made = adjustments.of_fills(adjusted.fills, adjusted.busted, adjusted.price)
    return adjustments.join([made, _besides(plan, facts, step)]) if moving else made


def _besides(plan: Plan, facts: Facts, step: Step) -> Adjustments:
    """The positions that the plan leaves otherwise than its fills do: from there to the end."""
    target = catalogue.compute(facts, [step]).target
    quantity, cost = facts.end.quantity.copy(), facts.end.cost.copy()
    contracts = len(facts.specs)
    account, contract, held, paid, quantity_delta, cost_delta = _positions(plan)
    key = facts.end.account.astype(np.int64) * contracts + facts.end.contract
    rows = np.searchsorted(key, account.astype(np.int64) * contracts + contract)
    quantity[rows], cost[rows] = held + quantity_delta, paid + cost_delta
    moved = (quantity != target.quantity) | (cost != target.cost)
    return adjustments.of_positions(
        target.account[moved], target.contract[moved], target.quantity[moved], target.cost[moved],
        (quantity - target.quantity)[moved], (cost - target.cost)[moved],
    )  # fmt: skip


def _positions(plan: Plan) -> list[NDArray[np.generic]]:
    """Account and contract by the tape's numbers, quantity and cost before, and what the plan's
    legs add to them; one statement."""
    assert plan.batch is not None, "an executed plan has a batch"
    (columns,) = stage_tables.rows(plan.batch, POSITIONS)
    return [
        np.array(column or [], kind) for column, kind in zip(columns, POSITION_TYPES, strict=True)
    ]


def _cutoff(plan: Plan) -> int:
    given = plan.parameters.get("cutoff")
    return microseconds(datetime.fromisoformat(given) if given else plan.incident.effective_cutoff)
