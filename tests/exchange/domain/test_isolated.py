"""The closed form against the trigger itself, tick by tick and second by second."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.isolated import Positions, reached
from exchange.domain.isolated_kernels import due_limit, due_tick
from exchange.domain.liquidation import FIXED, MarksRefused, first_crossings
from exchange.domain.replay import Holdings, empty_fills
from exchange.domain.rules import RuleRefused
from exchange.domain.rules.okex_2018 import factor_ppm, okex_fixed_health
from exchange.domain.value import trade_value_exact
from tests.exchange.domain.market import BTC, KINDS, LTC
from tests.exchange.domain.test_liquidation import moves, paths, terms

leverages = st.sampled_from([10, 20])


def is_due(spec, quantity, cost, leverage, ticks) -> bool:
    factor = factor_ppm(spec.underlying, leverage)
    equity, maintenance = okex_fixed_health(
        spec.kind, spec.num, spec.den, quantity, cost, ticks, factor, leverage
    )
    return equity - maintenance <= 0


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.integers(-3000, 3000).filter(bool),
    st.integers(1, 10**6),
    leverages,
    st.integers(-3, 3),
)
def test_the_closed_form_is_the_edge_of_the_trigger(spec, quantity, entry, leverage, shift):
    cost = trade_value_exact(spec.kind, spec.num, spec.den, quantity, entry) + shift
    factor = factor_ppm(spec.underlying, leverage)
    limit = due_limit(cost, leverage, factor)
    tick = due_tick(spec.kind, spec.num, spec.den, quantity, limit)
    if tick == 0:
        probe = 1 if quantity > 0 else 10**12
        assert not is_due(spec, quantity, cost, leverage, probe)
        return
    safer = tick + 1 if quantity > 0 else tick - 1
    if tick < 10**12:
        assert is_due(spec, quantity, cost, leverage, tick)
    if 1 <= safer < 10**12:
        assert not is_due(spec, quantity, cost, leverage, safer)


@pytest.mark.parametrize("spec", KINDS, ids=lambda spec: spec.symbol)
@pytest.mark.parametrize("price", [900_000, 9_000_000])
def test_the_edge_of_the_smallest_positions_is_exact(spec, price):
    """A tick there moves the value by a unit or less, so that halves of one decide."""
    for quantity in (-2, -1, 1, 2):
        for entry in range(price, price + 60):
            cost = trade_value_exact(spec.kind, spec.num, spec.den, quantity, entry)
            limit = due_limit(cost, 10, factor_ppm(spec.underlying, 10))
            tick = due_tick(spec.kind, spec.num, spec.den, quantity, limit)
            safer = tick + 1 if quantity > 0 else tick - 1
            assert is_due(spec, quantity, cost, 10, tick)
            assert not is_due(spec, quantity, cost, 10, safer)


def random_positions(seed: int, size: int, spec, entry: int):
    random = np.random.default_rng(seed)
    quantity = random.integers(-500, 501, size)
    ticks = random.integers(entry * 9 // 10, entry * 11 // 10, size)
    cost = [
        trade_value_exact(spec.kind, spec.num, spec.den, int(q), int(t))
        for q, t in zip(quantity, ticks, strict=True)
    ]
    return quantity, np.array(cost, np.int64), random.choice([10, 20], size)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(BTC, 700_000), (LTC, 120_000)]))
def test_it_is_what_the_tape_search_finds(seed, market):
    spec, entry = market
    quantity, cost, leverage = random_positions(seed, 60, spec, entry)
    walk = np.random.default_rng(seed).integers(-entry // 60, entry // 60, 50)
    marks = np.maximum(1, entry + np.cumsum(walk))
    zero = np.zeros(60, np.int64)
    opening = Holdings(
        np.arange(60, dtype=np.int32), np.zeros(60, np.int16), quantity, cost, zero, zero
    )
    found = first_crossings(
        opening, np.zeros((60, 1), np.int64), empty_fills(), moves(), [spec],
        np.zeros(1, np.int16), terms(*((FIXED, int(x)) for x in leverage)), paths([marks]),
    ).due  # fmt: skip
    expected = np.full(60, -1)
    expected[found.account] = found.second
    positions = Positions(quantity, cost, leverage, zero[:0])
    for workers in (1, 2):
        assert reached(positions, spec, marks, workers=workers).tolist() == expected.tolist()


def test_a_position_is_judged_from_its_own_start():
    cost = trade_value_exact(BTC.kind, BTC.num, BTC.den, 1000, 700_000)
    column = np.array([1000, 1000, 1000, -1000])
    positions = Positions(column, np.sign(column) * cost, np.full(4, 10), np.array([0, 2, 4, 1]))
    marks = np.array([700_000, 640_000, 700_000, 641_000, 700_000])
    assert reached(positions, BTC, marks).tolist() == [1, 3, -1, -1]


@pytest.mark.parametrize(("mark", "second"), [(642_201, 3), (642_202, -1)])
def test_after_its_start_a_position_is_due_at_its_tick_and_not_above(mark, second):
    cost = trade_value_exact(BTC.kind, BTC.num, BTC.den, 1000, 700_000)
    column = np.array([1000])
    positions = Positions(column, column * 0 + cost, np.array([10]), np.array([2]))
    marks = np.array([700_000, 640_000, 700_000, mark, 700_000])
    assert reached(positions, BTC, marks).tolist() == [second]


# 7,000 / (1 + 0.09) = 6,422.018...; 7,000 / (1 - 0.09) = 7,692.307...
@pytest.mark.parametrize(("quantity", "ticks"), [(1000, 642_201), (-1000, 769_231)])
def test_the_liquidation_price_in_ticks(quantity, ticks):
    cost = trade_value_exact(BTC.kind, BTC.num, BTC.den, quantity, 700_000)
    limit = due_limit(cost, 10, factor_ppm("BTC", 10))
    assert due_tick(BTC.kind, BTC.num, BTC.den, quantity, limit) == ticks


def test_a_leverage_the_rules_do_not_know_is_refused():
    column = np.full(5000, 10)
    column[4321] = 15
    positions = Positions(column, column * -(10**6), column, column[:0])
    for workers in (1, 2):
        with pytest.raises(RuleRefused, match="position 4321 has leverage 15"):
            reached(positions, BTC, np.array([700_000]), workers=workers)


@pytest.mark.parametrize(
    ("marks", "message"),
    [([], "there must be marks"), ([5, 0], "one tick at least"), ([1, 10**9], "span")],
)
def test_unusable_marks_are_refused(marks, message):
    none = np.zeros(0, np.int64)
    with pytest.raises(MarksRefused, match=message):
        reached(Positions(none, none, none, none), BTC, np.array(marks, np.int64))
