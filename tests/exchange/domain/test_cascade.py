"""Cascades written out by hand, to the tick; then random nights, on which shares must add up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.cascade import CLOSE, NONE, OTHER, PPM, build
from exchange.domain.levels import by_mover
from exchange.domain.prints import FALL
from tests.exchange.domain.nights import FUND, SECOND, START, Night, named, wild

ANN, BEN, CLEO, DAN, FLAG, EVE = range(2, 8)
FIRST, SECOND_, THIRD = 642_000, 632_000, 620_000


def chain() -> Night:
    """The flagged account's selling makes Ann due, Ann's close makes Ben due, Ben's both others."""
    night = Night()
    for account, entry in ((ANN, 700_000), (BEN, 690_000), (CLEO, 680_000), (DAN, 680_000)):
        night.hold(account, 50 if account == BEN else 100, entry)
    night.sell(0.2, FLAG, 645_000)
    night.sell(0.9, FLAG, FIRST)
    night.take(1.5, ANN, 100)
    night.sell(1.6, FUND, 640_000, 60)
    night.sell(1.7, EVE, 636_000)
    night.sell(1.8, FUND, SECOND_, 40)
    night.take(2.5, BEN, 50)
    night.sell(2.7, FUND, THIRD, 50)
    night.take(3.5, CLEO, 100)
    night.take(3.5, DAN, 100)
    return night


def test_each_close_is_put_down_to_whose_prints_moved_the_mark_across():
    assert named(chain().graph(FLAG), *"ABCD") == {
        (f"account {FLAG}", "A"): 8_000,
        ("A", "B"): 6_000,  # 642,000 to 640,000 and 636,000 to 632,000
        ("other", "B"): 4_000,
        ("B", "C"): 12_000,
        ("B", "D"): 12_000,
    }


def test_generations_clusters_and_the_flagged_share_follow_the_causes():
    nodes = chain().graph(FLAG).nodes
    flag = int(np.flatnonzero(nodes.account == FLAG)[0])
    assert nodes.cause[:4].tolist() == [flag, 0, 1, 1]
    assert nodes.generation[:4].tolist() == [1, 2, 3, 3]
    assert nodes.cluster[[0, 1, 2, 3, flag]].tolist() == [3, 2, 0, 0, 4]
    assert nodes.caused[[0, 1, 2, 3, flag]].tolist() == [1, 2, 0, 0, 1]
    assert nodes.share_ppm[:4].tolist() == [PPM, 600_000, 600_000, 600_000]


def test_a_close_has_moved_the_mark_by_what_its_own_sales_did():
    nodes = chain().graph(FLAG).nodes
    assert nodes.moved[:4].tolist() == [6_000, 12_000, 0, 0]
    assert nodes.sold_first[:2].tolist() == [int(1.6 * SECOND), int(2.7 * SECOND)]
    assert nodes.sold_last[:2].tolist() == [int(1.8 * SECOND), int(2.7 * SECOND)]
    assert (nodes.before[1], nodes.at[1], nodes.second[1]) == (FIRST, SECOND_, 2)


def test_nobody_is_flagged_before_the_cut_off():
    assert ("other", "A") in named(chain().graph(FLAG, cutoff=1), *"ABCD")


def test_levels_run_from_the_cut_off_to_the_low_without_a_gap():
    graph = chain().graph(FLAG)
    levels = graph.levels
    assert set(levels.side.tolist()) == {FALL}
    assert levels.start.tolist() == [650_000, 645_000, 642_000, 640_000, 636_000, 632_000]
    assert levels.end.tolist() == [645_000, 642_000, 640_000, 636_000, 632_000, 620_000]
    flag, other = 4, 5
    assert levels.mover.tolist() == [flag, flag, 0, other, 0, 1]
    assert by_mover(levels, 0, FALL, 10)[:6].tolist() == [6_000, 12_000, 0, 0, 8_000, 4_000]


def test_of_equal_shares_the_first_node_is_the_cause():
    night = Night()
    night.hold(ANN, 100, 700_000)
    night.sell(0.2, EVE, 646_000)
    night.sell(0.9, FLAG, FIRST)
    night.take(1.5, ANN, 100)
    graph = night.graph(FLAG)
    assert named(graph, "A") == {(f"account {FLAG}", "A"): 4_000, ("other", "A"): 4_000}
    assert graph.nodes.account[graph.nodes.cause[0]] == FLAG


def squeeze() -> Night:
    """The flagged account's buying makes Ann due, who is short, and Ann's close Ben."""
    night = Night(start=(760_000, 760_000))
    night.hold(ANN, -100, 700_000)
    night.hold(BEN, -100, 710_000)
    night.sell(0.5, EVE, 770_000, buyer=FLAG)
    night.take(1.5, ANN, -100)
    night.sell(1.6, EVE, 785_000, 100, buyer=FUND)
    night.take(2.5, BEN, -100)
    return night


def test_shorts_are_squeezed_by_who_buys():
    graph = squeeze().graph(FLAG)
    assert named(graph, *"AB") == {(f"account {FLAG}", "A"): 10_000, ("A", "B"): 15_000}
    assert graph.nodes.moved[:2].tolist() == [15_000, 0]


def test_a_rebound_within_the_second_is_nobodys_share():
    night = Night()
    night.hold(ANN, 100, 700_000)
    night.sell(0.2, FLAG, 644_000)
    night.sell(0.3, EVE, 648_000)  # up again: no new extreme
    night.sell(0.4, EVE, 640_000)  # beyond the mark of the second, which counts only as far
    night.sell(0.5, FLAG, FIRST)
    night.take(1.5, ANN, 100)
    assert named(night.graph(FLAG), "A") == {
        (f"account {FLAG}", "A"): 6_000,
        ("other", "A"): 2_000,
    }


