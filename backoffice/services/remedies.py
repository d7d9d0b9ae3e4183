"""Remedies computed from the tape and the ledger of now: drafts for plans and for comparisons.

The tape says what happened, the ledger says what is there now, the domain makes legs of what should
be; this module brings the three together. A computed plan is staged and sealed and posts nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from backoffice import figures
from backoffice.models import Incident, Person, Plan, Role
from backoffice.services import audit, drafting, ledger_places, recusals
from backoffice.services.people import require
from backoffice.services.refusals import Refused
from backoffice.services.timeline import microseconds
from exchange.domain import rules
from exchange.domain.remedies import catalogue, outcome
from exchange.domain.remedies.catalogue import Step
from exchange.domain.remedies.facts import Facts, FactsRefused, Wallets
from exchange.domain.remedies.words import ParameterRefused
from exchange.domain.survey import TapeTooLarge
from exchange.services import batches, incident_facts
from exchange.services.refusals import BooksRefused
from exchange.tape import arrays, store

Progress = Callable[[str, int, int], None]
Words = Mapping[str, str]
MAY_COMPUTE = (Role.Name.ANALYST,)
KINDS = np.array([ledger_places.KINDS.index(name) for name in outcome.WALLETS], np.int8)
ROLLBACK = (Step(Plan.Remedy.ROLLBACK, {}),)
REFUSALS = (
    *(BooksRefused, FactsRefused, ParameterRefused, TapeTooLarge, outcome.NotConserved),
    store.TapeMissing,
)


class Past(NamedTuple):
    """What the tape says of an incident up to and after a cut-off, frozen with the balances."""

    incident: Incident
    cutoff: datetime
    tape: arrays.Tape
    facts: Facts


class Made(NamedTuple):
    """A remedy computed: all of its parameters, what it leads to, and its draft."""

    steps: tuple[Step, ...]
    outcome: outcome.Outcome
    draft: drafting.Draft


def compute_remedy(
    *,
    incident: Incident,
    by: Person,
    steps: Sequence[Step] = ROLLBACK,
    cutoff: datetime | None = None,
    progress: Progress | None = None,
    finish: Callable[[Plan], None] | None = None,
) -> Plan:
    """Compute, stage and seal a remedy, or several one after the other, as one plan.

    `cutoff` is the incident's effective one by default. Raises NotAllowed, Refused when the books,
    the tape or the parameters do not allow it. Loads the whole tape; seconds for millions of fills.
    The transaction is open for the database's part of it only; `finish` is called in it with the
    plan, to write down what must be there with it or not at all.
    """
    require(by, *MAY_COMPUTE, at=incident.venue)
    recusals.require_free(by, incident)
    require_not_done(incident)
    say = progress or (lambda stage, done, total: None)
    cutoff = cutoff or incident.effective_cutoff
    try:
        past = freeze(incident, cutoff, say)
    except REFUSALS as error:
        raise Refused(f"This remedy cannot be computed: {error}.") from error
    say("Computing the remedy", 0, 2)
    try:
        with transaction.atomic(durable=True):
            plan = Plan.objects.create(
                incident=incident,
                remedy=steps[0].remedy,
                maker=by,
                parameters={"cutoff": cutoff.astimezone(UTC).isoformat()},
            )
            # Opened before the books are read: sealing refuses when they moved since.
            batch = batches.open_batch(
                venue=incident.venue,
                key=f"{plan.remedy}-{plan.pk}",
                reason=plan.remedy,
                effective_at=cutoff,
            )
            past = with_balances(past)
            made = make(past, steps)
            if not len(made.outcome.legs.amount) and not len(made.outcome.positions.cost):
                raise Refused("This remedy would change nothing: there is nothing to approve.")
            plan.parameters = parameters(past, made.steps)
            plan.save(update_fields=["parameters"])
            drafting.write(plan=plan, batch=batch, draft=made.draft, inputs=inputs(incident))
            say("Computing the remedy", 1, 2)
            if finish is not None:
                finish(plan)
            audit.record(
                by=by,
                action="plan.computed",
                subject=f"plan:{plan.pk}",
                data={"remedy": plan.remedy, "digest": plan.digest},
            )
    except REFUSALS as error:
        raise Refused(f"This remedy cannot be staged: {error}.") from error
    say("Computing the remedy", 2, 2)
    return plan


def require_not_done(incident: Incident) -> None:
    """Raises Refused when a remedy on this tape is in the books: they are then not what the tape
    says any more, and computing from it again would do the same twice. Goodwill leaves trades and
    positions alone; what was undone is not there."""
    done = (
        Plan.objects.filter(
            incident__tape=incident.tape_id,
            state__in=[Plan.State.EXECUTED, Plan.State.RECONCILED],
        )
        .exclude(remedy__in=[Plan.Remedy.GOODWILL, Plan.Remedy.UNDO])
        .exclude(batch__reversals__state="posted")
        .first()
    )
    if done is not None:
        raise Refused(
            f"{done.get_remedy_display()} is in the books already (plan {done.pk});"
            " a second remedy is not computed on top of it."
        )


def freeze(incident: Incident, cutoff: datetime, say: Progress) -> Past:
    """What the tape says for a cut-off, with the tape's own balances. Raises one of `REFUSALS`."""
    say("Loading the tape", 0, 1)
    tape = store.load(incident.tape.digest, tables=incident_facts.TABLES)
    say("Loading the tape", 1, 1)
    return Past(
        incident, cutoff, tape, incident_facts.freeze(tape, microseconds(cutoff), progress=say)
    )


