"""The cascade as rows: what the graph says, the estimate's bits, and tracing it again."""

from pathlib import Path

import pytest

from backoffice.models import AuditEvent, Cascade, CascadeEdge, CascadeNode
from backoffice.services import counterfactuals, people, remedies
from backoffice.services.refusals import NotAllowed
from tests.backoffice.cascading import open_cascade
from tests.backoffice.views.market import Market

Rows = list[tuple[object, ...]]


@pytest.fixture
def market(db: None, clean_cache: None, bundle: Path) -> Market:
    """A market with a cascade that nobody has traced, and no world beside it."""
    return open_cascade(bundle)


def nodes(cascade: Cascade) -> Rows:
    found = CascadeNode.objects.filter(cascade=cascade).order_by("number")
    return list(
        found.values_list("kind", "account__code", "cause", "generation", "below", "avoided")
    )


def edges(cascade: Cascade) -> Rows:
    found = CascadeEdge.objects.filter(cascade=cascade).order_by("target", "source")
    return list(found.values_list("source", "target", "ticks"))


def test_it_keeps_nodes_and_edges(market: Market) -> None:
    cascade = counterfactuals.compute(incident=market.incident)
    assert nodes(cascade) == [
        ("close", "A-ann", 3, 1, 2, 6),
        ("close", "A-ben", 0, 2, 1, 6),
        ("close", "A-cleo", 1, 3, 0, 6),
        ("flagged", "A-flo", None, 0, 3, 0),
        *((kind, None, None, 0, 0, 0) for kind in ("other", "unprinted", "start", "own", "venue")),
    ]
    assert edges(cascade) == [(3, 0, 8_000), (0, 1, 6_000), (4, 1, 4_000), (1, 2, 12_000)]
    ann = CascadeNode.objects.get(cascade=cascade, number=0)
    assert (ann.before_ticks, ann.at_ticks, ann.moved_ticks) == (650_000, 642_000, 6_000)
    assert ann.recorded_at.isoformat() == "2018-03-29T21:00:01.500000+00:00"
    assert ann.crossed_at.isoformat() == "2018-03-29T21:00:01+00:00"
    assert (ann.sold_first.microsecond, ann.sold_last.microsecond) == (600_000, 800_000)


def test_it_keeps_the_estimate_in_words(market: Market) -> None:
    cascade = counterfactuals.compute(incident=market.incident)
    said = cascade.summary
    assert (cascade.tape_digest, cascade.refusal) == (market.record.digest, "")
    assert said["label"] == "estimate"
    assert said["flagged"] == ["A-flo"]
    assert said["range"] == {"low": 0, "high": 3, "certain": 0}
    assert [(p["path"], p["closes"], p["accounts"], p["contracts"]) for p in said["paths"]] == [
        ("capped", 0, 0, "0"), ("scaled", 3, 3, "250"), ("removed", 3, 3, "250"),
    ]  # fmt: skip
    assert said["generations"] == [1, 1, 1]
    assert said["levels"][0] == {
        "contract": "BTC0629", "side": "fall", "start": "6500.00", "end": "6190.00",
        "flagged": "90.00", "closes": "180.00", "others": "40.00",
    }  # fmt: skip


def test_what_avoided_closes_took_is_what_their_receipts_say(market: Market) -> None:
    said = counterfactuals.compute(incident=market.incident).summary
    lost = market.record.liquidations.values_list("loss", flat=True)
    assert said["paths"][2]["loss"] == {"BTC": f"{sum(lost) / 10**8:.8f}"}


def test_tracing_it_again_replaces_the_rows_with_the_same(market: Market) -> None:
    first = counterfactuals.compute(incident=market.incident)
    before = nodes(first), edges(first), first.summary
    again = counterfactuals.compute(incident=market.incident)
    assert again.pk == first.pk
    assert (nodes(again), edges(again), again.summary) == before


def test_facts_frozen_already_give_the_same(market: Market) -> None:
    incident = market.incident
    past = remedies.freeze(incident, incident.effective_cutoff, lambda *told: None)
    given = counterfactuals.compute(incident=incident, past=past).summary
    assert given == counterfactuals.compute(incident=incident).summary


def test_a_worker_does_what_an_analyst_asked_for(market: Market) -> None:
    asked = counterfactuals.request(incident=market.incident, by=people.cast_member("mira"))
    assert asked.computed_at is None
    assert counterfactuals.sweep() == 1
    counterfactuals.run(incident_id=market.incident.pk)
    assert Cascade.objects.get().computed_at is not None
    assert counterfactuals.sweep() == 0
    assert AuditEvent.objects.filter(action="cascade.requested").count() == 1


def test_what_was_traced_stays_while_it_is_asked_for_again(market: Market) -> None:
    first = counterfactuals.compute(incident=market.incident)
    counterfactuals.request(incident=market.incident, by=people.cast_member("mira"))
    row = Cascade.objects.get()
    assert (row.pk, row.computed_at) == (first.pk, first.computed_at)
    assert row.nodes.count() == 9


def test_a_refusal_is_written_on_the_row_until_it_is_asked_for_again(
    db: None, clean_cache: None, bundle: Path
) -> None:
    market = open_cascade(bundle, leverage="50")
    counterfactuals.request(incident=market.incident, by=people.cast_member("mira"))
    counterfactuals.run(incident_id=market.incident.pk)
    row = Cascade.objects.get()
    assert "has leverage 50, not 10 or 20" in row.refusal
    assert (row.computed_at, counterfactuals.sweep()) == (None, 0)
    counterfactuals.request(incident=market.incident, by=people.cast_member("mira"))
    assert (Cascade.objects.get().refusal, counterfactuals.sweep()) == ("", 1)


def test_nobody_else_asks(market: Market) -> None:
    with pytest.raises(NotAllowed):
        counterfactuals.request(incident=market.incident, by=people.cast_member("sana"))
    assert not Cascade.objects.exists()
    assert not AuditEvent.objects.filter(action="cascade.requested").exists()
