"""A remedy in small, as the tests execute it: it takes, gives and moves positions."""

import numpy as np
from django.db import transaction

from backoffice.models import Plan
from backoffice.services import drafting
from exchange.services import batches
from tests.backoffice.services.conftest import BTC, START, World, approve_by_row

TAKEN = BTC // 10
TAPE = {"tape": "a" * 64}


def draft(
    takes: int = TAKEN, *, charged: int = 1, paid: int = 0, contracts: int = 5, cost: int = 700
) -> drafting.Draft:
    """Take from the futures wallet of one account, give to another's, and move positions between
    the two; what they cost more is what clearing pays out. All by the tape's numbers."""
    moves = [(paid, contracts, cost), (charged, -contracts, -cost)] if contracts else []
    account, quantity, costs = np.array(sorted(moves), np.int64).reshape(-1, 3).T
    rows = sorted([(paid, takes), (charged, -takes)])
    owner, amount = np.array(rows, np.int64).T
    zeros = np.zeros(2, np.int64)
    return drafting.Draft(
        assets=("BTC",),
        contracts=("BTC0629",),
        cash=drafting.Cash(np.zeros(2, np.int8), owner, np.zeros(2, np.int16), amount),
        moves=drafting.Moves(account, np.zeros(len(account), np.int64), quantity, costs),
        effects=drafting.Effects(
            owner, np.zeros(2, np.int16), (owner + 1) * BTC, amount, zeros, zeros, zeros, zeros,
            zeros, amount, zeros, np.full(2, int(bool(contracts))), np.zeros(2, np.bool_),
        ),
        facts={},
    )  # fmt: skip


def computed(
    world: World,
    made: drafting.Draft | None = None,
    *,
    remedy: str = "rollback",
    inputs: dict[str, str] = TAPE,
) -> Plan:
    """A computed plan of Mira's that needs trading of BTC0629 and withdrawals closed."""
    with transaction.atomic():
        plan = Plan.objects.create(
            incident=world.incident, remedy=remedy, maker=world.person("mira"), parameters={}
        )
        batch = batches.open_batch(
            venue=world.venue, key=f"remedy-{plan.pk}", reason=remedy, effective_at=START
        )
        drafting.write(plan=plan, batch=batch, draft=made or draft(), inputs=inputs)
    return plan


def approved(
    world: World,
    made: drafting.Draft | None = None,
    *,
    remedy: str = "rollback",
    inputs: dict[str, str] = TAPE,
) -> Plan:
    """The same, proposed and approved."""
    plan = computed(world, made, remedy=remedy, inputs=inputs)
    approve_by_row(world, plan)
    return plan
