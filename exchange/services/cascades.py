"""The cascade of a tape and what would not have happened: from its arrays to domain values."""

import os
from typing import Any, NamedTuple

from exchange.domain import cascade, counterfactual, verdicts
from exchange.domain.cascade import Graph, Scene
from exchange.domain.counterfactual import Estimate
from exchange.domain.holdings import I64
from exchange.domain.liquidation import MarkPaths, States, first_crossings, nobody_due
from exchange.domain.remedies.facts import Facts
from exchange.services import liquidations
from exchange.services.books import opening_holdings
from exchange.services.incident_facts import FLAG_BAND_PPM
from exchange.services.refusals import BooksRefused
from exchange.tape import arrays


class Traced(NamedTuple):
    """The graph, the estimate, what both were made from, and the words for them."""

    scene: Scene
    graph: Graph
    estimate: Estimate
    summary: dict[str, Any]


def trace(tape: arrays.Tape, facts: Facts, contract: int) -> Traced:
    """The cascade of the facts' tape; ``contract`` is the number of the incident's.

    The flagged orders are all orders of the accounts the facts flag, after the cut-off, capped at
    the band they were flagged by. Seconds for 8,000 closes and 5,000,000 fills. A tape without
    closes needs no rules. Raises `BooksRefused` where liquidations cannot be judged.
    """
    opening, cash = opening_holdings(tape), liquidations.opening_cash(tape)
    moved, times = liquidations.cash_events(tape), tape.prices.time

    def search(marks: I64) -> States:
        if not len(tape.liquidations.time):
            return nobody_due(marks.shape[0])
        return first_crossings(
            opening, cash, tape.fills, moved, tape.specs, facts.asset_of, facts.terms,
            MarkPaths(times, marks), workers=os.cpu_count() or 1,
        ).due  # fmt: skip

    try:
        due = search(tape.prices.mark[None])
    except ValueError as error:  # marks refused, rules refused
        raise BooksRefused(f"The cascade cannot be traced: {error}.") from error
    recorded = verdicts.Recorded(*tape.liquidations)
    scene = Scene(
        specs=tape.specs,
        fills=tape.fills,
        opening=opening,
        closes=facts.closes,
        due=due,
        crossed=verdicts.reached(recorded, due, 0, facts.terms, facts.asset_of, times),
        times=times,
        marks=tape.prices.mark,
        holders=tape.accounts.kind == arrays.KIND_INSURANCE,
        flagged=facts.flagged,
        cutoff_us=facts.cutoff_us,
    )
    judging = counterfactual.Judging(facts.terms, facts.asset_of, facts.fair, FLAG_BAND_PPM)
    graph = cascade.build(scene)
    found = counterfactual.estimate(scene, graph, judging, search)
    names = counterfactual.Names(tape.accounts.code, tape.assets.code, contract)
    words = counterfactual.summary(scene, graph, found, judging, names)
    return Traced(scene, graph, found, words)
