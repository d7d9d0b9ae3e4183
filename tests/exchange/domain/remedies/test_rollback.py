"""Rolling back: by hand for each way a wallet can end, and as properties over random markets."""

import numpy as np
import pytest
from hypothesis import given, settings

from exchange.domain.liquidation import MarginTerms, due_now
from exchange.domain.remedies import outcome
from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import (
    CLEARING,
    FUNDING,
    FUTURES,
    RECEIVABLE,
    NotConserved,
    Outcome,
    by_asset,
)
from exchange.domain.remedies.rollback import roll_back
from exchange.domain.remedies.rows import FEE_ACCOUNT, HOUSE, OWED, RECOVERED, REPAID
from exchange.domain.replay import Holdings, empty_holdings, replay
from exchange.domain.verdicts import NOT_DUE
from tests.exchange.domain.market import BTC, fills_of
from tests.exchange.domain.remedies.facts import (
    END,
    amounts,
    facts_of,
    markets,
    random_market,
    tape,
)

GAIN = 142_857_143 - 140_845_070  # a long of 100 contracts from 7,000.00 to 7,100.00


def one_round_trip(
    funding: int = 0, moved: int = 0, receivable: int = 0, left: int = GAIN
) -> Outcome:
    """Account 0 wins 2,012,073 from account 1 after the cut-off; both pay fees of 30 and 20.

    ``left`` is what account 0's futures wallet holds at the end.
    """
    fills = tape(([(1, 0, 0, 1, 100, 700_000, 30), (2, 0, 1, 0, 100, 710_000, 20)], 0))
    fills = fills._replace(fee=np.array([30, 30, 20, 20]))
    facts = facts_of(
        fills,
        [[left], [5_000_000]],
        funding=[[funding], [0]],
        receivable=[[receivable], [0]],
        moved=[[moved], [0]],
    )
    assert int(facts.end.realised[0]) == GAIN
    return roll_back(facts)


def test_profit_and_fees_are_reversed_against_clearing_and_fee_account() -> None:
    result = one_round_trip()
    assert amounts(result, 0, FUTURES) == [-GAIN, 50]
    assert amounts(result, 1, FUTURES) == [GAIN, 50]
    assert amounts(result, HOUSE, CLEARING) == []  # one's loss is the other's gain
    assert amounts(result, HOUSE, FEE_ACCOUNT) == [-100]
    assert result.after.futures.tolist() == [[50], [5_000_050 + GAIN]]
    assert by_asset(result, 0) == 0


def test_clearing_carries_what_open_positions_still_owe() -> None:
    fills = tape(([(1, 0, 0, 1, 100, 700_000, 0), (2, 0, 2, 0, 100, 710_000, 0)], 0))
    result = roll_back(facts_of(fills, [[10**8]] * 3))
    assert amounts(result, HOUSE, CLEARING) == [GAIN]
    assert result.positions.quantity.tolist() == [100, -100]
    assert result.positions.cost.sum() == -GAIN


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
def test_a_gap_is_recovered_then_owed(funding: int, moved: int, recovered: int, owed: int) -> None:
    result = one_round_trip(funding, moved, left=12_073)
    assert GAIN - 12_073 == 2_000_000
    assert sum(amounts(result, 0, FUNDING)) == -recovered
    assert sum(amounts(result, 0, RECEIVABLE)) == -owed
    assert amounts(result, 0, FUTURES, RECOVERED) == [recovered] * (recovered > 0)
    assert amounts(result, 0, FUTURES, OWED) == [owed] * (owed > 0)
    assert result.after.futures[0].tolist() == [0]
    assert result.after.receivable[0].tolist() == [-owed]
    assert by_asset(result, 0, wallet=FUTURES, reason=RECOVERED) == recovered
    assert by_asset(result, 0, wallet=RECEIVABLE, reason=OWED) == -owed


def winner_of_what_is_given_back(futures: int, owes: int) -> Outcome:
    """Account 0 lost 2,012,073 to account 1 after the cut-off."""
    fills = tape(([(1, 0, 1, 0, 100, 700_000, 0), (2, 0, 0, 1, 100, 710_000, 0)], 0))
    state = [[futures], [9_000_000]]
    return roll_back(facts_of(fills, state, receivable=[[-owes], [0]]))


def test_an_old_debt_is_repaid_from_what_comes_back() -> None:
    result = winner_of_what_is_given_back(0, owes=1000)
    assert amounts(result, 0, RECEIVABLE, REPAID) == [1000]
    assert result.after.receivable.tolist() == [[0], [0]]
    assert result.after.futures[0, 0] == 2_012_073 - 1000


