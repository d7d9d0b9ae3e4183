"""The played night as a cascade: the flagged accounts at its root, the estimate a real range."""

import numpy as np
import pytest

from exchange.domain import cascade
from exchange.domain.counterfactual import CAPPED, PRINTED, REMOVED, SCALED
from exchange.services import cascades, incident_facts, liquidations
from exchange.services.cascades import Traced
from tests.exchange.drill.conftest import Read

MAIN = 2


@pytest.fixture(scope="module", params=[1, 9])
def traced(request: pytest.FixtureRequest, read: Read) -> Traced:
    tape = read(2_000, 50_000, request.param)
    facts = incident_facts.freeze(tape, liquidations.effective_cutoff_us(tape))
    return cascades.trace(tape, facts, MAIN)


def test_flagged_accounts_are_the_root_of_much_of_it(traced: Traced) -> None:
    nodes = traced.graph.nodes
    flagged = nodes.kind == cascade.FLAGGED
    closes = nodes.kind == cascade.CLOSE
    assert nodes.cluster[flagged].sum() * 4 > closes.sum(), "a quarter goes back to them"
    assert nodes.generation[closes].max() >= 3, "closes cause closes that cause closes"
    assert nodes.caused[closes].max() >= 5


def test_every_close_has_its_whole_move_explained(traced: Traced) -> None:
    nodes, edges = traced.graph.nodes, traced.graph.edges
    into = np.zeros(nodes.kind.size, np.int64)
    np.add.at(into, edges.target, edges.ticks)
    assert (into == np.abs(nodes.at - nodes.before)).all()
    unprinted = int(np.flatnonzero(nodes.kind == cascade.UNPRINTED)[0])
    assert nodes.touched[unprinted] == 0, "in 2018 the mark is the last trade"


def test_the_venues_own_errors_are_no_price_effect(traced: Traced) -> None:
    nodes = traced.graph.nodes
    closes = traced.scene.closes
    wrong = np.flatnonzero(nodes.kind[nodes.cause[: closes.time.size]] == cascade.VENUE)
    assert wrong.size >= 1
    assert not traced.estimate.avoided[:, wrong].any()


def test_the_range_is_wide_and_nested(traced: Traced) -> None:
    avoided = traced.estimate.avoided
    assert not avoided[PRINTED].any()
    assert avoided[CAPPED].sum() < avoided[REMOVED].sum()
    assert (avoided[CAPPED] <= avoided[SCALED]).all()
    assert (avoided[SCALED] <= avoided[REMOVED]).all()
    low, high = traced.summary["range"]["low"], traced.summary["range"]["high"]
    assert (low, high) == (int(avoided[CAPPED].sum()), int(avoided[REMOVED].sum()))


def test_new_lows_add_up_to_the_published_low(traced: Traced) -> None:
    (fall, _) = traced.summary["levels"]
    assert fall["end"] == "4755.00"
    levels = traced.graph.levels
    mine = (levels.contract == MAIN) & (levels.side < 0)
    base = int(cascade.base_of(traced.scene)[MAIN])
    assert int((levels.start - levels.end)[mine].sum()) == base - 475_500
