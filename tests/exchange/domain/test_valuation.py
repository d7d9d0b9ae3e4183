import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.replay import TapeTooLarge, empty_holdings, replay
from exchange.domain.valuation import by_account, equity, funding, settle, values
from exchange.domain.value import trade_value_exact
from tests.exchange.domain.market import BTC, KINDS, fills_of, random_tape

ASSET_OF = np.array([0, 1, 2, 0], np.int16)
MARKS = np.array([710_000, 119_000, 69_000, 8_100])
END = 10**15


def held(seed: int, trades: int):
    [state] = replay(empty_holdings(), random_tape(seed, trades, 7), KINDS, [END])
    return state


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90))
def test_values_are_the_definition(seed, trades):
    state = held(seed, trades)
    expected = [
        trade_value_exact(KINDS[c].kind, KINDS[c].num, KINDS[c].den, int(q), int(MARKS[c]))
        for c, q in zip(state.contract, state.quantity, strict=True)
    ]
    assert values(state, KINDS, MARKS).tolist() == expected


@pytest.mark.parametrize("mark", [0, 1])
def test_a_position_without_a_price_or_beyond_int64_has_no_value(mark):
    [state] = replay(empty_holdings(), fills_of([(1, 0, 0, 1, 10**7, 700_000, 0)]), [BTC], [END])
    with pytest.raises(TapeTooLarge, match="BTC-Q"):
        values(state, [BTC], np.array([mark]))


def test_equity_is_cash_and_unrealised_profit():
    fills = fills_of([(1, 0, 0, 1, 1000, 700_000, 0)])
    [state] = replay(empty_holdings(), fills, [BTC], [END])
    cash = np.array([[5], [7]])
    gain = 1_428_571_429 - 1_408_450_704
    got = equity(state, cash, [BTC], np.zeros(1, np.int16), np.array([710_000]))
    assert got.tolist() == [[5 + gain], [7 - gain]]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90))
def test_settlement_moves_profit_and_changes_nobody_s_equity(seed, trades):
    state = held(seed, trades)
    after = settle(state, KINDS, MARKS)
    assert after.quantity.tolist() == state.quantity.tolist()
    assert (after.cost - after.realised).tolist() == (state.cost - state.realised).tolist()
    assert after.cost.tolist() == values(state, KINDS, MARKS).tolist()
    shape = (7, 3)
    before = equity(
        state, by_account(state, state.realised, ASSET_OF, shape), KINDS, ASSET_OF, MARKS
    )
    then = equity(after, by_account(after, after.realised, ASSET_OF, shape), KINDS, ASSET_OF, MARKS)
    assert then.tolist() == before.tolist()


def test_a_contract_without_a_mark_is_not_settled():
    [state] = replay(empty_holdings(), fills_of([(1, 0, 0, 1, 10**7, 700_000, 0)]), [BTC], [END])
    assert settle(state, [BTC], np.zeros(1, np.int64)).cost.tolist() == state.cost.tolist()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 90),
    st.lists(st.integers(-10_000, 10_000), min_size=4, max_size=4),
)
def test_funding_with_its_rest_sums_to_zero(seed, trades, rates):
    state = held(seed, trades)
    paid, rest = funding(state, KINDS, MARKS, rates)
    assert int(paid.sum()) + rest == 0
    assert abs(rest) <= state.quantity.size
    for row, amount in enumerate(paid.tolist()):
        rate = rates[state.contract[row]]
        assert amount * rate * int(state.quantity[row]) <= 0


def test_longs_pay_shorts_at_a_rate_above_zero():
    fills = fills_of([(1, 0, 0, 1, 1000, 700_000, 0)])
    [state] = replay(empty_holdings(), fills, [BTC], [END])
    paid, rest = funding(state, [BTC], np.array([700_000]), [100])
    assert (paid.tolist(), rest) == ([-142_857, 142_857], 0)