def with_balances(past: Past) -> Past:
    """The same with the balances in the ledger now; two statements and one a kind of wallet."""
    return past._replace(facts=past.facts._replace(wallets=_wallets(past.incident, past.tape)))


def make(past: Past, steps: Sequence[Step]) -> Made:
    """Compute the steps, in order, each on what the one before leads to; pure but for `past`.

    Raises one of `REFUSALS`.
    """
    facts, contract = past.facts, contract_number(past)
    if not facts.whole_market and tuple(step.remedy for step in steps) != (Plan.Remedy.ROLLBACK,):
        raise FactsRefused("a tape of some accounts only can be rolled back and nothing else")
    resolved = tuple(
        Step(step.remedy, catalogue.resolve(step.remedy, step.parameters, facts, contract))
        for step in steps
    )
    made = catalogue.compute(facts, resolved)
    return Made(resolved, made, _draft(past, made))


def contract_number(past: Past) -> int:
    """The number on the tape of the contract that the incident is about."""
    return past.incident.contract.tape_index


def parameters(past: Past, steps: Sequence[Step]) -> dict[str, object]:
    """What a remedy was computed with, for people and for the digest."""
    first, *then = steps
    incident, facts = past.incident, past.facts
    described: dict[str, object] = {
        "cutoff": past.cutoff.astimezone(UTC).isoformat(),
        "announced_cutoff": incident.announced_cutoff.astimezone(UTC).isoformat(),
        "reopening": {
            spec.symbol: figures.price(int(ticks), spec.tick)
            for spec, ticks in zip(past.tape.specs, facts.reopening, strict=True)
        },
    }
    if first.parameters:
        described["words"] = dict(first.parameters)
        described["flagged"] = {
            "rule": incident_facts.FLAG_RULE,
            "accounts": int(facts.flagged.sum()),
        }
    if then:
        described["then"] = [{"remedy": s.remedy, "words": dict(s.parameters)} for s in then]
    return described


def inputs(incident: Incident) -> dict[str, str]:
    """What everything was computed from, by digest, and under which rules."""
    version = getattr(rules.get(incident.venue.rules), "VERSION", "1")
    return {
        "tape": incident.tape.digest,
        "state_at_end": incident.tape.state_digest,
        "rules": f"{incident.venue.rules}/{version}",
    }


def _wallets(incident: Incident, tape: arrays.Tape) -> Wallets:
    """Balances of now, i64[account, asset]."""
    accounts, assets = len(tape.accounts.code), len(tape.assets.code)
    known = ledger_places.numbers(incident.venue, tape.assets.code)
    nothing = np.zeros(accounts, np.int64)
    held = (
        ledger_places.balances(venue=incident.venue, known=known, kind=kind, accounts=accounts)
        for kind in ("futures", "funding", "receivable")
    )
    return Wallets(
        *(np.stack([of.get(asset, nothing) for asset in range(assets)], axis=1) for of in held)
    )


def _draft(past: Past, made: outcome.Outcome) -> drafting.Draft:
    again = outcome.closed_again(past.facts, made)
    return drafting.Draft(
        assets=past.tape.assets.code,
        contracts=tuple(spec.symbol for spec in past.tape.specs),
        cash=_cash(made.legs),
        moves=drafting.Moves(*(np.asarray(column, np.int64) for column in made.positions)),
        effects=_effects(made.effects, again),
        facts={},
        own=frozenset(np.flatnonzero(past.tape.accounts.kind != arrays.KIND_CUSTOMER).tolist()),
    )


def _cash(legs: outcome.Legs) -> drafting.Cash:
    clearing = legs.wallet == outcome.CLEARING
    owner = np.where(clearing, legs.contract, legs.account).astype(np.int64)
    return drafting.Cash(KINDS[legs.wallet], owner, legs.asset, legs.amount)


def _effects(effects: outcome.Effects, again: NDArray[np.bool_]) -> drafting.Effects:
    account = effects.account.astype(np.int64)
    return drafting.Effects(
        account=account,
        asset=effects.asset,
        **{name: getattr(effects, name) for name in drafting.EFFECT_AMOUNTS},
        reliquidated=again[account, effects.asset],
    )
