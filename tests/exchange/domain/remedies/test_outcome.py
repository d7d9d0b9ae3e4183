"""From a target and payments to legs: what `conclude`, `compose` and `following` promise."""

import numpy as np
import pytest
from hypothesis import given, settings

from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import (
    FUNDING,
    FUTURES,
    RECEIVABLE,
    NotConserved,
    closed_again,
    compose,
    conclude,
    following,
)
from exchange.domain.remedies.payments import funded
from exchange.domain.remedies.rollback import roll_back
from exchange.domain.remedies.rows import (
    CHARGED,
    CLEARING,
    GOODWILL,
    HOUSE,
    NO_CONTRACT,
    OWED,
    PAID,
    PNL,
    RECOVERED,
    REPAID,
    WRITTEN_OFF,
    leg_rows,
    paid_from,
    sorted_legs,
)
from tests.exchange.domain.market import BTC, USDT
from tests.exchange.domain.remedies.facts import amounts, facts_of, markets, tape

QUIET = tape(([(1, 0, 0, 1, 100, 700_000, 0)], 0))


def charge(amount: int, account: int = 0) -> np.ndarray:
    """A customer is charged, the house has it."""
    return paid_from(HOUSE, GOODWILL, CHARGED, np.array([[-amount], [0]])[[account, 1 - account]])


@settings(max_examples=40, deadline=None)
@given(markets())
def test_legs_effects_and_after_say_the_same(facts: Facts) -> None:
    result = roll_back(facts)
    for wallet, before, after, column in (
        (FUTURES, facts.wallets.futures, result.after.futures, "futures_delta"),
        (FUNDING, facts.wallets.funding, result.after.funding, "funding_delta"),
        (RECEIVABLE, facts.wallets.receivable, result.after.receivable, "receivable_delta"),
    ):
        rows = result.legs.wallet == wallet
        summed = before.copy()
        at = (result.legs.account[rows], result.legs.asset[rows])
        np.add.at(summed, at, result.legs.amount[rows])
        assert summed.tolist() == after.tolist()
        listed = before.copy()
        listed[result.effects.account, result.effects.asset] += getattr(result.effects, column)
        assert listed.tolist() == after.tolist()
    effects = result.effects
    explained = effects.reversed_pnl + effects.reversed_fees + effects.paid
    given_ = effects.futures_delta + effects.funding_delta + effects.receivable_delta
    assert explained.tolist() == given_.tolist()


def test_effects_say_what_was_moved_out_and_how_many_positions_change() -> None:
    fills = tape(([(1, 0, 0, 1, 100, 700_000, 0), (2, 1, 0, 1, 5, 70_000, 3)], 0))
    facts = facts_of(
        fills, [[0, 9], [0, 9]], specs=(BTC, USDT), asset_of=(0, 1), moved=[[-40, 0], [40, 0]],
        at_cut=(700_000, 70_000),
    )  # fmt: skip
    effects = roll_back(facts).effects
    assert effects.account.tolist() == [0, 0, 1, 1]
    assert effects.asset.tolist() == [0, 1, 0, 1]
    assert effects.moved_out.tolist() == [40, 0, 0, 0]
    assert effects.positions_changed.tolist() == [1, 1, 1, 1]
    assert effects.reversed_fees.tolist() == [0, 3, 0, -3]
    assert effects.futures_delta.tolist() == [0, 3, 0, -3]


def test_legs_are_in_their_order_and_the_house_comes_last() -> None:
    legs = roll_back(facts_of(QUIET, [[0], [0]]))._replace(closes=None).legs
    assert legs.amount.size == 0  # an open position has realised nothing
    rows = np.concatenate((
        leg_rows(HOUSE, CLEARING, 0, 0, PNL, 7),
        leg_rows(3, FUTURES, 1, NO_CONTRACT, PAID, 2),
        leg_rows(3, FUTURES, 0, 0, PNL, 5),
        leg_rows(3, FUTURES, 0, 0, PNL, -12),
        leg_rows(1, FUNDING, 0, NO_CONTRACT, RECOVERED, 4),
        leg_rows(1, FUTURES, 0, NO_CONTRACT, RECOVERED, -4),
        leg_rows(2, FUTURES, 0, NO_CONTRACT, PAID, 9),
        leg_rows(2, FUTURES, 0, NO_CONTRACT, PAID, -9),
    ))  # fmt: skip
    made = sorted_legs(rows, 5, 2)
    assert made.account.tolist() == [1, 1, 3, HOUSE, 3]
    assert made.wallet.tolist() == [FUTURES, FUNDING, FUTURES, CLEARING, FUTURES]
    assert made.amount.tolist() == [-4, 4, -7, 7, 2]
    assert made.asset.tolist() == [0, 0, 0, 0, 1]


def test_payments_that_do_not_balance_are_refused() -> None:
    facts = facts_of(QUIET, [[5], [5]])
    with pytest.raises(NotConserved, match=r"cash legs do not sum to zero by asset: \{0: 3\}"):
        conclude(facts, facts.end, leg_rows(0, FUTURES, 0, NO_CONTRACT, PAID, 3))


