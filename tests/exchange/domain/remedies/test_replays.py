"""Busting and re-pricing by hand: the band to the tick, both sides, and what follows from them.

The contract is linear: 0.001 coin a contract, ticks of 0.1, amounts in millionths, so that one
contract gains or loses 100 units a tick.
"""

from decimal import Decimal

import numpy as np
import pytest

from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import CLEARING, FEES, FUTURES, NotConserved
from exchange.domain.remedies.replays import (
    AT_CUT,
    PPM,
    Adjusted,
    Band,
    bust,
    busted,
    outside_band,
    reprice,
    repriced,
)
from exchange.domain.remedies.rows import FEE_ACCOUNT, HOUSE, OWED, PNL
from exchange.domain.value import contract_spec
from exchange.domain.verdicts import DUE_BOTH, DUE_PRINTED_ONLY, NOT_DUE
from tests.exchange.domain.market import LTC, USDT
from tests.exchange.domain.remedies.facts import (
    LIQUIDATION,
    SECOND,
    TAKEOVER,
    TRADE,
    amounts,
    facts_of,
    holding,
    tape,
)

MARK = 70_000
TINY = contract_spec("TINY", "linear", Decimal(1), Decimal("0.00000001"), "USDT", 6)
THREE = Band(30_000)  # 67,900 and 72,100
PLENTY = [[10**9]] * 10
FUND = 8


def market(*parts, closes=(), **given) -> Facts:
    """Trades after a cut-off at 0 around a fair mark of 70,000, the fund in account 8."""
    facts = {"specs": (USDT,), "at_cut": (MARK,), "fund": FUND, "closes": closes} | given
    return facts_of(tape(*parts), facts.pop("futures", PLENTY), **facts)


def one_trade(ticks: int, **given) -> Facts:
    return market(([(1, 0, 0, 1, 10, ticks, 5)], TRADE), **given)


