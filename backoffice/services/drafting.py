"""Turning computed legs into a plan that can be approved: staged, sealed, explained, digested.

A draft numbers accounts, contracts and assets as the tape does, and a plan's digest is taken over
those numbers: computing the same plan on the same tape gives the same digest in any database. The
rows staged here have digests of their own (`exchange.services.batches`); every approval carries
both, and execution re-derives both.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from django.utils import timezone
from numpy.typing import NDArray

from backoffice.models import Plan
from backoffice.services import canonical, ledger_places, lifecycle, quorums, recusals
from backoffice.services.ledger_places import I16, I64, Numbers
from exchange.domain import legs
from exchange.models import Batch
from exchange.services import batches
from exchange.services.copying import copy_columns

FORMAT = "makewhole-plan/1"
EFFECT_AMOUNTS = (
    "futures_before", "futures_delta", "funding_before", "funding_delta", "receivable_delta",
    "reversed_pnl", "reversed_fees", "paid", "moved_out", "positions_changed",
)  # fmt: skip


class Cash(NamedTuple):
    """Legs: `kind` is an index into `ledger_places.KINDS`; `owner` an account's or contract's
    number, or HOUSE; `amount` signed minor units."""

    kind: NDArray[np.int8]
    owner: I64
    asset: I16
    amount: I64


class Moves(NamedTuple):
    """Position legs: signed contracts and cost by account and contract number."""

    account: I64
    contract: I64
    quantity: I64
    cost: I64


class Effects(NamedTuple):
    """What the plan does to each account in each asset; one row each, as `PlanEffect`."""

    account: I64
    asset: I16
    futures_before: I64
    futures_delta: I64
    funding_before: I64
    funding_delta: I64
    receivable_delta: I64
    reversed_pnl: I64
    reversed_fees: I64
    paid: I64
    moved_out: I64
    positions_changed: I64
    reliquidated: NDArray[np.bool_]


class Draft(NamedTuple):
    """Everything a plan is, in the tape's numbers. `facts` are further totals, as integers;
    `own` the numbers of accounts that are the house's and no customer's."""

    assets: tuple[str, ...]
    contracts: tuple[str, ...]
    cash: Cash
    moves: Moves
    effects: Effects
    facts: Mapping[str, int]
    own: frozenset[int] = frozenset()


def write(*, plan: Plan, batch: Batch, draft: Draft, inputs: Mapping[str, str]) -> None:
    """Stage, seal and explain a draft, and make its plan computed, in the caller's transaction.

    `inputs` names what the legs were computed from (tape, rules). Raises what sealing raises, and
    NotAllowed when the maker is tied to an account that this or another remedy changes.
    """
    venue = plan.incident.venue
    known = ledger_places.numbers(venue, draft.assets)
    batches.stage(batch, _cash_legs(plan, draft.cash, known), _position_legs(draft.moves, known))
    batches.seal(batch)
    describe(plan=plan, batch=batch, draft=draft, inputs=inputs, known=known)


def describe(
    *, plan: Plan, batch: Batch, draft: Draft, inputs: Mapping[str, str], known: Numbers
) -> None:
    """Explain a sealed batch, whose legs are the draft's, and make its plan computed."""
    _copy_effects(plan, draft.effects, known)
    # Now that its effects are written, they may be what ties its maker.
    recusals.require_free(plan.maker, plan.incident)
    plan.batch = batch
    described = manifest(plan.remedy, plan.parameters, draft, inputs)
    lifecycle.step(
        plan,
        Plan.State.COMPUTED,
        batch=batch,
        manifest=described,
        digest=canonical.digest(described),
        quorum=described["quorum"],
        totals=_totals(draft),
        computed_at=timezone.now(),
    )


def sums(draft: Draft) -> tuple[dict[str, int], dict[str, int]]:
    """Sum of the cash legs per asset and of the position legs per contract: all zero, in exact
    integers."""
    cash = {
        code: int(draft.cash.amount[draft.cash.asset == number].sum())
        for number, code in enumerate(draft.assets)
        if (draft.cash.asset == number).any()
    }
    moves = {
        symbol: int(draft.moves.quantity[draft.moves.contract == number].sum())
        for number, symbol in enumerate(draft.contracts)
        if (draft.moves.contract == number).any()
    }
    return cash, moves


def content_digests(draft: Draft) -> dict[str, str]:
    """Digests over the tape's numbers of the legs and of every account's before and change."""
    cash, moves, effects = draft.cash, draft.moves, draft.effects
    amounts = [getattr(effects, name) for name in EFFECT_AMOUNTS]
    return {
        "cash": legs.digest(
            "makewhole plan cash/1",
            [],
            [cash.kind.astype(np.int64), cash.owner, cash.asset, cash.amount],
        ),
        "positions": legs.digest("makewhole plan positions/1", [], list(moves)),
        "effects": legs.digest(
            "makewhole plan effects/1",
            [],
            [effects.account, effects.asset, *amounts, effects.reliquidated.astype(np.int64)],
        ),
    }


