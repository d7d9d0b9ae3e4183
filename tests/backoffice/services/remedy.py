"""A remedy in small, as the tests execute it: it takes, gives and moves positions."""

import numpy as np
from django.db import transaction

from backoffice.models import Plan
from backoffice.services import drafting, ledger_places
from exchange.services import batches
from tests.backoffice.services.conftest import BTC, START, World, approve_by_row

TAKEN = BTC // 10
TAPE = {"tape": "a" * 64}
ACCOUNTS = 4
FUTURES, FEES = (ledger_places.KINDS.index(kind) for kind in ("futures", "fees"))


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


def anything(
    cash: list[tuple[int, int]], trades: list[tuple[int, int, int, int]] = ()
) -> drafting.Draft:
    """Any remedy: (account, amount) between futures wallets and the house's fees, and (buyer,
    seller, contracts, cost) between positions."""
    change, held = np.zeros(ACCOUNTS, np.int64), np.zeros((ACCOUNTS, 2), np.int64)
    for account, units in cash:
        change[account] += units
    for buyer, seller, contracts, cost in trades:
        held[buyer] += (contracts, cost)
        held[seller] -= (contracts, cost)
    owner = np.array([account for account, _ in cash], np.int64)
    amount = np.array([units for _, units in cash], np.int64)
    house = np.full(len(cash), -1, np.int64)
    moved = np.flatnonzero(held.any(axis=1))
    touched = np.flatnonzero(held.any(axis=1) | (change != 0))
    zeros = np.zeros(len(touched), np.int64)
    return drafting.Draft(
        assets=("BTC",),
        contracts=("BTC0629",),
        cash=drafting.Cash(
            np.repeat([FUTURES, FEES], len(cash)).astype(np.int8), np.append(owner, house),
            np.zeros(2 * len(cash), np.int16), np.append(amount, -amount),
        ),
        moves=drafting.Moves(moved, np.zeros(len(moved), np.int64), *held[moved].T),
        effects=drafting.Effects(
            touched, zeros.astype(np.int16), (touched + 1) * BTC, change[touched], zeros, zeros,
            zeros, zeros, zeros, change[touched], zeros, held[touched].any(axis=1).astype(np.int64),
            np.zeros(len(touched), np.bool_),
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
