"""Remedies set side by side: asked for by a person, computed by a worker, kept as they were.

What is compared starts from the end of the tape, balances included, so a comparison says the same
before and after a remedy is in the books, and its digests are those of the plans that would be made
while nothing has moved. A `Comparison` is a job (`jobs.py`) that leaves scenarios and what each
would do to every account. A finished one is never computed again in place: who is recused follows
from it.
"""

import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from django.db import IntegrityError, transaction
from django.utils import timezone

from backoffice.models import Comparison, Incident, Person, Plan, Scenario
from backoffice.services import (
    audit,
    canonical,
    counterfactuals,
    drafting,
    jobs,
    ledger_places,
    lifecycle,
    locks,
    nudges,
    recusals,
    remedies,
)
from backoffice.services.people import require
from backoffice.services.refusals import Refused, Stale
from exchange.domain.remedies import comparison, replays, trades
from exchange.domain.remedies.catalogue import REMEDIES, Step
from exchange.services.copying import copy_columns
from exchange.services.incident_facts import FLAG_BAND_PPM

MAY_COMPARE = remedies.MAY_COMPUTE
HEDGER = "hedger"
SWEEP_MAX = 20
SOCIALISE = Step(Plan.Remedy.SOCIALISE, {})
SCENARIOS: tuple[tuple[Step, ...], ...] = (
    *((Step(name, {}),) for name in REMEDIES),
    (Step(Plan.Remedy.ROLLBACK, {}), SOCIALISE),
)
"""What is compared when nobody asks for anything else: every remedy with its defaults, and the
rollback with its shortfall shared."""


class Computed(NamedTuple):
    """One scenario before it is stored; `made` is None where it was refused."""

    steps: tuple[Step, ...]
    made: remedies.Made | None
    summary: dict[str, Any]
    refusal: str
    seconds: float


def request(
    *, incident: Incident, by: Person, scenarios: Sequence[Sequence[Step]] = SCENARIOS
) -> Comparison:
    """Queue a comparison of these scenarios and nudge a worker.

    Raises NotAllowed without the role or when `by` is recused, Refused for no scenario or an
    unknown remedy, Stale while another is computed.
    """
    require(by, *MAY_COMPARE)
    recusals.require_free(by, incident)
    if not scenarios or any(
        not steps or any(step.remedy not in REMEDIES for step in steps) for steps in scenarios
    ):
        raise Refused(f"A scenario is one or more of {', '.join(REMEDIES)}.")
    asked = [[[step.remedy, dict(step.parameters)] for step in steps] for steps in scenarios]
    try:
        with transaction.atomic(durable=True):
            row = Comparison.objects.create(
                incident=incident, requested_by=by, inputs={"scenarios": asked}
            )
            audit.record(
                by=by,
                action="comparison.requested",
                subject=f"incident:{incident.pk}",
                data={"scenarios": asked},
            )
            nudges.after_commit(nudges.COMPARE_REMEDIES, row.pk)
    except IntegrityError as error:
        raise Stale("Remedies of this incident are being compared already.") from error
    return row


def run(*, comparison_id: int) -> Comparison:
    """Compute what was asked for, or do nothing when it is done or another worker is at it.

    A refusal is written on the row and never raised.
    """
    with locks.held(locks.COMPARISON, comparison_id) as mine:
        row = Comparison.objects.select_related(
            "incident__tape", "incident__venue", "incident__contract", "requested_by"
        ).get(pk=comparison_id)
        if mine and row.under_way and jobs.claim(row):
            _compute(row)
    return row


def sweep() -> int:
    """Nudge again what no worker is at; returns how many were nudged, at most 20."""
    waiting = Comparison.objects.filter(state__in=Comparison.UNDER_WAY)
    ids = waiting.values_list("pk", flat=True)[:SWEEP_MAX]
    return nudges.where_idle(nudges.COMPARE_REMEDIES, locks.COMPARISON, ids)


