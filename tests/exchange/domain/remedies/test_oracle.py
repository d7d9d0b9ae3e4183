"""The kernels against a slow implementation that anyone can follow, on random whole markets."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.held import held_since_cut
from exchange.domain.remedies.house_trades import Settlement, reinstate, settle
from exchange.domain.remedies.payments import Reference, pay_reference
from exchange.domain.remedies.replays import AT_CUT, FAIR, Band, bust, outside_band, reprice
from exchange.domain.remedies.rollback import roll_back
from tests.exchange.domain.remedies import oracle
from tests.exchange.domain.remedies.facts import PRICES, markets

EXAMPLES = settings(max_examples=30, deadline=None)
bands = st.builds(
    Band,
    st.integers(0, 40_000),
    st.sampled_from([FAIR, AT_CUT]),
    st.lists(st.integers(0, 3), unique=True, max_size=3).map(tuple),
    st.booleans(),
)


@EXAMPLES
@given(markets())
def test_roll_back(facts: Facts) -> None:
    oracle.assert_agrees(facts, roll_back(facts), oracle.state_of(facts.cut), {})


@EXAMPLES
@given(markets(), bands)
def test_bust(facts: Facts, band: Band) -> None:
    oracle.assert_agrees(facts, bust(facts, band), oracle.bust(facts, band), {})


@EXAMPLES
@given(markets(), bands)
def test_reprice(facts: Facts, band: Band) -> None:
    oracle.assert_agrees(facts, reprice(facts, band), oracle.reprice(facts, band), {})


@EXAMPLES
@given(markets(), bands)
def test_which_trades_are_outside(facts: Facts, band: Band) -> None:
    first, outside = outside_band(facts, band)
    rows = oracle.rows_after_cut(facts)
    assert rows == list(range(first, first + outside.size))
    assert outside.tolist() == [oracle.is_outside(facts, row, band) for row in rows]


@EXAMPLES
@given(markets())
def test_reinstate(facts: Facts) -> None:
    oracle.assert_agrees(facts, reinstate(facts), oracle.reinstate(facts), {})


@EXAMPLES
@given(
    markets(),
    st.integers(0, 3),
    st.integers(-2000, 2000),
    st.integers(-2000, 2000),
    st.sampled_from([1, -1]),
)
def test_settle(facts: Facts, contract: int, price: int, refund: int, side: int) -> None:
    near = int(PRICES[contract])
    made = settle(facts, Settlement(contract, near + price, near + refund, side))
    state, refunds = oracle.settle(facts, contract, near + price, near + refund, side)
    oracle.assert_agrees(facts, made, state, refunds)
    assert not any(state[key][0] for key in state if key[1] == contract)


@EXAMPLES
@given(markets())
def test_what_was_held_ever_since_the_cut_off(facts: Facts) -> None:
    found = np.minimum(np.abs(facts.closes.quantity), held_since_cut(facts))
    expected = [
        min(abs(int(size)), oracle.held_since_cut(facts, i))
        for i, size in enumerate(facts.closes.quantity)
    ]
    assert found.tolist() == expected


@EXAMPLES
@given(markets(), st.booleans(), st.booleans(), st.integers(-1500, 1500))
def test_pay_reference(facts: Facts, opened_before: bool, fees: bool, away: int) -> None:
    price = PRICES[facts.closes.contract] + away
    made = pay_reference(facts, Reference(price, opened_before, fees))
    paid = oracle.pay_reference(facts, price.tolist(), opened_before, fees)
    oracle.assert_agrees(facts, made, oracle.state_of(facts.end), paid)