class TestTheBand:
    @pytest.mark.parametrize(
        ("ticks", "outside", "edge"),
        [
            (67_901, False, 67_901),
            (67_900, True, 67_900),  # at the edge is outside
            (67_899, True, 67_900),
            (1, True, 67_900),
            (70_000, False, 70_000),
            (72_099, False, 72_099),
            (72_100, True, 72_100),
            (90_000, True, 72_100),
        ],
    )
    def test_edges_and_what_is_beyond_them(self, ticks: int, outside: bool, edge: int) -> None:
        facts = one_trade(ticks)
        assert outside_band(facts, THREE)[1].tolist() == [outside] * 2
        adjusted = repriced(facts, THREE)
        now = np.where(adjusted.price != 0, adjusted.price, adjusted.fills.price)
        assert now.tolist() == [edge] * 2
        assert not adjusted.busted.any()
        assert busted(facts, THREE).busted.tolist() == [outside] * 2

    @pytest.mark.parametrize(("ticks", "edge"), [(67_000, 67_998), (80_000, 71_996)])
    def test_an_edge_between_ticks_is_moved_inside(self, ticks: int, edge: int) -> None:
        """2.8572 % of 69,997 is 1,999.954...: edges at 67,997.045... and 71,996.954..."""
        facts = one_trade(ticks, fair=[[69_997]])
        band = Band(28_572)
        assert repriced(facts, band).price.tolist() == [edge] * 2
        inside, beyond = (edge, edge - 1) if ticks < edge else (edge, edge + 1)
        assert not outside_band(one_trade(inside, fair=[[69_997]]), band)[1].any()
        assert outside_band(one_trade(beyond, fair=[[69_997]]), band)[1].all()

    @pytest.mark.parametrize("centre", [10**13, 10**13 + 1, 10**16 + 7])
    def test_edges_of_the_longest_prices_are_exact(self, centre: int) -> None:
        """A price of 100,000 in ticks of a hundred-millionth: a millionth of it does not fit."""
        low, high = centre * 700_001, centre * 1_299_999
        for ticks, outside, edge in (
            (low // PPM, True, -(-low // PPM)),
            (low // PPM + 1, False, low // PPM + 1),
            (high // PPM, high % PPM == 0, high // PPM),
            (high // PPM + 1, True, high // PPM),
        ):
            facts = one_trade(ticks, fair=[[centre]], specs=(TINY,))
            assert outside_band(facts, Band(299_999))[1].tolist() == [outside] * 2
            price = repriced(facts, Band(299_999)).price.tolist()
            assert price == [edge if edge != ticks else 0] * 2

    def test_a_band_of_nothing_is_the_reference_itself(self) -> None:
        facts = one_trade(MARK)
        assert outside_band(facts, Band(0))[1].all()
        assert repriced(facts, Band(0)).price.tolist() == [0, 0]
        assert repriced(one_trade(MARK + 9), Band(0)).price.tolist() == [MARK] * 2

    def test_a_band_finer_than_a_tick_ends_on_the_reference(self) -> None:
        assert repriced(one_trade(MARK + 9), Band(1)).price.tolist() == [MARK] * 2

    def test_the_reference_is_the_fair_mark_of_the_second(self) -> None:
        given = {"times": (0, SECOND, 2 * SECOND), "fair": [[70_000, 60_000, 50_000]]}
        moments = (SECOND - 1, SECOND, 2 * SECOND - 1, 2 * SECOND, 9 * SECOND)
        trades = [(at, 0, 0, 1, 1, 60_000, 0) for at in moments]
        facts = market((trades, TRADE), **given)
        outside = outside_band(facts, THREE)[1][::2]
        assert outside.tolist() == [True, False, False, True, True]

    def test_a_fill_before_the_first_mark_is_held_against_that_one(self) -> None:
        given = {"times": (5 * SECOND, 6 * SECOND), "fair": [[60_000, 50_000]]}
        assert not outside_band(one_trade(60_000, **given), THREE)[1].any()

    def test_the_reference_may_be_the_mark_at_the_cut_off(self) -> None:
        facts = one_trade(60_000, fair=[[60_000]])
        assert not outside_band(facts, THREE)[1].any()
        assert outside_band(facts, Band(30_000, AT_CUT))[1].all()

    def test_where_there_is_no_reference_nothing_is_outside(self) -> None:
        assert not outside_band(one_trade(60_000, at_cut=(0,)), Band(30_000, AT_CUT))[1].any()

    def test_only_the_contracts_named(self) -> None:
        trades = [(1, 0, 0, 1, 10, 60_000, 0), (2, 1, 0, 1, 10, 90_000, 0)]
        facts = market(
            (trades, TRADE), specs=(USDT, LTC), asset_of=(0, 1), at_cut=(MARK, 120_000),
            futures=[[10**9] * 2] * 9,
        )  # fmt: skip
        for contracts, outside in (
            ((), [True, True]),
            ((1,), [False, True]),
            ((0,), [True, False]),
            ((0, 1), [True, True]),
        ):
            found = outside_band(facts, Band(30_000, contracts=contracts))[1][::2]
            assert found.tolist() == outside

    def test_what_was_traded_before_the_cut_off_is_not_looked_at(self) -> None:
        trades = [(5, 0, 0, 1, 10, 60_000, 0), (6, 0, 0, 1, 10, 60_000, 0)]
        first, outside = outside_band(market((trades, TRADE), cutoff=5), THREE)
        assert (first, outside.tolist()) == (2, [True, True])


class TestBusting:
    def test_both_sides_never_were_and_fees_return(self) -> None:
        result = bust(one_trade(60_000), THREE)
        assert result.positions.quantity.tolist() == [-10, 10]
        assert result.positions.cost.tolist() == [-60_000_000, 60_000_000]
        assert amounts(result, 0, FUTURES) == [5]
        assert amounts(result, 1, FUTURES) == [-5]
        assert amounts(result, HOUSE, FEE_ACCOUNT) == []

    def test_what_followed_from_it_follows_anew(self) -> None:
        """Account 0 bought low from 1 and sold to 2 inside the band: without the purchase the
        sale opens a short."""
        trades = [(1, 0, 0, 1, 10, 60_000, 0), (2, 0, 2, 0, 10, 69_000, 0)]
        facts = market((trades, TRADE))
        assert holding(facts.end, 0) == (0, 0, 9_000_000, 0)
        result = bust(facts, THREE)
        assert holding(result.target, 0) == (-10, -69_000_000, 0, 0)
        assert holding(result.target, 1) == (0, 0, 0, 0)
        assert holding(result.target, 2) == holding(facts.end, 2)
        assert amounts(result, 0, FUTURES, PNL) == [-9_000_000]
        assert amounts(result, HOUSE, CLEARING) == [9_000_000]
        assert result.positions.account.tolist() == [0, 1]

    def test_a_gain_already_gone_is_owed(self) -> None:
        trades = [(1, 0, 0, 1, 10, 60_000, 0), (2, 0, 2, 0, 10, 69_000, 0)]
        facts = market((trades, TRADE), futures=[[4_000_000], *PLENTY[1:]])
        assert amounts(bust(facts, THREE), 0, FUTURES, OWED) == [5_000_000]

    def test_a_trade_with_oneself_is_busted_whole(self) -> None:
        fills = tape(([(1, 0, 3, 3, 10, 60_000, 0)], TRADE))
        fills = fills._replace(fee=np.array([7, 2]))
        facts = facts_of(fills, PLENTY, specs=(USDT,), at_cut=(MARK,))
        result = bust(facts, THREE)
        assert result.positions.quantity.size == 0
        assert amounts(result, 3, FUTURES, FEES) == [9]
        assert amounts(result, HOUSE, FEE_ACCOUNT) == [-9]

    def test_only_the_fee_of_what_is_busted_returns(self) -> None:
        trades = [(1, 0, 0, 1, 10, 60_000, 5), (2, 0, 0, 1, 10, 70_000, 3)]
        result = bust(market((trades, TRADE)), THREE)
        assert holding(result.target, 0) == (10, 70_000_000, 0, 3)

    def test_wide_enough_a_band_leaves_everything(self) -> None:
        result = bust(one_trade(60_000), Band(200_000))
        assert result.legs.amount.size == result.positions.quantity.size == 0


class TestRePricing:
    def test_both_sides_were_at_the_edge_and_fees_stay(self) -> None:
        trades = [(1, 0, 0, 1, 10, 60_000, 5), (2, 0, 2, 0, 10, 69_000, 0)]
        facts = market((trades, TRADE))
        result = reprice(facts, THREE)
        assert holding(result.target, 0) == (0, 0, 1_100_000, 5)
        assert holding(result.target, 1) == (-10, -67_900_000, 0, -5)
        assert amounts(result, 0, FUTURES) == [-7_900_000]
        assert amounts(result, HOUSE, CLEARING) == [7_900_000]
        assert result.positions.quantity.tolist() == [0]  # what the sellers sold for, no more
        assert result.positions.cost.tolist() == [-7_900_000]

    def test_a_trade_above_comes_down_to_the_upper_edge(self) -> None:
        result = reprice(one_trade(80_000), THREE)
        assert holding(result.target, 0)[:2] == (10, 72_100_000)
        assert holding(result.target, 1)[:2] == (-10, -72_100_000)

    def test_at_the_edge_nothing_moves(self) -> None:
        assert reprice(one_trade(67_900), THREE).legs.amount.size == 0
        assert reprice(one_trade(67_900), THREE).positions.cost.size == 0

    def test_a_trade_with_oneself_leaves_its_account_as_it_was(self) -> None:
        facts = market(([(1, 0, 3, 3, 10, 60_000, 0)], TRADE))
        result = reprice(facts, THREE)
        assert result.legs.amount.size == result.positions.quantity.size == 0


# Account 0 is long 10 at 70,000; the fund takes 10 over at 67,000 and sells 4 of them at 69,000.
BEFORE = ([(1, 0, 0, 1, 10, 70_000, 0)], TRADE)
SOLD = ([(6, 0, 2, FUND, 4, 69_000, 0)], LIQUIDATION)


def night(verdict: int, ticks: int = 67_000, **given) -> Facts:
    taken = ([(5, 0, FUND, 0, 10, ticks, 0)], TAKEOVER)
    closes = [(5, 0, 0, 10, ticks, verdict)]
    return market(BEFORE, taken, SOLD, cutoff=1, closes=closes, **given)


class TestFollowing:
    @pytest.mark.parametrize("verdict", [DUE_PRINTED_ONLY, NOT_DUE])
    def test_a_wrong_close_is_undone_and_the_fund_holds_the_other_side(self, verdict: int) -> None:
        facts = night(verdict, ticks=69_500)  # inside the band: undone because it was wrong
        for remedy in (bust, reprice):
            result = remedy(facts, THREE)
            assert holding(result.target, 0) == (10, 70_000_000, 0, 0)
            assert holding(result.target, FUND) == (-4, -27_600_000, 0, 0)
            assert holding(result.target, 2) == holding(facts.end, 2)
            assert result.closes is not None
            assert result.closes.time.size == 0

    def test_a_close_that_was_due_stays(self) -> None:
        facts = night(DUE_BOTH, ticks=69_500)
        for remedy in (bust, reprice):
            result = remedy(facts, THREE)
            assert result.legs.amount.size == result.positions.quantity.size == 0
            assert result.closes is not None
            assert result.closes.time.tolist() == [5]

    def test_not_followed_a_wrong_close_stays_inside_the_band(self) -> None:
        facts = night(NOT_DUE, ticks=69_500)
        for remedy in (bust, reprice):
            assert remedy(facts, THREE._replace(follow=False)).legs.amount.size == 0

    def test_a_take_over_outside_the_band_is_a_trade_like_any_other(self) -> None:
        facts = night(DUE_BOTH)
        gone = bust(facts, THREE._replace(follow=False))
        assert holding(gone.target, 0) == (10, 70_000_000, 0, 0)
        assert gone.closes is not None
        assert gone.closes.time.size == 0
        moved = reprice(facts, THREE._replace(follow=False))
        assert holding(moved.target, 0) == (0, 0, -2_100_000, 0)
        assert moved.closes is not None
        assert moved.closes.price.tolist() == [67_900]

    def test_a_wrong_close_outside_the_band_is_undone_not_re_priced(self) -> None:
        assert holding(reprice(night(NOT_DUE), THREE).target, 0) == (10, 70_000_000, 0, 0)
        adjusted = repriced(night(NOT_DUE), THREE)
        assert adjusted.busted.tolist() == [True, True, False, False]
        assert adjusted.price.tolist() == [0] * 4

    def test_only_closes_of_the_contracts_named_are_followed(self) -> None:
        facts = night(NOT_DUE, ticks=69_500)
        other = facts._replace(
            closes=facts.closes._replace(contract=np.array([1], np.int16)),
        )
        assert bust(facts, THREE._replace(contracts=(0,))).positions.quantity.size
        assert not bust(other, THREE._replace(contracts=(0,))).positions.quantity.size

    def test_a_close_before_the_cut_off_or_without_a_fill_is_not_followed(self) -> None:
        facts = night(NOT_DUE, ticks=69_500)
        for fill in (0, -1):
            bare = facts._replace(closes=facts.closes._replace(fill=np.array([fill])))
            result = bust(bare, THREE)
            assert result.positions.quantity.size == 0
            assert result.closes is not None
            assert result.closes.time.tolist() == [5]

    def test_a_trade_without_a_number_drags_no_other_with_it(self) -> None:
        facts = night(NOT_DUE, ticks=69_500)
        numbers = facts.fills.trade.copy()
        numbers[2:] = 0
        bare = facts._replace(fills=facts.fills._replace(trade=numbers))
        assert not busted(bare, THREE).busted.any()


def test_some_accounts_only_need_not_balance() -> None:
    """Only the buyer's row is there: the position goes, and nobody's comes back."""
    fills = tape(([(1, 0, 0, 1, 10, 60_000, 5)], TRADE))
    half = type(fills)(*(column[:1] for column in fills))
    facts = facts_of(half, PLENTY, specs=(USDT,), at_cut=(MARK,), whole_market=False)
    result = bust(facts, THREE)
    assert result.positions.quantity.tolist() == [-10]
    assert amounts(result, 0, FUTURES) == [5]
    assert amounts(result, HOUSE, FEE_ACCOUNT) == [-5]
    with pytest.raises(
        NotConserved, match=r"quantities do not sum to zero by contract: \{0: -10\}"
    ):
        bust(facts._replace(whole_market=True), THREE)


def test_what_is_adjusted_begins_at_a_row_of_the_tape() -> None:
    facts = night(NOT_DUE)
    adjusted = busted(facts, THREE)
    assert isinstance(adjusted, Adjusted)
    assert adjusted.first == 2
    assert adjusted.busted.tolist() == [True, True, False, False]
    assert adjusted.price.tolist() == [0] * 4
