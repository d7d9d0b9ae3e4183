"""A tape's cascade from its arrays: the smallest case, and the one without any close."""

from dataclasses import replace
from pathlib import Path

import pytest

from exchange.domain import cascade
from exchange.services import cascades, incident_facts
from exchange.services.liquidations import effective_cutoff_us
from exchange.services.refusals import BooksRefused
from exchange.tape import bundle
from exchange.tape.arrays import Tape
from tests.exchange.tape.market import tables, write


@pytest.fixture
def tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tape:
    monkeypatch.setenv("MAKEWHOLE_DATA", str(tmp_path / "data"))
    return bundle.read(write(tmp_path / "bundle", tables()))


def traced(tape: Tape) -> cascades.Traced:
    return cascades.trace(tape, incident_facts.freeze(tape, effective_cutoff_us(tape)), 0)


def without_closes(tape: Tape) -> Tape:
    none = type(tape.liquidations)(*(column[:0] for column in tape.liquidations))
    fills = type(tape.fills)(*(column[:2] for column in tape.fills))
    return replace(tape, liquidations=none, fills=fills)


def test_a_close_that_was_not_due_is_the_venues(tape: Tape) -> None:
    found = traced(tape)
    assert [cascade.KINDS[kind] for kind in found.graph.nodes.kind] == [
        "close", "other", "unprinted", "start", "own", "venue",
    ]  # fmt: skip
    assert found.graph.nodes.cause[0] == 5
    assert found.summary["closes"] == 1
    assert found.summary["range"] == {"low": 0, "high": 0, "certain": 0}


def test_a_tape_without_closes_needs_no_rules(tape: Tape) -> None:
    calm = without_closes(tape)
    odd = replace(calm, accounts=calm.accounts._replace(leverage=calm.accounts.leverage + 33))
    found = traced(odd)
    assert found.summary["closes"] == found.summary["depth"] == 0
    assert not found.estimate.avoided.any()


def test_what_cannot_be_judged_is_refused(tape: Tape) -> None:
    facts = incident_facts.freeze(tape, effective_cutoff_us(tape))
    odd = facts._replace(terms=facts.terms._replace(leverage=facts.terms.leverage + 33))
    with pytest.raises(BooksRefused, match="The cascade cannot be traced: account"):
        cascades.trace(tape, odd, 0)