def test_an_old_debt_is_not_repaid_from_anything_else() -> None:
    result = winner_of_what_is_given_back(700, owes=3_000_000)
    assert amounts(result, 0, RECEIVABLE, REPAID) == [2_012_073]
    assert result.after.futures[0, 0] == 700
    assert result.after.receivable[0, 0] == 2_012_073 - 3_000_000


def test_whoever_loses_by_it_repays_nothing() -> None:
    result = one_round_trip(receivable=-1000, left=GAIN + 5000)
    assert amounts(result, 0, RECEIVABLE) == []
    assert result.after.futures[0, 0] == 5050


def test_the_house_may_end_below_zero_and_its_wallet_is_left_so() -> None:
    fills = tape(([(1, 0, 0, 1, 100, 700_000, 0), (2, 0, 1, 0, 100, 710_000, 0)], 0))
    assert roll_back(facts_of(fills, [[0], [5_000_000]], staff=[0])).after.futures[0, 0] == -GAIN


def test_a_trade_at_the_cut_off_stays_and_one_a_microsecond_later_goes() -> None:
    fills = tape(([(5, 0, 0, 1, 7, 700_000, 0), (6, 0, 0, 1, 9, 700_000, 0)], 0))
    closes = [(time, 0, 0, 1, 700_000, NOT_DUE) for time in (4, 5, 6)]
    result = roll_back(facts_of(fills, [[10**8]] * 2, cutoff=5, closes=closes))
    assert result.positions.quantity.tolist() == [-9, 9]
    assert result.closes is not None
    assert result.closes.time.tolist() == [4, 5]  # the other is undone


def test_nothing_to_undo_makes_no_legs() -> None:
    facts = random_market(4, 60)
    result = roll_back(facts._replace(cut=facts.end))
    assert result.legs.amount.size == 0
    assert result.positions.quantity.size == 0
    assert result.effects.account.size == 0


@settings(max_examples=60, deadline=None)
@given(markets(most=60))
def test_every_rollback_conserves_and_returns_to_the_cutoff(facts: Facts) -> None:
    result = roll_back(facts)
    legs, positions = result.legs, result.positions
    for asset in range(3):
        assert int(legs.amount[legs.asset == asset].sum()) == 0
    for contract in range(len(facts.specs)):
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


@settings(max_examples=20, deadline=None)
@given(markets(rich=True))
def test_undoing_the_rollback_is_the_start(facts: Facts) -> None:
    there = roll_back(facts)
    back = roll_back(facts._replace(cut=facts.end, end=facts.cut, wallets=there.after))
    for before, after in zip(facts.wallets, back.after, strict=True):
        assert before.tolist() == after.tolist()


def test_facts_that_do_not_balance_are_refused() -> None:
    facts = random_market(3, 40)
    facts.end.quantity[0] += 1
    with pytest.raises(NotConserved, match="quantities do not sum to zero by contract"):
        roll_back(facts)
    facts.end.quantity[0] -= 1
    facts.end.cost[0] += 1
    with pytest.raises(NotConserved, match="cost and clearing part by contract"):
        roll_back(facts)
    partial = roll_back(facts._replace(whole_market=False))
    assert [by_asset(partial, asset) for asset in range(3)] == [0, 0, 0]


def test_states_of_different_rows_are_refused() -> None:
    facts = random_market(3, 40)
    short = Holdings(*(column[1:] for column in facts.cut))
    with pytest.raises(NotConserved, match="different rows"):
        roll_back(facts._replace(cut=short))


def test_who_is_closed_again_when_trading_reopens() -> None:
    fills = fills_of([(1, 0, 0, 1, 1000, 700_000, 0)])
    [state] = replay(empty_holdings(), fills, [BTC], [END])
    terms = MarginTerms(np.zeros(2, np.uint8), np.full(2, 10))
    cash = np.array([[12 * 10**7], [12 * 10**7]])
    for mark, due in ((700_000, []), (648_000, [0]), (760_000, [1])):
        states = due_now(state, cash, [BTC], np.zeros(1, np.int16), terms, np.array([mark]))
        assert states.account.tolist() == due


def test_names_match_their_numbers() -> None:
    assert outcome.WALLETS[RECEIVABLE] == "receivable"
    assert outcome.REASONS[OWED] == "owed"
