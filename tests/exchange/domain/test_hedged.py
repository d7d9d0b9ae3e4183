import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.hedged import (
    LONG_LEG,
    SHORT_LEG,
    LegExceeded,
    leg_of,
    net,
    replay_hedged,
    split,
)
from exchange.domain.replay import empty_holdings, replay
from tests.exchange.domain.market import BTC, KINDS, fills_of, random_tape

END = 10**15


def test_buying_opens_the_long_and_closes_the_short():
    quantity = np.array([1, 1, -1, -1])
    opens = np.array([True, False, True, False])
    assert leg_of(quantity, opens).tolist() == [LONG_LEG, SHORT_LEG, SHORT_LEG, LONG_LEG]


def test_legs_keep_the_terms_of_their_contract():
    assert [spec.symbol for spec in split([BTC])] == ["BTC-Q/long", "BTC-Q/short"]
    assert {spec.num for spec in split([BTC])} == {BTC.num}


def test_long_and_short_of_one_account_stay_apart():
    fills = fills_of([(1, 0, 0, 1, 30, 700_000, 0), (2, 0, 1, 0, 10, 700_000, 0)])
    legs = np.array([LONG_LEG, SHORT_LEG, LONG_LEG, SHORT_LEG], np.uint8)
    [state] = replay_hedged(empty_holdings(), fills, legs, [BTC], [END])
    rows = zip(
        state.account.tolist(), state.contract.tolist(), state.quantity.tolist(), strict=True
    )
    assert list(rows) == [(0, 0, 30), (0, 1, -10), (1, 0, 10), (1, 1, -30)]
    assert state.realised.tolist() == [0, 0, 0, 0]
    both = net(state)
    assert (both.account.tolist(), both.quantity.tolist()) == ([0, 1], [20, -20])


def test_closing_more_than_the_leg_holds_is_refused():
    fills = fills_of([(1, 0, 0, 1, 30, 700_000, 0), (2, 0, 1, 0, 31, 700_000, 0)])
    legs = np.array([LONG_LEG, SHORT_LEG, SHORT_LEG, LONG_LEG], np.uint8)
    with pytest.raises(LegExceeded, match="fill 2: closes more of account 1's short"):
        replay_hedged(empty_holdings(), fills, legs, [BTC], [END])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90))
def test_fills_that_only_open_net_to_the_net_mode_s_conservation(seed, trades):
    fills = random_tape(seed, trades, 6)
    legs = leg_of(fills.quantity, np.ones(fills.quantity.size, np.bool_))
    [state] = replay_hedged(empty_holdings(), fills, legs, KINDS, [END])
    [plain] = replay(empty_holdings(), fills, KINDS, [END])
    both = net(state)
    assert both.quantity.tolist() == plain.quantity.tolist()
    assert (both.cost - both.realised).tolist() == (plain.cost - plain.realised).tolist()
    assert both.fees.tolist() == plain.fees.tolist()