def test_a_funding_wallet_is_never_overdrawn() -> None:
    facts = facts_of(QUIET, [[5], [5]], funding=[[1], [0]])
    taken = paid_from(HOUSE, GOODWILL, CHARGED, np.array([[-2], [0]]), to=FUNDING)
    with pytest.raises(NotConserved, match="account 0 would have funding below zero in asset 0"):
        conclude(facts, facts.end, taken)


def test_a_wallet_nobody_touches_is_left_as_it_is() -> None:
    """A customer found below zero is another matter's: no leg is made of it."""
    facts = facts_of(QUIET, [[-5], [50]])
    result = conclude(facts, facts.end, charge(20, account=1))
    assert result.after.futures.tolist() == [[-5], [30]]


def test_a_charge_closes_its_gap_like_any_other() -> None:
    facts = facts_of(QUIET, [[10], [0]], funding=[[100], [0]], moved=[[-30], [0]])
    result = conclude(facts, facts.end, charge(60))
    assert amounts(result, 0, FUTURES, RECOVERED) == [30]
    assert amounts(result, 0, FUTURES, OWED) == [20]
    assert [wallet[0, 0] for wallet in result.after] == [0, 70, -20]


def test_what_one_step_recovers_the_next_cannot_recover_again() -> None:
    facts = facts_of(QUIET, [[0], [0]], funding=[[100], [0]], moved=[[-30], [0]])
    first = conclude(facts, facts.end, charge(20))
    assert following(facts, first).moved.tolist() == [[-10], [0]]
    both = compose(facts, first, lambda later: conclude(later, later.end, charge(20)))
    assert amounts(both, 0, FUTURES, RECOVERED) == [30]
    assert amounts(both, 0, FUTURES, OWED) == [10]
    assert both.effects.moved_out.tolist() == [30]


def test_a_debt_of_the_first_step_is_repaid_by_the_second() -> None:
    facts = facts_of(QUIET, [[0], [0]])
    gift = funded(facts, np.array([[50], [0]]), "house")
    first = conclude(facts, facts.end, charge(20))
    both = compose(facts, first, lambda later: conclude(later, later.end, gift))
    assert amounts(both, 0, RECEIVABLE, OWED) == [-20]
    assert amounts(both, 0, RECEIVABLE, REPAID) == [20]
    assert [wallet[0, 0] for wallet in both.after] == [30, 0, 0]
    assert both.effects.receivable_delta.tolist() == [0]


def test_nobody_repays_from_what_only_fills_a_gap() -> None:
    """50 below zero and given 30: nothing is there to repay the older debt of 100 from."""
    facts = facts_of(QUIET, [[-50], [0]], receivable=[[-100], [0]])
    result = conclude(facts, facts.end, funded(facts, np.array([[30], [0]]), "house"))
    assert amounts(result, 0, FUTURES, REPAID) == []
    assert [wallet[0, 0] for wallet in result.after] == [0, 0, -120]


def test_a_debt_that_is_written_off_is_not_repaid_as_well() -> None:
    facts = facts_of(QUIET, [[0], [0]], receivable=[[-50], [0]])
    rows = np.concatenate((
        leg_rows([0, HOUSE], [RECEIVABLE, GOODWILL], 0, NO_CONTRACT, WRITTEN_OFF, [30, -30]),
        funded(facts, np.array([[70], [0]]), "house"),
    ))  # fmt: skip
    result = conclude(facts, facts.end, rows)
    assert amounts(result, 0, FUTURES, REPAID) == [-20]
    assert [wallet[0, 0] for wallet in result.after] == [50, 0, 0]


def test_steps_that_cancel_leave_nothing() -> None:
    facts = facts_of(QUIET, [[90], [0]])
    first = conclude(facts, facts.end, charge(20))
    back = compose(facts, first, lambda later: conclude(later, later.end, charge(-20)))
    assert back.legs.amount.size == 0
    assert back.effects.account.size == 0


def test_following_facts_begin_where_the_outcome_ends() -> None:
    facts = facts_of(QUIET, [[0], [0]], closes=[(1, 0, 0, 5, 700_000, 1)])
    later = following(facts, roll_back(facts))
    assert later.end is facts.cut
    assert later.closes.time.size == 0  # undone, so nobody can be paid for it as well
    assert later.start is not None
    assert later.start.end is facts.end
    assert following(later, roll_back(later)).start is later.start


def test_who_would_be_closed_again() -> None:
    """A long of 1,000 contracts from 7,000.00 with a little over a tenth behind it."""
    fills = tape(([(1, 0, 0, 1, 1000, 700_000, 0)], 0))
    cash = [[12 * 10**7], [12 * 10**7]]
    for mark, due in ((700_000, [[False], [False]]), (648_000, [[True], [False]])):
        facts = facts_of(fills, cash, reopening=[mark])
        assert closed_again(facts, conclude(facts, facts.end)).tolist() == due