def test_contracts_do_not_move_each_other():
    night = Night()
    night.hold(ANN, 100, 700_000)
    night.hold(BEN, 100, 700_000, contract=1)
    night.sell(0.5, FLAG, FIRST)
    night.sell(0.6, EVE, 641_000, contract=1)
    night.take(1.5, ANN, 100)
    night.take(1.5, BEN, 100, contract=1)
    night.sell(1.6, FUND, 600_000, 100)
    assert named(night.graph(FLAG), *"AB") == {
        (f"account {FLAG}", "A"): 8_000,
        ("other", "B"): 9_000,
    }


def test_one_trade_of_the_fund_may_sell_several_closes():
    night = Night()
    for account, size in ((ANN, 30), (BEN, 10)):
        night.hold(account, size, 700_000)
    night.hold(CLEO, 100, 690_000)
    night.sell(0.5, FLAG, FIRST)
    night.take(1.5, ANN, 30)
    night.take(1.5, BEN, 10)
    night.sell(1.7, FUND, 631_990, 40)  # 10,010 ticks by 30 and 10 contracts
    night.take(2.5, CLEO, 100)
    found = named(night.graph(FLAG), *"ABC")
    assert (found["A", "C"], found["B", "C"]) == (7_507, 2_503)


def test_what_is_set_off_in_the_fund_was_never_sold():
    night = Night()
    night.hold(ANN, 100, 700_000)
    night.hold(BEN, -60, 580_000)  # due from 637,363 upwards: at once
    night.hold(CLEO, 100, 690_000)
    night.take(0.5, BEN, -60)
    night.sell(0.6, FLAG, FIRST)
    night.take(1.5, ANN, 100)  # 60 of them meet Ben's short
    night.sell(1.6, FUND, 632_000, 40)
    night.take(2.5, CLEO, 100)
    graph = night.graph(FLAG)
    assert named(graph, *"BAC")["A", "C"] == 10_000
    assert graph.nodes.sold_first[0] == 0


def test_what_the_fund_held_before_was_nobodys_close():
    night = Night()
    night.hold(FUND, 10, 700_000)
    night.hold(ANN, 100, 700_000)
    night.sell(0.5, FUND, FIRST, 10)
    night.take(1.5, ANN, 100)
    assert named(night.graph(), "A") == {("other", "A"): 8_000}


def test_a_mark_that_moves_without_a_print_is_said_to():
    night = Night()
    night.hold(ANN, 100, 700_000)
    night.sell(0.5, FLAG, 645_000)
    night.take(1.5, ANN, 100)
    marks = night.marks()
    marks[0, 1:] = FIRST
    assert named(night.graph(FLAG, marks=marks), "A") == {
        (f"account {FLAG}", "A"): 5_000,
        ("unprinted", "A"): 3_000,
    }


def test_closes_that_no_price_caused_are_set_apart():
    night = Night()
    night.hold(ANN, 100, 750_000)  # due at the first mark
    night.hold(BEN, 100, 700_000)  # never due
    night.take(0.5, ANN, 100)
    night.take(2.5, BEN, 100)
    graph = night.graph()
    assert named(graph, *"AB") == {("start", "A"): 0, ("venue", "B"): 0}
    assert graph.nodes.touched.sum() == 0


def test_an_account_may_bring_itself_down():
    night = Night()
    night.sell(0.5, EVE, 640_000)
    night.sell(1.5, EVE, 720_000, 100, buyer=ANN)  # buys far above, then the mark is back
    night.sell(1.6, EVE, 650_000)
    night.take(2.5, ANN, 100)
    assert named(night.graph(), "A") == {("own", "A"): 0}


def test_a_night_without_closes_has_a_graph_without_any():
    graph = Night().graph(FLAG)
    assert graph.edges.source.size == graph.levels.start.size == 0
    assert graph.nodes.kind.tolist() == [1, 2, 3, 4, 5, 6]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_the_shares_of_a_move_sum_to_it_and_causes_come_first(seed):
    scene = wild(seed).scene(2)
    graph = build(scene)
    nodes, edges = graph.nodes, graph.edges
    closes = nodes.kind == CLOSE
    into = np.zeros(closes.size, np.int64)
    np.add.at(into, edges.target, edges.ticks)
    assert (into == np.abs(nodes.at - nodes.before)).all()
    forced = edges.source < closes.sum()
    assert (scene.closes.fill[edges.source[forced]] < scene.closes.fill[edges.target[forced]]).all()
    assert nodes.cluster[~closes].sum() == nodes.caused.sum() == closes.sum()
    assert (nodes.cause[closes] != NONE).all()
    assert (nodes.generation[closes] == nodes.generation[nodes.cause[closes]] + 1).all()
    again = build(scene)
    for mine, other in zip((*nodes, *edges), (*again.nodes, *again.edges), strict=True):
        assert mine.tolist() == other.tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_levels_add_up_to_how_far_each_price_went(seed):
    night = wild(seed)
    levels = night.graph(2).levels
    for contract in (0, 1):
        prints = [row[5] for row in night.rows if row[1] == contract and row[6] != 1]
        for side, furthest in ((-1, min(prints, default=START)), (1, max(prints, default=START))):
            mine = (levels.contract == contract) & (levels.side == side)
            start, end = levels.start[mine], levels.end[mine]
            assert (start[1:] == end[:-1]).all()
            assert int(np.abs(end - start).sum()) == max(0, (furthest - START) * side)


@pytest.mark.parametrize("seed", range(3))
def test_wild_nights_have_cascades(seed):
    nodes = wild(seed).graph(2).nodes
    assert (nodes.kind == CLOSE).sum() > 3
    assert nodes.kind[int((nodes.kind < OTHER).sum())] == OTHER
