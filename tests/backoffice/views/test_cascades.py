"""The cascade's pages and files, by exact values: range, chart, tree, closes, one node, CSV."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import Cascade, CascadeNode
from backoffice.queries.cascades import Node, Step
from backoffice.services import counterfactuals
from backoffice.views import cascade_chart
from tests.backoffice.cascading import open_cascade
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.market import Market
from tests.backoffice.views.reading import cells, csv, text

AT = datetime(2018, 3, 29, 21, tzinfo=UTC)
FLO = 3


@pytest.fixture
def bare(world: World, bundle: Path) -> Market:
    """A market with a cascade that nobody has traced."""
    return open_cascade(bundle)


@pytest.fixture
def traced(bare: Market) -> Market:
    counterfactuals.compute(incident=bare.incident)
    return bare


def page(client: Client, market: Market, **query: str) -> object:
    return client.get(reverse("incident-cascade", args=[market.incident.slug]), query)


def node(client: Client, market: Market, number: int) -> object:
    return client.get(reverse("cascade-node", args=[market.incident.slug, number]))


def test_it_says_the_range_first(traced: Market, analyst: Client) -> None:
    shown = page(analyst, traced)
    assert (
        "Estimate: between 0 and 3 of 3 forced closes would not have happened without the orders "
        "of the flagged accounts. 0 of them under every assumption below." in text(shown)
    )
    lost = [row[4] for row in cells(shown, "estimates")]
    assert [row[:4] for row in cells(shown, "estimates")] == [
        ["Flagged orders capped", "0", "0", "0"],
        ["Their share given back", "3", "3", "250"],
        ["Their cascade removed", "3", "3", "250"],
        ["All three agree", "0", "0", "0"],
    ]
    assert lost[0] == lost[3] == "–"
    assert lost[1].endswith(" BTC")


def test_it_lists_closes_with_most_below_first(traced: Market, analyst: Client) -> None:
    rows = [
        [row[0], row[3], row[4], row[5], row[6], row[7], row[8]]
        for row in cells(page(analyst, traced), "closes")
    ]
    assert rows == [
        ["A-ann BTC0629", "1", "A-flo, flagged", "60.00", "1", "2", "under some"],
        ["A-ben BTC0629", "2", "the close of A-ann", "120.00", "1", "1", "under some"],
        ["A-cleo BTC0629", "3", "the close of A-ben", "–", "0", "0", "under some"],
    ]


@pytest.mark.parametrize(("chosen", "count"), [("", 3), ("removed", 3), ("certain", 0), ("x", 3)])
def test_it_is_filtered(traced: Market, analyst: Client, chosen: str, count: int) -> None:
    shown = page(analyst, traced, avoided=chosen)
    assert text(shown).count("under some") == count
    assert ("No forced close matches" in text(shown)) is (count == 0)


def test_it_goes_on_by_key(traced: Market, analyst: Client) -> None:
    cascade = Cascade.objects.get()
    one = CascadeNode.objects.get(cascade=cascade, number=2)
    same = {f.attname: getattr(one, f.attname) for f in one._meta.fields if f.attname != "id"}
    CascadeNode.objects.bulk_create(
        CascadeNode(**same | {"number": number}) for number in range(100, 150)
    )
    first = page(analyst, traced)
    assert len(cells(first, "closes")) == 50
    assert "after=0.146" in first.content.decode()
    second = page(analyst, traced, after="0.146")
    assert len(cells(second, "closes")) == 3
    assert page(analyst, traced, after="nowhere").status_code == 404


def test_it_shows_who_took_the_price_away(traced: Market, analyst: Client) -> None:
    shown = text(page(analyst, traced))
    assert "Since the cut-off it fell from 6,500.00 to 6,190.00." in shown
    assert "Flagged accounts 9,000 29.0 % Forced closes 18,000 58.1 %" in shown.replace("\xa0", " ")
    assert "It also rose" not in shown


def test_one_close_names_its_causes_and_effects(traced: Market, analyst: Client) -> None:
    shown = node(analyst, traced, 1)
    assert (
        "Its sales took the mark 120.00 beyond where it stood before them and caused 1 other close."
        in text(shown)
    )
    assert [row[:3] for row in cells(shown, "causes")] == [
        ["the close of A-ann", "60.00", "60.0 %"],
        ["Other traders", "40.00", "40.0 %"],
    ]
    assert [[row[0], *row[3:]] for row in cells(shown, "effects")] == [
        ["A-cleo BTC0629", "120.00", "120.00", "this", "0"]
    ]
    assert "Flagged share 60.0 %" in text(shown).replace("\xa0", " ")
    assert "under some Their share given back Their cascade removed" in text(shown)
    assert "BTC0629 went from 6,420.00, where the account was not due, to 6,320.00" in text(shown)


def test_a_flagged_account_is_a_cause_without_any(traced: Market, analyst: Client) -> None:
    shown = text(node(analyst, traced, FLO))
    assert "The largest cause of 1 forced close. With all that followed from them, 3." in shown
    assert "What caused it" not in shown


def test_the_receipt_of_every_close_is_linked(traced: Market, analyst: Client) -> None:
    shown = page(analyst, traced).content.decode()
    for close in traced.record.liquidations.all():
        assert reverse("liquidation", args=[close.pk]) in shown


def test_edges_come_as_csv(traced: Market, analyst: Client) -> None:
    rows = csv(analyst.get(reverse("cascade-csv", args=[traced.incident.slug])))
    assert rows[0][:6] == [
        "close", "account", "contract", "recorded_at", "mover", "mover_kind",
    ]  # fmt: skip
    assert [(row[1], row[5], row[6], *row[8:]) for row in rows[1:]] == [
        ("A-ann", "flagged", "A-flo", "BTC0629", "6500.00", "6420.00", "8000", "80.00"),
        ("A-ben", "close", "A-ann", "BTC0629", "6420.00", "6320.00", "6000", "60.00"),
        ("A-ben", "other", "", "BTC0629", "6420.00", "6320.00", "4000", "40.00"),
        ("A-cleo", "close", "A-ben", "BTC0629", "6320.00", "6200.00", "12000", "120.00"),
    ]


def test_closes_come_as_csv(traced: Market, analyst: Client) -> None:
    rows = csv(analyst.get(reverse("cascade-closes-csv", args=[traced.incident.slug])))
    assert [(row[1], *row[6:]) for row in rows[1:]] == [
        ("A-ann", "1", "flagged", "A-flo", "60.00", "1", "2", "1.000000", "0", "1", "1"),
        ("A-ben", "2", "close", "A-ann", "120.00", "1", "1", "0.600000", "0", "1", "1"),
        ("A-cleo", "3", "close", "A-ben", "0.00", "0", "0", "0.600000", "0", "1", "1"),
    ]


def test_before_it_is_traced_there_is_a_way_to_ask(bare: Market, analyst: Client) -> None:
    assert "The cascade has not been traced" in text(page(analyst, bare))
    slug = bare.incident.slug
    for name in ("cascade-csv", "cascade-closes-csv"):
        assert analyst.get(reverse(name, args=[slug])).status_code == 404
    assert node(analyst, bare, 0).status_code == 404
    answer = analyst.post(reverse("cascade-compute", args=[slug]), follow=True)
    assert "A worker was asked for it." in text(answer)
    assert "Trace it" not in text(page(signed_in("support"), bare))


def test_a_swap_is_a_part_and_going_back_is_the_page(traced: Market, analyst: Client) -> None:
    for name, part in (("incident-cascade", "cascade-closes"), ("cascade-node", "cascade-effects")):
        at = reverse(name, args=[traced.incident.slug, *([0] if "node" in name else [])])
        swap = analyst.get(at, headers={"HX-Request": "true"}).content.decode()
        assert swap.lstrip().startswith(f'<div id="{part}"')
        headers = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
        back = analyst.get(at, headers=headers).content.decode()
        assert "<h1>" in back
        assert reverse("incident-liquidations", args=[traced.incident.slug]) in back
        assert ("estimates" if name == "incident-cascade" else "causes-panel") in back


def test_a_node_there_is_not_is_a_404(traced: Market, analyst: Client) -> None:
    assert node(analyst, traced, 99).status_code == 404


@pytest.mark.parametrize("name", ["incident-cascade", "cascade-csv", "cascade-closes-csv"])
def test_it_is_for_staff_only(traced: Market, name: str) -> None:
    assert matrix(getting(name, traced.incident.slug)) == expected()


def test_a_node_is_for_staff_only(traced: Market) -> None:
    assert matrix(getting("cascade-node", traced.incident.slug, 0)) == expected()


def test_only_analysts_ask_for_it(traced: Market) -> None:
    url = reverse("cascade-compute", args=[traced.incident.slug])
    assert matrix(lambda client: client.post(url).status_code) == expected("analyst", done=302)


def test_statements_do_not_grow_with_the_cascade(
    traced: Market, analyst: Client, django_assert_max_num_queries: object
) -> None:
    page(analyst, traced)
    with django_assert_max_num_queries(14):
        page(analyst, traced)
    with django_assert_max_num_queries(13):
        node(analyst, traced, 0)


def test_bars_stack_generations_and_join_steps_when_there_are_too_many() -> None:
    def step(second: int, generation: int, closes: int) -> Step:
        return Step(AT + timedelta(seconds=second), generation, closes, 10 * closes)

    drawn = cascade_chart.steps([step(0, 1, 3), step(0, 2, 1), step(20, 7, 2)], 10)
    assert drawn.bars == ["M0 30h3v90h-3z", "M0 0h3v30h-3z", "", "M8 60h3v60h-3z"]
    assert [(row.counts, row.closes, row.contracts) for row in drawn.rows] == [
        ([3, 1, 0, 0], 4, 40), ([0, 0, 0, 2], 2, 20),
    ]  # fmt: skip
    assert (drawn.seconds, drawn.width, drawn.most, drawn.closes) == (10, 12, 4, 6)
    assert drawn.end - drawn.start == timedelta(seconds=30)
    assert cascade_chart.steps([step(0, 1, 1), step(3_700, 1, 1)], 10).seconds == 20
    assert cascade_chart.steps([], 10) is None


def test_the_tree_puts_each_node_below_its_cause() -> None:
    def leaf(number: int, cause: int | None, below: int) -> Node:
        nothing = dict.fromkeys(Node._fields)
        return Node(**nothing | {"number": number, "cause": cause, "below": below})

    drawn = cascade_chart.tree(
        [leaf(9, None, 6), leaf(1, 9, 3), leaf(4, 9, 1), leaf(2, 1, 1), leaf(7, 8, 1)]
    )
    assert [(each.node.number, each.x, each.y) for each in drawn.leaves] == [
        (9, 14, 14), (1, 36, 40), (2, 58, 66), (4, 36, 92), (7, 14, 118),
    ]  # fmt: skip
    assert drawn.leaves[3].line == "M14 14V92H36"
    assert drawn.leaves[4].line == ""
