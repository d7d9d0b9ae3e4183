"""Rolling back: by hand for each way a wallet can end, and as properties over random markets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.liquidation import MarginTerms, due_now
from exchange.domain.remedies import rollback
from exchange.domain.remedies.rollback import (
    CLEARING,
    FEE_ACCOUNT,
    FUNDING,
    FUTURES,
    HOUSE,
    OWED,
    RECEIVABLE,
    RECOVERED,
    REPAID,
    Facts,
    NotConserved,
    Wallets,
    roll_back,
)
from exchange.domain.replay import Holdings, empty_holdings, replay
from tests.exchange.domain.market import BTC, KINDS, fills_of, random_tape

ASSET_OF = np.array([0, 1, 2, 0], np.int16)  # BTC, LTC, USDT and a quanto settled in BTC
END = 10**15


def wallets(futures, funding=None, receivable=None) -> Wallets:
    base = np.array(futures, np.int64)
    zero = np.zeros_like(base)
    return Wallets(
        base,
        zero if funding is None else np.array(funding, np.int64),
        zero if receivable is None else np.array(receivable, np.int64),
    )


def one_round_trip(funding=0, moved=0, receivable=0, left=None):
    """Account 0 wins 2,012,073 from account 1 after the cut-off; both pay fees of 30 and 20.

    ``left`` is what account 0's futures wallet holds at the end.
    """
    fills = fills_of([(1, 0, 0, 1, 100, 700_000, 30), (2, 0, 1, 0, 100, 710_000, 20)])
    fills = fills._replace(fee=np.array([30, 30, 20, 20]))
    cut, end = replay(empty_holdings(), fills, [BTC], [0, END])
    gain = int(end.realised[0])
    assert gain == 142_857_143 - 140_845_070
    futures = [[gain if left is None else left], [5_000_000]]
    state = wallets(futures, [[funding], [0]], [[receivable], [0]])
    customers = np.array([True, True])
    facts = Facts(cut, end, state, np.array([[moved], [0]]), np.zeros(1, np.int16), customers)
    return roll_back(facts), gain


def amounts(result, account, wallet, reason=None):
    legs = result.legs
    rows = (legs.account == account) & (legs.wallet == wallet)
    if reason is not None:
        rows &= legs.reason == reason
    return legs.amount[rows].tolist()


def test_profit_and_fees_are_reversed_against_clearing_and_fee_account():
    result, gain = one_round_trip()
    assert amounts(result, 0, FUTURES) == [-gain, 50]
    assert amounts(result, 1, FUTURES) == [gain, 50]
    assert amounts(result, HOUSE, CLEARING) == []  # one's loss is the other's gain
    assert amounts(result, HOUSE, FEE_ACCOUNT) == [-100]
    assert result.after.futures.tolist() == [[50], [5_000_050 + gain]]
    assert result.totals[0]["sum"] == 0


def test_clearing_carries_what_open_positions_still_owe():
    fills = fills_of([(1, 0, 0, 1, 100, 700_000, 0), (2, 0, 2, 0, 100, 710_000, 0)])
    cut, end = replay(empty_holdings(), fills, [BTC], [0, END])
    facts = Facts(
        cut, end, wallets([[10**8]] * 3), np.zeros((3, 1), np.int64), np.zeros(1, np.int16),
        np.ones(3, np.bool_),
    )  # fmt: skip
    result = roll_back(facts)
    gain = 142_857_143 - 140_845_070
    assert amounts(result, HOUSE, CLEARING) == [gain]
    assert result.positions.quantity.tolist() == [100, -100]
    assert result.positions.cost.sum() == -gain


@pytest.mark.parametrize(
    ("funding", "moved", "recovered", "owed"),
    [
        (0, -2_000_000, 0, 1_999_950),  # all gone: a receivable
        (5_000_000, -2_000_000, 1_999_950, 0),  # it lies in the funding wallet
        (700, -2_000_000, 700, 1_999_250),  # some of it does
        (5_000_000, -900, 900, 1_999_050),  # never more than what was moved out
        (5_000_000, 10, 0, 1_999_950),  # money moved in gives no claim on the funding wallet
    ],
)
def test_a_gap_is_recovered_then_owed(funding, moved, recovered, owed):
    result, gain = one_round_trip(funding, moved, left=12_073)
    assert gain - 12_073 == 2_000_000
    assert sum(amounts(result, 0, FUNDING)) == -recovered
    assert sum(amounts(result, 0, RECEIVABLE)) == -owed
    assert amounts(result, 0, FUTURES, RECOVERED) == [recovered] * (recovered > 0)
    assert amounts(result, 0, FUTURES, OWED) == [owed] * (owed > 0)
    assert result.after.futures[0].tolist() == [0]
    assert result.after.receivable[0].tolist() == [-owed]
    assert (result.totals[0]["recovered"], result.totals[0]["receivable"]) == (recovered, owed)


def test_an_old_debt_is_repaid_from_what_comes_back():
    fills = fills_of([(1, 0, 1, 0, 100, 700_000, 0), (2, 0, 0, 1, 100, 710_000, 0)])
    cut, end = replay(empty_holdings(), fills, [BTC], [0, END])
    state = wallets([[0], [9_000_000]], None, [[-1000], [0]])
    facts = Facts(
        cut, end, state, np.zeros((2, 1), np.int64), np.zeros(1, np.int16), np.ones(2, np.bool_)
    )
    result = roll_back(facts)
    assert amounts(result, 0, RECEIVABLE, REPAID) == [1000]
    assert result.after.receivable.tolist() == [[0], [0]]
    assert result.after.futures[0, 0] == 2_012_073 - 1000


def test_the_house_may_end_below_zero_and_its_wallet_is_left_so():
    fills = fills_of([(1, 0, 0, 1, 100, 700_000, 0), (2, 0, 1, 0, 100, 710_000, 0)])
    cut, end = replay(empty_holdings(), fills, [BTC], [0, END])
    facts = Facts(
        cut, end, wallets([[0], [5_000_000]]), np.zeros((2, 1), np.int64), np.zeros(1, np.int16),
        np.array([False, True]),
    )  # fmt: skip
    assert roll_back(facts).after.futures[0, 0] == -2_012_073


def test_nothing_to_undo_makes_no_legs():
    [state] = replay(empty_holdings(), random_tape(4, 60, 6), KINDS, [END])
    held = wallets(np.full((6, 3), 10**9))
    facts = Facts(state, state, held, np.zeros((6, 3), np.int64), ASSET_OF, np.ones(6, np.bool_))
    result = roll_back(facts)
    assert result.legs.amount.size == 0
    assert result.positions.quantity.size == 0
    assert result.effects.account.size == 0


def random_facts(seed: int, trades: int, *, rich: bool = False) -> Facts:
    random = np.random.default_rng(seed)
    accounts = 9
    fills = random_tape(seed, trades, accounts)
    cut, end = replay(
        empty_holdings(), fills, KINDS, [int(fills.time[random.integers(0, trades * 2)]), END]
    )
    funds = 10**12 if rich else 10**5
    futures = random.integers(0, funds, (accounts, 3)) + (funds if rich else 0)
    funding = random.integers(0, 10**5, (accounts, 3))
    receivable = -random.integers(0, 3000, (accounts, 3)) * random.integers(0, 2, (accounts, 3))
    moved = random.integers(-(10**6), 10**5, (accounts, 3))
    customer = random.random(accounts) < 0.8
    return Facts(cut, end, Wallets(futures, funding, receivable), moved, ASSET_OF, customer)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90))
def test_every_rollback_conserves_and_returns_to_the_cutoff(seed, trades):
    facts = random_facts(seed, trades)
    result = roll_back(facts)
    legs, positions = result.legs, result.positions
    for asset in range(3):
        assert int(legs.amount[legs.asset == asset].sum()) == 0
    for contract in range(len(KINDS)):
        rows = positions.contract == contract
        clearing = (legs.wallet == CLEARING) & (legs.contract == contract)
        assert positions.quantity[rows].sum() == 0
        assert positions.cost[rows].sum() + legs.amount[clearing].sum() == 0
    assert (result.after.futures[facts.customer] >= 0).all()
    assert (result.after.funding[facts.customer] >= 0).all()
    assert (result.after.receivable <= 0).all()
    assert (legs.amount != 0).all()
    apply_to = {(a, c): (q, k) for a, c, q, k in zip(*(x.tolist() for x in positions), strict=True)}
    for row in range(facts.cut.account.size):
        key = int(facts.cut.account[row]), int(facts.cut.contract[row])
        quantity, cost = apply_to.get(key, (0, 0))
        assert facts.end.quantity[row] + quantity == facts.cut.quantity[row]
        assert facts.end.cost[row] + cost == facts.cut.cost[row]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90))
def test_legs_effects_and_after_say_the_same(seed, trades):
    facts = random_facts(seed, trades)
    result = roll_back(facts)
    for wallet, before, after, column in (
        (FUTURES, facts.wallets.futures, result.after.futures, "futures_delta"),
        (FUNDING, facts.wallets.funding, result.after.funding, "funding_delta"),
        (RECEIVABLE, facts.wallets.receivable, result.after.receivable, "receivable_delta"),
    ):
        rows = result.legs.wallet == wallet
        summed = before.copy()
        np.add.at(
            summed, (result.legs.account[rows], result.legs.asset[rows]), result.legs.amount[rows]
        )
        assert summed.tolist() == after.tolist()
        listed = before.copy()
        at = (result.effects.account, result.effects.asset)
        listed[at] += getattr(result.effects, column)
        assert listed.tolist() == after.tolist()
    effects = result.effects
    explained = effects.reversed_pnl + effects.reversed_fees
    given_ = effects.futures_delta + effects.funding_delta + effects.receivable_delta
    assert explained.tolist() == given_.tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 90))
def test_undoing_the_rollback_is_the_start(seed, trades):
    facts = random_facts(seed, trades, rich=True)
    facts = facts._replace(wallets=facts.wallets._replace(receivable=np.zeros((9, 3), np.int64)))
    there = roll_back(facts)
    back = roll_back(facts._replace(cut=facts.end, end=facts.cut, wallets=there.after))
    for before, after in zip(facts.wallets, back.after, strict=True):
        assert before.tolist() == after.tolist()


def test_the_order_of_accounts_does_not_matter():
    facts = random_facts(11, 80)
    turn = np.arange(9)[::-1]
    order = np.lexsort((facts.cut.contract, turn[facts.cut.account]))
    turned = Facts(
        *(
            Holdings(turn[s.account[order]].astype(np.int32), *(c[order] for c in s[1:]))
            for s in (facts.cut, facts.end)
        ),
        Wallets(*(w[::-1] for w in facts.wallets)),
        facts.moved[::-1], facts.asset_of, facts.customer[::-1],
    )  # fmt: skip
    mine, other = roll_back(facts), roll_back(turned)
    for a, b in zip(mine.after, other.after, strict=True):
        assert a.tolist() == b[::-1].tolist()
    assert sorted(mine.legs.amount.tolist()) == sorted(other.legs.amount.tolist())


def test_facts_that_do_not_balance_are_refused():
    facts = random_facts(3, 40)
    facts.end.quantity[0] += 1
    with pytest.raises(NotConserved, match="quantities do not sum to zero by contract"):
        roll_back(facts)
    facts.end.quantity[0] -= 1
    facts.end.cost[0] += 1
    with pytest.raises(NotConserved, match="cost and clearing part by contract"):
        roll_back(facts)
    assert roll_back(facts, whole_market=False).totals[0]["sum"] == 0


def test_states_of_different_rows_are_refused():
    facts = random_facts(3, 40)
    short = Holdings(*(column[1:] for column in facts.cut))
    with pytest.raises(NotConserved, match="different rows"):
        roll_back(facts._replace(cut=short))


def test_who_is_closed_again_when_trading_reopens():
    fills = fills_of([(1, 0, 0, 1, 1000, 700_000, 0)])
    [state] = replay(empty_holdings(), fills, [BTC], [END])
    terms = MarginTerms(np.zeros(2, np.uint8), np.full(2, 10))
    cash = np.array([[12 * 10**7], [12 * 10**7]])
    for mark, due in ((700_000, []), (648_000, [0]), (760_000, [1])):
        states = due_now(state, cash, [BTC], np.zeros(1, np.int16), terms, np.array([mark]))
        assert states.account.tolist() == due


def test_names_match_their_numbers():
    assert rollback.WALLETS[RECEIVABLE] == "receivable"
    assert rollback.REASONS[OWED] == "owed"
