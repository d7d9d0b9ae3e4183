"""What an executed plan did to fills and positions, computed again from the plan and the tape.

A rollback, a bust and a re-pricing change fills, and positions follow from the fills; any other
remedy that moves positions moves them by itself, and a payment moves none. The result is derived
and kept beside the tapes (`exchange.tape.adjustments`); making it twice gives the same bytes.
"""

from collections.abc import Mapping
from datetime import datetime

import numpy as np

from backoffice.models import Plan
from backoffice.services.timeline import microseconds
from exchange.domain import adjustments
from exchange.domain.adjustments import Adjustments
from exchange.domain.remedies import catalogue, replays
from exchange.services import incident_facts, stage_tables
from exchange.tape import adjustments as sidecars
from exchange.tape import store
from exchange.tape.adjustments import Sidecar

REPLAYED = {Plan.Remedy.BUST: replays.busted, Plan.Remedy.REPRICE: replays.repriced}
POSITIONS = """
    SELECT array_agg(a.tape_index ORDER BY m.seq), array_agg(c.tape_index ORDER BY m.seq),
           array_agg(m.quantity ORDER BY m.seq), array_agg(m.cost ORDER BY m.seq),
           array_agg(m.quantity_delta ORDER BY m.seq), array_agg(m.cost_delta ORDER BY m.seq)
    FROM {positions_before} m
    JOIN exchange_account a ON a.id = m.account_id
    JOIN exchange_contract c ON c.id = m.contract_id
"""
POSITION_TYPES = (np.int32, np.int16, np.int64, np.int64, np.int64, np.int64)


def sidecar(plan: Plan) -> Sidecar:
    """The plan's records, mapped from the disk, made if missing.

    Raises `store.TapeMissing` where they would be made and this machine has no such tape.
    """
    name = name_of(plan)
    found = sidecars.read(name)
    if found is None:
        sidecars.write(name, compute(plan))
        found = sidecars.read(name)
        assert found is not None, "what was written can be read"
    return found


def prepared(plan: Plan) -> bool:
    """Whether its records are on this machine's disk already."""
    return sidecars.exists(name_of(plan))


def name_of(plan: Plan) -> str:
    """The plan's digest, and of the positions that it found: a digest is the same in any database,
    what positions were before is not."""
    assert plan.batch is not None, "an executed plan has a batch"
    return f"{plan.digest}-{plan.batch.precondition_digest[:16]}"


def compute(plan: Plan) -> Adjustments:
    """The records of an executed plan, the one that reverses another left to the one reversed.

    Loads the fills of the tape, and for a band all that its reference needs; seconds for millions.
    Raises `store.TapeMissing`, `TapeDamaged`.
    """
    if plan.remedy == Plan.Remedy.ROLLBACK:
        return _after_cutoff(plan)
    if plan.remedy in REPLAYED:
        return _replayed(plan)
    return _positions(plan)


def _after_cutoff(plan: Plan) -> Adjustments:
    """A rollback: every fill after the cut-off is gone."""
    fills = store.load(plan.incident.tape.digest, ["fills"]).fills
    gone = fills.time > _cutoff(plan)
    return adjustments.of_fills(fills, gone, np.zeros(len(gone), np.int64))


def _replayed(plan: Plan) -> Adjustments:
    """A bust or a re-pricing: the fills that the remedy left out or gave another price."""
    tape = store.load(plan.incident.tape.digest, incident_facts.TABLES)
    facts = incident_facts.freeze(tape, _cutoff(plan))
    adjusted = REPLAYED[Plan.Remedy(plan.remedy)](facts, catalogue.band_of(facts, _words(plan)))
    return adjustments.of_fills(adjusted.fills, adjusted.busted, adjusted.price)


def _positions(plan: Plan) -> Adjustments:
    """Any other remedy: the positions that its legs move, with what they were when it was sealed.
    One statement."""
    assert plan.batch is not None, "an executed plan has a batch"
    (columns,) = stage_tables.rows(plan.batch, POSITIONS)
    return adjustments.of_positions(
        *(
            np.array(column or [], kind)
            for column, kind in zip(columns, POSITION_TYPES, strict=True)
        )
    )


def _cutoff(plan: Plan) -> int:
    given = plan.parameters.get("cutoff")
    return microseconds(datetime.fromisoformat(given) if given else plan.incident.effective_cutoff)


def _words(plan: Plan) -> Mapping[str, str]:
    """The remedy's own parameters among those of the plan, its defaults where it has none."""
    fields = catalogue.REMEDIES[plan.remedy].fields
    return {field.name: plan.parameters.get(field.name, field.default) for field in fields}