def manifest(
    remedy: str, parameters: Mapping[str, object], draft: Draft, inputs: Mapping[str, str]
) -> dict[str, object]:
    """What a plan of the draft is, as its digest is taken over (`docs/formats/plan.md`)."""
    cash, moves = sums(draft)
    return {
        "format": FORMAT,
        "remedy": remedy,
        "parameters": dict(parameters),
        "quorum": quorums.of(
            remedy,
            *(then["remedy"] for then in parameters.get("then", ())),
            *parameters.get("undone", ()),
        ),
        "inputs": dict(inputs),
        "legs": {"cash": len(draft.cash.amount), "positions": len(draft.moves.quantity)},
        "content": content_digests(draft),
        "sum_by_asset": cash,
        "positions_sum_by_contract": moves,
        "gates": gates(draft),
    }


def gates(draft: Draft) -> dict[str, object]:
    """What must be closed while the plan is executed, which follows from its legs alone: trading
    of every contract in which a position moves, withdrawals when any customer's wallet ends lower.

    A plan that only pays needs neither. `plan_gates_needed` asks the staged rows the same.
    """
    effects = draft.effects
    lower = (effects.futures_delta < 0) | (effects.funding_delta < 0)
    charged = lower & ~np.isin(effects.account, list(draft.own))
    contracts = sorted({draft.contracts[number] for number in np.unique(draft.moves.contract)})
    return {"market": contracts, "withdrawals": bool(charged.any())}


def _totals(draft: Draft) -> dict[str, object]:
    """Numbers for the screens: how many accounts, what is credited, debited, owed, recovered."""
    effects = draft.effects
    by_asset = {}
    paid = np.where(np.isin(effects.account, list(draft.own)), 0, effects.paid)
    for number, code in enumerate(draft.assets):
        rows = effects.asset == number
        if rows.any():
            change = effects.futures_delta[rows] + effects.funding_delta[rows]
            by_asset[code] = {
                "accounts": int(rows.sum()),
                "gainers": int((change > 0).sum()),
                "losers": int((change < 0).sum()),
                "credited": str(change[change > 0].sum()),
                "debited": str(change[change < 0].sum()),
                "receivable": str(-effects.receivable_delta[rows].sum()),
                "recovered": str(-effects.funding_delta[rows].sum()),
                "moved_out": str(effects.moved_out[rows].sum()),
                "reversed_fees": str(effects.reversed_fees[rows].sum()),
                "paid": str(paid[rows & (paid > 0)].sum()),
                "charged": str(paid[rows & (paid < 0)].sum()),
                "by_kind": _by_kind(draft.cash, number),
            }
    return {
        "accounts": len(np.unique(effects.account)),
        "cash_legs": len(draft.cash.amount),
        "position_legs": len(draft.moves.quantity),
        "reliquidated": len(np.unique(effects.account[effects.reliquidated])),
        "by_asset": by_asset,
        **draft.facts,
    }


def _by_kind(cash: Cash, asset: int) -> dict[str, str]:
    """Sum of the legs of an asset by kind of ledger account; together they are zero."""
    of_asset = cash.asset == asset
    return {
        ledger_places.KINDS[int(kind)]: str(cash.amount[of_asset & (cash.kind == kind)].sum())
        for kind in np.unique(cash.kind[of_asset])
    }


def _cash_legs(plan: Plan, cash: Cash, known: Numbers) -> legs.CashLegs:
    ids = ledger_places.find(
        venue=plan.incident.venue, known=known, kind=cash.kind, asset=cash.asset, owner=cash.owner
    )
    return legs.cash_legs(ids, known.asset[cash.asset], cash.amount)


def _position_legs(moves: Moves, known: Numbers) -> legs.PositionLegs:
    return legs.position_legs(
        known.account[moves.account], known.contract[moves.contract], moves.quantity, moves.cost
    )


def _copy_effects(plan: Plan, effects: Effects, known: Numbers) -> None:
    rows = len(effects.account)
    copy_columns(
        "plan_effect",
        [
            ("plan_id", np.full(rows, plan.pk, np.int64)),
            ("account_id", known.account[effects.account]),
            ("asset_id", known.asset[effects.asset]),
            *((name, getattr(effects, name)) for name in EFFECT_AMOUNTS[:-1]),
            ("positions_changed", effects.positions_changed.astype(np.int32)),
            ("reliquidated", effects.reliquidated.astype(np.int8)),
        ],
    )
