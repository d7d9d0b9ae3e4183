"""What would not have happened: hand-made nights path by path, then random ones, nested."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain import counterfactual
from exchange.domain.counterfactual import CAPPED, PRINTED, REMOVED, SCALED
from exchange.domain.levels import Levels, given_back
from tests.exchange.domain.nights import FUND, START, Night, wild
from tests.exchange.domain.test_cascade import ANN, BEN, CLEO, EVE, FLAG, chain, squeeze


def avoided(found: counterfactual.Estimate) -> list[str]:
    """The closes avoided on each path, as letters in the order recorded."""
    return ["".join("ABCDEF"[at] for at in np.flatnonzero(row)) for row in found.avoided]


def test_without_flags_nothing_changes():
    found = chain().estimate()
    assert avoided(found) == ["", "", "", ""]
    assert (found.marks == found.marks[PRINTED]).all()
    assert (found.instead.tolist(), found.rounds) == ([0, 0, 0, 0], 1)


def test_capped_prints_stand_at_the_edge_of_the_band_and_no_others():
    found = chain().estimate(FLAG)  # 1 % under 6,500.00 is 6,435.00
    assert found.marks[PRINTED, 0].tolist() == [650_000, 642_000, 632_000] + [620_000] * 3
    assert found.marks[CAPPED, 0].tolist() == [650_000, 643_500, 632_000] + [620_000] * 3
    assert avoided(found)[CAPPED] == "A"


def test_a_wide_band_caps_nothing():
    found = chain().estimate(FLAG, band_ppm=30_000)
    assert avoided(found)[CAPPED] == ""


def test_scaled_gives_back_what_the_graph_traces_to_the_flagged():
    marks = chain().estimate(FLAG).marks[SCALED, 0]
    # Flagged 8,000 and Ann's 6,000 wholly; six tenths of Ben's 12,000; nothing of Eve's 4,000.
    assert marks.tolist() == [650_000, 650_000, 646_000] + [641_200] * 3


def test_removed_takes_the_sales_of_avoided_closes_out_altogether():
    found = chain().estimate(FLAG)
    assert found.marks[REMOVED, 0].tolist() == [650_000, 650_000, 646_000] + [646_000] * 3
    assert avoided(found) == ["", "A", "ABCD", "ABCD"]
    assert found.rounds == 2


def test_another_round_finds_what_only_the_last_round_made_possible():
    """Half of Ann's fall was Eve's: scaled leaves Ben due, without Ann's sales he is not."""
    night = Night()
    night.hold(ANN, 100, 706_000)  # due from 647,706
    night.hold(BEN, 50, 701_000)  # due from 643,119
    night.hold(CLEO, 50, 681_000)  # due from 624,770
    night.sell(0.3, EVE, 648_000)
    night.sell(0.5, FLAG, 646_000)
    night.take(1.5, ANN, 100)
    night.sell(1.6, FUND, 634_000, 100)
    night.take(2.5, BEN, 50)
    night.sell(2.6, FUND, 622_000, 50)
    night.take(3.5, CLEO, 50)
    found = night.estimate(FLAG)
    # Ann's share is a half: 2,000 + 6,000 are given back at 634,000, and 6,000 of Ben's 12,000.
    assert found.marks[SCALED, 0].tolist()[1:4] == [648_000, 642_000, 636_000]
    assert avoided(found) == ["", "", "AC", "ABC"]
    assert found.rounds == 3  # Ann and Cleo, then Ben, then nobody


def test_what_everybody_else_printed_stays():
    night = Night()
    night.hold(ANN, 100, 700_000)
    night.sell(0.3, EVE, 640_000)
    night.sell(0.5, FLAG, 638_000)
    night.take(1.5, ANN, 100)
    assert avoided(night.estimate(FLAG)) == ["", "A", "A", "A"]
    assert avoided(night.estimate(FLAG, band_ppm=50_000)) == ["", "", "", ""]


def test_a_squeeze_is_given_back_downwards():
    found = squeeze().estimate(FLAG, fair=760_000)
    assert found.marks[REMOVED, 0].tolist() == [760_000] * 6
    assert avoided(found) == ["", "A", "AB", "AB"]


def test_a_close_that_was_not_due_is_no_price_effect():
    night = Night()
    night.hold(ANN, 100, 690_000)
    night.sell(0.5, FLAG, 645_000)
    night.take(1.5, ANN, 100)
    assert not night.estimate(FLAG).avoided.any()


def test_who_would_be_closed_instead_is_counted():
    """Who sold in the dip is short from there: at the price without it that was too low."""
    night = Night()
    night.sell(0.5, FLAG, 560_000)
    night.sell(1.5, BEN, 560_000, 100)  # short from 5,600.00: due from 615,384
    night.sell(2.5, FLAG, 560_000)
    found = night.estimate(FLAG, band_ppm=30_000)
    assert found.instead.tolist() == [0, 2, 2, 2]  # Ben, and the flagged account itself
    assert not found.avoided.any()


def test_levels_are_given_back_in_proportion_and_never_past_the_base():
    levels = Levels(
        np.zeros(3, np.int16), np.full(3, -1, np.int8), np.array([100, 90, 70]),
        np.array([90, 70, 69]), np.array([0, 1, 0]),
    )  # fmt: skip
    marks = np.array([[130, 100, 95, 90, 80, 70, 69, 50]])
    weight = np.array([1_000_000, 333_333])
    assert given_back(levels, weight, np.array([100]), marks).tolist() == [
        # 10 whole, then a third of each tick rounded down, then one whole again, then nothing
        [130, 100, 100, 100, 93, 86, 86, 67]
    ]
    assert (given_back(levels, np.zeros(2, np.int64), np.array([100]), marks) == marks).all()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_each_assumption_avoids_all_that_the_one_before_it_does(seed):
    night = wild(seed)
    found = night.estimate(2)
    assert not found.avoided[PRINTED].any()
    for less, more in ((CAPPED, SCALED), (SCALED, REMOVED)):
        assert (found.avoided[less] <= found.avoided[more]).all()
        away = np.abs(found.marks - START)
        assert (away[more] <= away[less]).all()
    assert (found.avoided == night.estimate(2).avoided).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_the_repetition_ends_where_nothing_more_disappears(seed):
    night = wild(seed)
    found = night.estimate(2)
    scene = night.scene(2)
    due = night.search(found.marks[REMOVED][None])
    assert found.rounds < counterfactual.ROUNDS_MAX
    assert (due.path == 0).all()
    assert found.avoided[REMOVED].sum() <= (scene.crossed >= 0).sum()
