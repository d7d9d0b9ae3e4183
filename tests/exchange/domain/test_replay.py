from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain import replay as replaying
from exchange.domain.replay import (
    Fills,
    Holdings,
    TapeDisorder,
    TapeTooLarge,
    empty_holdings,
    merge,
    replay,
    shard_of,
    state_digest,
)
from exchange.domain.value import apply_fill_exact, contract_spec
from tests.exchange.domain.market import BTC, KINDS, fills_of, random_tape

END = 10**15


def plainly(opening: Holdings, fills: Fills, specs, instant: int) -> dict:
    """The replay once more, as a dictionary of Python integers."""
    state = {}
    for a, c, q, cost, realised, fees in zip(*opening, strict=True):
        state[int(a), int(c)] = (int(q), int(cost), int(realised), int(fees))
    for row in range(fills.time.size):
        key = int(fills.account[row]), int(fills.contract[row])
        held = state.setdefault(key, (0, 0, 0, 0))
        if fills.time[row] > instant:
            continue
        spec = specs[key[1]]
        moved = apply_fill_exact(
            spec.kind,
            spec.num,
            spec.den,
            *held[:3],
            int(fills.quantity[row]),
            int(fills.price[row]),
        )
        state[key] = (*moved, held[3] + int(fills.fee[row]))
    return state


def as_dict(holdings: Holdings) -> dict:
    rows = zip(*(column.tolist() for column in holdings), strict=True)
    return {(a, c): (q, cost, realised, fees) for a, c, q, cost, realised, fees in rows}


def select(fills: Fills, mask) -> Fills:
    return Fills(*(column[mask] for column in fills))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 120), st.integers(2, 9), st.integers(0, 10**8))
def test_the_kernel_is_the_definition_at_every_instant(seed, trades, accounts, instant):
    fills = random_tape(seed, trades, accounts)
    middle, end = replay(empty_holdings(), fills, KINDS, [instant, END])
    assert as_dict(middle) == plainly(empty_holdings(), fills, KINDS, instant)
    assert as_dict(end) == plainly(empty_holdings(), fills, KINDS, END)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_products_beyond_int64_go_the_long_way(seed, trades):
    large = contract_spec("WIDE", "linear", Decimal(1), Decimal("0.01"), "USDT", 8)
    fills = random_tape(seed, trades, 5, [large])
    fills = fills._replace(quantity=fills.quantity * (1 << seed % 8))
    [state] = replay(empty_holdings(), fills, [large], [END])
    assert as_dict(state) == plainly(empty_holdings(), fills, [large], END)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 120))
def test_every_contract_conserves_to_the_unit(seed, trades):
    fills = random_tape(seed, trades, 7)
    for state in replay(empty_holdings(), fills, KINDS, [fills.time[trades], END]):
        for contract in range(len(KINDS)):
            rows = state.contract == contract
            assert state.quantity[rows].sum() == 0
            assert (state.cost[rows] - state.realised[rows]).sum() == 0
        assert state.fees.sum() == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 120), st.integers(1, 5))
def test_shards_merge_to_the_whole(seed, trades, shards):
    fills = random_tape(seed, trades, 11)
    [whole] = replay(empty_holdings(), fills, KINDS, [END])
    of = shard_of(fills.account) % shards
    parts = [
        replay(empty_holdings(), select(fills, of == k), KINDS, [END])[0] for k in range(shards)
    ]
    assert state_digest(merge(parts)) == state_digest(whole)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 120), st.sampled_from([2, 3, 5]))
def test_threads_share_one_state(seed, trades, workers):
    fills = random_tape(seed, trades, 11)
    instants = [int(fills.time[trades]), END]
    alone = replay(empty_holdings(), fills, KINDS, instants)
    shared = replay(empty_holdings(), fills, KINDS, instants, workers=workers)
    assert [state_digest(s) for s in shared] == [state_digest(s) for s in alone]


def test_a_bad_row_is_found_whichever_thread_meets_it():
    fills = random_tape(1, 10, 4)
    fills.time[10] = fills.time[9] - 1
    with pytest.raises(TapeDisorder, match="fill 10"):
        replay(empty_holdings(), fills, KINDS, [END], workers=2)
    with pytest.raises(ValueError, match="workers must be at least 1, not 0"):
        replay(empty_holdings(), fills, KINDS, [END], workers=0)


def test_blocks_of_accounts_give_the_same_state(monkeypatch):
    fills = random_tape(5, 300, 40)
    [opening] = replay(empty_holdings(), random_tape(6, 100, 40), KINDS, [END])
    [whole] = replay(opening, fills, KINDS, [END])
    monkeypatch.setattr(replaying, "CELLS_MAX", 8)
    [blocks] = replay(opening, fills, KINDS, [END])
    assert state_digest(blocks) == state_digest(whole)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 120))