def compute(
    past: remedies.Past, scenarios: Sequence[Sequence[Step]], say: remedies.Progress
) -> Iterator[Computed]:
    """Every scenario from the same frozen facts, in order; one that cannot be computed says why."""
    facts, accounts = past.facts, past.tape.accounts
    _, outside = replays.outside_band(facts, replays.Band(FLAG_BAND_PPM))
    hedgers = np.array([HEDGER in tags.split() for tags in accounts.tags], np.bool_)
    groups = comparison.cohorts(facts, hedgers, outside)
    for number, steps in enumerate(scenarios):
        began = time.perf_counter()
        say("Computing remedies", number, len(scenarios))
        try:
            made = remedies.make(past, steps)
        except remedies.REFUSALS as error:
            spent = time.perf_counter() - began
            yield Computed(tuple(steps), None, {}, f"{error}"[:400], spent)
            continue
        summary = comparison.summarise(
            facts, made.outcome, groups, past.tape.assets.code, accounts.code
        )
        summary["trades"] = trades.count(trades.adjusted(facts, made.steps[0]))
        yield Computed(made.steps, made, summary, "", time.perf_counter() - began)
    say("Computing remedies", len(scenarios), len(scenarios))


def described(past: remedies.Past, one: Computed) -> tuple[dict[str, object], dict[str, object]]:
    """(parameters, manifest) of a scenario: those of the plan that would be made of it."""
    assert one.made is not None, "what was refused has no manifest"
    parameters = remedies.parameters(past, one.steps)
    return parameters, drafting.manifest(
        one.steps[0].remedy, parameters, one.made.draft, remedies.inputs(past.incident)
    )


def _compute(row: Comparison) -> None:
    say = jobs.teller(row)
    asked = [
        tuple(Step(remedy, words) for remedy, words in steps) for steps in row.inputs["scenarios"]
    ]
    try:
        past = remedies.freeze(row.incident, row.incident.effective_cutoff, say)
    except remedies.REFUSALS as error:
        jobs.refuse(row, f"The remedies cannot be computed: {error}.")
        return
    computed = list(compute(past, asked, say))
    said = _without_the_flagged(past, say)
    with transaction.atomic(durable=True):
        known = ledger_places.numbers(row.incident.venue, past.tape.assets.code)
        for number, one in enumerate(computed):
            _store(row, number, past, one, known)
        lifecycle.step(
            row,
            Comparison.State.DONE,
            finished_at=timezone.now(),
            inputs={**row.inputs, **remedies.inputs(row.incident)},
            counterfactual=said,
        )
        audit.record(
            by=None,
            action="comparison.computed",
            subject=f"incident:{row.incident_id}",
            data={"comparison": row.pk, "digests": list(
                row.scenarios.order_by("number").values_list("digest", flat=True)
            )},
        )  # fmt: skip


def _without_the_flagged(past: remedies.Past, say: remedies.Progress) -> dict[str, Any]:
    """What might not have happened, and the cascade kept for its page; nothing where it cannot be
    traced, because no remedy depends on it."""
    say("Tracing the cascade", 0, 1)
    try:
        return counterfactuals.compute(incident=past.incident, past=past).summary
    except remedies.REFUSALS:
        return {}
    finally:
        say("Tracing the cascade", 1, 1)


def _store(
    row: Comparison,
    number: int,
    past: remedies.Past,
    one: Computed,
    known: ledger_places.Numbers,
) -> None:
    """A scenario and what it would do to each account; one statement each."""
    seconds = Decimal(f"{one.seconds:.3f}")
    if one.made is None:
        Scenario.objects.create(
            comparison=row,
            number=number,
            remedy=one.steps[0].remedy,
            parameters={"steps": [[step.remedy, dict(step.parameters)] for step in one.steps]},
            refusal=one.refusal,
            seconds=seconds,
        )
        return
    parameters, manifest = described(past, one)
    scenario = Scenario.objects.create(
        comparison=row,
        number=number,
        remedy=one.steps[0].remedy,
        parameters=parameters,
        digest=canonical.digest(manifest),
        manifest=manifest,
        summary=one.summary,
        seconds=seconds,
    )
    effects = one.made.draft.effects
    delta = comparison.worth(past.facts, one.made.outcome).delta
    copy_columns(
        "scenario_effect",
        [
            ("scenario_id", np.full(len(effects.account), scenario.pk, np.int64)),
            ("account_id", known.account[effects.account]),
            ("asset_id", known.asset[effects.asset]),
            ("futures_delta", effects.futures_delta),
            ("funding_delta", effects.funding_delta),
            ("receivable_delta", effects.receivable_delta),
            ("worth_delta", delta[effects.account, effects.asset]),
            ("positions_changed", effects.positions_changed.astype(np.int32)),
            ("reliquidated", effects.reliquidated.astype(np.int8)),
        ],
    )
