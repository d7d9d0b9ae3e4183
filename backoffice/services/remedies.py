"""The first remedy: take every account back to where it stood at the cut-off.

The tape says what happened since, the ledger says what is there now, the domain makes legs of the
difference; this module brings the three together and leaves a computed plan that posts nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from backoffice import figures
from backoffice.models import Incident, Person, Plan, Role
from backoffice.services import audit, drafting, ledger_places
from backoffice.services.people import require
from backoffice.services.refusals import Refused
from backoffice.services.timeline import microseconds
from exchange.domain import rules
from exchange.domain.liquidation import MarginTerms, due_now
from exchange.domain.remedies import rollback
from exchange.domain.replay import Holdings, replay
from exchange.services import batches
from exchange.services.books import opening_holdings, settlement_assets
from exchange.services.refusals import BooksRefused
from exchange.tape import arrays, store

Progress = Callable[[str, int, int], None]
MAY_COMPUTE = (Role.Name.ANALYST,)
TABLES = ("assets", "accounts", "positions", "fills", "prices", "transfers")
KINDS = np.array([ledger_places.KINDS.index(name) for name in rollback.WALLETS], np.int8)
EXEMPT = 2


class _Past(NamedTuple):
    """What the tape says: holdings at the cut-off and at its end, prices on reopening."""

    tape: arrays.Tape
    cut: Holdings
    end: Holdings
    moved: NDArray[np.int64]
    asset_of: NDArray[np.int16]
    reopening: NDArray[np.int64]


def compute_rollback(
    *,
    incident: Incident,
    by: Person,
    cutoff: datetime | None = None,
    progress: Progress | None = None,
    finish: Callable[[Plan], None] | None = None,
) -> Plan:
    """Compute, stage and seal the rollback to `cutoff` (the incident's effective one by default).

    Raises NotAllowed, Refused when the books and the tape do not allow it. Loads the whole tape;
    seconds for millions of fills. The transaction is open for the database's part of it only;
    `finish` is called in it with the plan, to write down what must be there with it or not at all.
    """
    require(by, *MAY_COMPUTE)
    require_not_done(incident)
    say = progress or (lambda stage, done, total: None)
    cutoff = cutoff or incident.effective_cutoff
    past = _read_past(incident, cutoff, say)
    say("Computing the rollback", 0, 2)
    try:
        with transaction.atomic(durable=True):
            plan = _stage(incident, by, past, cutoff)
            say("Computing the rollback", 1, 2)
            if finish is not None:
                finish(plan)
            audit.record(
                by=by,
                action="plan.computed",
                subject=f"plan:{plan.pk}",
                data={"digest": plan.digest},
            )
    except (BooksRefused, rollback.NotConserved) as error:
        raise Refused(f"This rollback cannot be staged: {error}.") from error
    say("Computing the rollback", 2, 2)
    return plan


def _stage(incident: Incident, by: Person, past: _Past, cutoff: datetime) -> Plan:
    """A computed plan with its legs staged and sealed, in the caller's transaction."""
    venue = incident.venue
    plan = Plan.objects.create(
        incident=incident,
        remedy=Plan.Remedy.ROLLBACK,
        maker=by,
        parameters=_parameters(incident, past, cutoff),
    )
    # Opened before the books are read: sealing refuses when they moved since.
    batch = batches.open_batch(
        venue=venue, key=f"rollback-{plan.pk}", reason="rollback", effective_at=cutoff
    )
    version = getattr(rules.get(venue.rules), "VERSION", "1")
    inputs = {
        "tape": incident.tape.digest,
        "state_at_end": incident.tape.state_digest,
        "rules": f"{venue.rules}/{version}",
    }
    drafting.write(plan=plan, batch=batch, draft=_draft(incident, past), inputs=inputs)
    return plan


def require_not_done(incident: Incident) -> None:
    """Raises Refused when a rollback on this tape is in the books: they are then not what the tape
    says any more, and computing from it again would take the same trades back twice."""
    done = Plan.objects.filter(
        incident__tape=incident.tape_id,
        remedy=Plan.Remedy.ROLLBACK,
        state__in=[Plan.State.EXECUTED, Plan.State.RECONCILED],
    )
    if done.exists():
        raise Refused("A rollback of this tape is in the books already; it is not done twice.")


def _read_past(incident: Incident, cutoff: datetime, say: Progress) -> _Past:
    say("Replaying the tape", 0, 2)
    tape = store.load(incident.tape.digest, tables=TABLES)
    say("Replaying the tape", 1, 2)
    at = microseconds(cutoff)
    last = max(at, int(tape.fills.time[-1]) if len(tape.fills.time) else at)
    cut, end = replay(opening_holdings(tape), tape.fills, tape.specs, [at, last])
    accounts, assets = len(tape.accounts.code), len(tape.assets.code)
    moves = tape.transfers
    later = (moves.time > at) & (moves.wallet == arrays.WALLET_FUTURES)
    moved = np.zeros((accounts, assets), np.int64)
    np.add.at(moved, (moves.account[later], moves.asset[later]), moves.amount[later])
    say("Replaying the tape", 2, 2)
    return _Past(tape, cut, end, moved, settlement_assets(tape), _reopening(tape))


def _reopening(tape: arrays.Tape) -> NDArray[np.int64]:
    """Ticks at which trading would reopen: the last index, or the last mark where there is none."""
    index, mark = tape.prices.index[:, -1], tape.prices.mark[:, -1]
    return np.where(index > 0, index, mark)


def _draft(incident: Incident, past: _Past) -> drafting.Draft:
    tape = past.tape
    accounts, assets = len(tape.accounts.code), len(tape.assets.code)
    known = ledger_places.numbers(incident.venue, tape.assets.code)
    held = {
        kind: ledger_places.balances(
            venue=incident.venue, known=known, kind=kind, accounts=accounts
        )
        for kind in ("futures", "funding", "receivable")
    }
    nothing = np.zeros(accounts, np.int64)
    wallets = rollback.Wallets(
        *(
            np.stack([held[kind].get(asset, nothing) for asset in range(assets)], axis=1)
            for kind in ("futures", "funding", "receivable")
        )
    )
    customer = tape.accounts.kind == arrays.KIND_CUSTOMER
    made = rollback.roll_back(
        rollback.Facts(past.cut, past.end, wallets, past.moved, past.asset_of, customer),
        whole_market=tape.manifest["scope"] == "market",
    )
    return drafting.Draft(
        assets=tape.assets.code,
        contracts=tuple(spec.symbol for spec in tape.specs),
        cash=_cash(made.legs),
        moves=drafting.Moves(*(np.asarray(column, np.int64) for column in made.positions)),
        effects=_effects(made.effects, _closed_again(past, made.after.futures, customer)),
        facts={},
    )


def _cash(legs: rollback.Legs) -> drafting.Cash:
    clearing = legs.wallet == rollback.CLEARING
    owner = np.where(clearing, legs.contract, legs.account).astype(np.int64)
    return drafting.Cash(KINDS[legs.wallet], owner, legs.asset, legs.amount)


def _effects(effects: rollback.Effects, again: NDArray[np.bool_]) -> drafting.Effects:
    account = effects.account.astype(np.int64)
    return drafting.Effects(
        account=account,
        asset=effects.asset,
        **{name: getattr(effects, name) for name in drafting.EFFECT_AMOUNTS},
        reliquidated=again[account, effects.asset],
    )


def _closed_again(
    past: _Past, futures: NDArray[np.int64], customer: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """bool[account, asset]: who would be closed by force at the reopening prices."""
    table = past.tape.accounts
    mode = np.where(customer, table.margin_mode, EXEMPT).astype(np.uint8)
    terms = MarginTerms(mode, table.leverage.astype(np.int64))
    due = due_now(past.cut, futures, past.tape.specs, past.asset_of, terms, past.reopening)
    again = np.zeros(futures.shape, np.bool_)
    again[due.account, due.asset] = True
    return again


def _parameters(incident: Incident, past: _Past, cutoff: datetime) -> dict[str, object]:
    """What the remedy was computed with, for people and for the digest."""
    return {
        "cutoff": cutoff.astimezone(UTC).isoformat(),
        "announced_cutoff": incident.announced_cutoff.astimezone(UTC).isoformat(),
        "reopening": {
            spec.symbol: figures.price(int(ticks), spec.tick)
            for spec, ticks in zip(past.tape.specs, past.reopening, strict=True)
        },
    }