def test_a_replay_can_stop_and_go_on(seed, trades):
    fills = random_tape(seed, trades, 6)
    [whole] = replay(empty_holdings(), fills, KINDS, [END])
    [first] = replay(empty_holdings(), select(fills, slice(0, trades)), KINDS, [END])
    [second] = replay(first, select(fills, slice(trades, None)), KINDS, [END])
    assert state_digest(second) == state_digest(whole)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_a_tape_and_its_opposite_leave_no_position(seed, trades):
    fills = random_tape(seed, trades, 6)
    back = fills._replace(quantity=-fills.quantity[::-1], price=fills.price[::-1])
    back = back._replace(account=fills.account[::-1], contract=fills.contract[::-1])
    back = back._replace(fee=-fills.fee[::-1], time=fills.time + fills.time[-1])
    both = Fills(*(np.concatenate(pair) for pair in zip(fills, back, strict=True)))
    [state] = replay(empty_holdings(), both, KINDS, [END])
    assert not state.quantity.any()
    assert not state.cost.any()
    assert not state.fees.any()
    for contract in range(len(KINDS)):
        assert state.realised[state.contract == contract].sum() == 0


def test_equal_times_are_all_within_the_instant():
    fills = fills_of([(10, 0, 0, 1, 3, 700_000, 5), (10, 0, 0, 1, 4, 700_000, 5)])
    before, at = replay(empty_holdings(), fills, [BTC], [9, 10])
    assert before.quantity.tolist() == [0, 0]
    assert at.quantity.tolist() == [7, -7]
    assert at.fees.tolist() == [10, -10]


def test_an_empty_tape_is_its_opening():
    [state] = replay(empty_holdings(), fills_of([]), [BTC], [END])
    assert state_digest(state) == state_digest(empty_holdings())


@pytest.mark.parametrize(
    "change",
    [{"time": 1}, {"contract": 4}, {"contract": -1}, {"account": -1}, {"price": 0}],
    ids=str,
)
def test_a_row_out_of_order_or_range_is_refused_by_number(change):
    fills = random_tape(1, 10, 4)
    [(name, wrong)] = change.items()
    getattr(fills, name)[13] = wrong
    with pytest.raises(TapeDisorder, match="fill 13"):
        replay(empty_holdings(), fills, KINDS, [END])


@pytest.mark.parametrize("change", [{"contract": 4}, {"contract": -1}, {"account": -1}], ids=str)
def test_an_opening_out_of_range_is_refused(change):
    [opening] = replay(empty_holdings(), random_tape(1, 10, 4), KINDS, [END])
    [(name, wrong)] = change.items()
    getattr(opening, name)[2] = wrong
    with pytest.raises(TapeDisorder, match=f"opening: a {name} is out of range"):
        replay(opening, fills_of([]), KINDS, [END])


def test_instants_must_not_decrease():
    with pytest.raises(TapeDisorder, match="instants"):
        replay(empty_holdings(), fills_of([]), KINDS, [2, 1])


def test_amounts_beyond_int64_are_refused_before_they_happen():
    fills = fills_of([(1, 0, 0, 1, 10**7, 1, 0)])
    with pytest.raises(TapeTooLarge, match="BTC-Q: value of the largest position"):
        replay(empty_holdings(), fills, [BTC], [END])
    fills = fills_of([(1, 0, 0, 1, 1, 700_000, 2**62)])
    with pytest.raises(TapeTooLarge, match="BTC-Q: fees"):
        replay(empty_holdings(), fills, [BTC], [END])
    fills.quantity[0] = -(2**63)  # its opposite is not an int64
    with pytest.raises(TapeDisorder, match="fill 0: .* out of range"):
        replay(empty_holdings(), fills, [BTC], [END])


def test_overlapping_shards_are_refused():
    [state] = replay(empty_holdings(), random_tape(1, 5, 3), KINDS, [END])
    with pytest.raises(TapeDisorder, match="overlap"):
        merge([state, state])


def test_the_digest_is_of_the_content():
    [state] = replay(empty_holdings(), random_tape(3, 50, 5), KINDS, [END])
    again = Holdings(*(column.copy() for column in state))
    assert state_digest(again) == state_digest(state)
    again.cost[0] += 1
    assert state_digest(again) != state_digest(state)


def test_shards_are_even():
    counts = np.bincount(shard_of(np.arange(100_000, dtype=np.int32)), minlength=256)
    assert counts.min() > 300
    assert counts.max() < 480
