"""A whole random market in every kind of contract: trades, forced closes with auto-deleveraging,
a weekly settlement, funding, and trades again. Nothing appears and nothing is lost.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.aftermath.deleverage import deleverage
from exchange.domain.hedged import LONG_LEG, SHORT_LEG, net, replay_hedged
from exchange.domain.replay import Fills, Holdings, empty_holdings, merge, replay, shard_of
from exchange.domain.replay import state_digest as digest
from exchange.domain.rules.okex_2018 import okex_fixed_margin, okex_takeover_ticks
from exchange.domain.valuation import equity, funding, settle
from exchange.domain.value import trade_value_exact
from tests.exchange.domain.market import KINDS, fills_of, random_tape

END = 10**15
ACCOUNTS, INSURANCE = 8, 8
MARKS = np.array([702_000, 121_000, 70_500, 7_900])
OWN_ASSET = np.arange(4, dtype=np.int16)  # each contract settles in its own asset here


def forced_closes(state: Holdings, random: np.random.Generator, time: int) -> Fills:
    """Some positions are taken over by the insurance account, then deleveraged away."""
    trades, flags = [], []
    for row in range(state.account.size):
        quantity, contract = int(state.quantity[row]), int(state.contract[row])
        account, spec = int(state.account[row]), KINDS[contract]
        if quantity == 0 or account == INSURANCE or random.random() > 0.25:
            continue
        margin = okex_fixed_margin(int(state.cost[row]), 10)
        price = okex_takeover_ticks(
            spec.kind, spec.num, spec.den, quantity, int(state.cost[row]), margin, 10**7
        )
        trades.append(_trade(time, contract, INSURANCE, account, quantity, price))
        flags.append(2)
        others = [
            (int(a), abs(int(q)))
            for a, c, q in zip(state.account, state.contract, state.quantity, strict=True)
            if c == contract and int(q) * quantity < 0
        ]
        scores = [Fraction(int(random.integers(1, 100)), 7) for _ in others]
        closed = deleverage(abs(quantity), [held for _, held in others], scores).closed
        for (other, _), size in zip(others, closed, strict=True):
            if size:
                signed = size if quantity > 0 else -size
                trades.append(_trade(time, contract, other, INSURANCE, signed, price))
                flags.append(4)
    fills = fills_of(trades)
    fills.flags[:] = np.repeat(np.array(flags, np.uint8), 2)
    return fills


def _trade(time, contract, to, source, quantity, price):
    """``quantity`` contracts (signed) pass from ``source`` to ``to`` at a price."""
    buyer, seller = (to, source) if quantity > 0 else (source, to)
    return (time, contract, buyer, seller, abs(quantity), price, 0)


def joined(*tapes: Fills) -> Fills:
    return Fills(*(np.concatenate(columns) for columns in zip(*tapes, strict=True)))


def assert_conserved(state: Holdings) -> None:
    for contract in range(len(KINDS)):
        rows = state.contract == contract
        assert int(state.quantity[rows].sum()) == 0
        assert int((state.cost[rows] - state.realised[rows]).sum()) == 0


def market(seed: int, trades: int) -> tuple[Fills, Fills]:
    """A tape of trades and forced closes, and the trades of the week after."""
    random = np.random.default_rng(seed)
    first = random_tape(seed, trades, ACCOUNTS)
    [state] = replay(empty_holdings(), first, KINDS, [END])
    forced = forced_closes(state, random, int(first.time[-1]))
    after = random_tape(seed + 1, trades, ACCOUNTS)
    return joined(first, forced), after._replace(time=after.time + first.time[-1] + 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70), st.integers(-5000, 5000))
def test_nothing_appears_and_nothing_is_lost(seed, trades, rate):
    tape, after = market(seed, trades)
    [state] = replay(empty_holdings(), tape, KINDS, [END])
    assert_conserved(state)
    settled = settle(state, KINDS, MARKS)
    assert_conserved(settled)
    paid, rest = funding(settled, KINDS, MARKS, [rate] * 4)
    [last] = replay(settled, after, KINDS, [END])
    assert_conserved(last)
    # cash = deposits + realised - fees + funding; what it lost is in fees, the rest, and cost
    deposits = np.full((ACCOUNTS + 1, 4), 10**10)
    cash = deposits.copy()
    np.add.at(cash, (last.account, last.contract), last.realised - last.fees)
    np.add.at(cash, (settled.account, settled.contract), paid)
    held = int(last.fees.sum()) + rest - int(last.cost.sum())
    assert int(cash.sum()) + held == int(deposits.sum())


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70))
def test_a_takeover_leaves_its_owner_with_nothing_lost_beyond_the_margin(seed, trades):
    tape, _ = market(seed, trades)
    forced = np.flatnonzero(tape.flags == 2)
    for i in forced.tolist():
        if tape.account[i] == INSURANCE:
            continue
        upto = Fills(*(column[:i] for column in tape))
        [before] = replay(empty_holdings(), upto, KINDS, [END])
        row = np.flatnonzero(
            (before.account == tape.account[i]) & (before.contract == tape.contract[i])
        )[0]
        spec = KINDS[tape.contract[i]]
        quantity, cost = int(before.quantity[row]), int(before.cost[row])
        if quantity != -int(tape.quantity[i]):
            continue  # deleveraged in between: no longer the whole position
        value = trade_value_exact(spec.kind, spec.num, spec.den, quantity, int(tape.price[i]))
        assert okex_fixed_margin(cost, 10) + value - cost >= 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70), st.integers(2, 6))
def test_shards_of_the_whole_market_merge_to_it(seed, trades, shards):
    tape, _ = market(seed, trades)
    [whole] = replay(empty_holdings(), tape, KINDS, [END])
    bucket = shard_of(tape.account) % shards
    parts = [
        replay(empty_holdings(), Fills(*(c[bucket == k] for c in tape)), KINDS, [END])[0]
        for k in range(shards)
    ]
    assert digest(merge(parts)) == digest(whole)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70))
def test_equity_does_not_depend_on_settlement(seed, trades):
    tape, after = market(seed, trades)
    [state] = replay(empty_holdings(), tape, KINDS, [END])
    cash = np.full((ACCOUNTS + 1, 4), 10**10)

    def own(holdings: Holdings):
        total = cash.copy()
        np.add.at(total, (holdings.account, holdings.contract), holdings.realised)
        return equity(holdings, total, KINDS, OWN_ASSET, MARKS)

    assert own(settle(state, KINDS, MARKS)).tolist() == own(state).tolist()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 70))
def test_hedged_mode_conserves_too(seed, trades):
    random = np.random.default_rng(seed)
    fills = random_tape(seed, trades, ACCOUNTS)
    held: dict[tuple[int, int, int], int] = {}
    legs = np.zeros(fills.seq.size, np.uint8)
    for i in range(fills.seq.size):
        account, contract, quantity = (
            int(x) for x in (fills.account[i], fills.contract[i], fills.quantity[i])
        )
        opening = LONG_LEG if quantity > 0 else SHORT_LEG
        closing = 1 - opening
        can_close = abs(held.get((account, contract, closing), 0)) >= abs(quantity)
        legs[i] = closing if can_close and random.random() < 0.7 else opening
        key = (account, contract, int(legs[i]))
        held[key] = held.get(key, 0) + quantity
    [state] = replay_hedged(empty_holdings(), fills, legs, KINDS, [END])
    assert_conserved(net(state))
    for a, c, q in zip(state.account, state.contract, state.quantity, strict=True):
        assert held[int(a), int(c) // 2, int(c) % 2] == int(q)


@pytest.mark.parametrize("seed", range(5))
def test_the_market_of_these_tests_has_forced_closes_and_deleveraging(seed):
    tape, _ = market(seed, 60)
    assert (tape.flags == 2).any()
    assert (tape.flags == 4).any()
