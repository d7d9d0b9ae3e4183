"""Reinstating and settling by hand: the house on the other side, and what rounding leaves it."""

import numpy as np
import pytest

from exchange.domain.remedies.facts import NOBODY, FactsRefused
from exchange.domain.remedies.house_trades import LONG, SHORT, Settlement, reinstate, settle
from exchange.domain.remedies.outcome import CLEARING, FUTURES, GOODWILL
from exchange.domain.remedies.rows import FEE_ACCOUNT, HOUSE, OWED, REFUNDED
from exchange.domain.replay import TapeTooLarge
from exchange.domain.verdicts import DUE_BOTH, DUE_PRINTED_ONLY, NOT_DUE
from tests.exchange.domain.market import BTC, USDT
from tests.exchange.domain.remedies.facts import TAKEOVER, TRADE, amounts, facts_of, holding, tape

FUND, DESK = 8, 9
PLENTY = [[10**12]] * 10


def night(*, verdict=NOT_DUE, fee=0, fill_fee=None, later=(), **given):
    """Accounts 0 (long 10) and 1 (short 10) at 70,000; 0 is taken over at 60,000."""
    fills = tape(
        ([(1, 0, 0, 1, 10, 70_000, 0)], TRADE),
        ([(5, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER),
        ([(6, 0, 2, 3, 1, 65_000, 0), *later], TRADE),
    )
    fills.fee[3] = fee if fill_fee is None else fill_fee
    closes = [(5, 0, 0, 10, 60_000, verdict, fee)]
    facts = {"specs": (USDT,), "at_cut": (70_000,), "fund": FUND, "house": DESK, "cutoff": 1}
    return facts_of(fills, given.pop("futures", PLENTY), **(facts | {"closes": closes} | given))


class TestReinstating:
    @pytest.mark.parametrize("verdict", [DUE_PRINTED_ONLY, NOT_DUE])
    def test_the_position_returns_at_the_take_over_price(self, verdict: int) -> None:
        facts = night(verdict=verdict, fee=40)
        assert holding(facts.end, 0) == (0, 0, -10_000_000, 40)
        result = reinstate(facts)
        assert holding(result.target, 0) == (10, 60_000_000, -10_000_000, 0)
        assert holding(result.target, DESK) == (-10, -60_000_000, 0, 0)
        assert holding(result.target, FUND) == holding(facts.end, FUND)
        assert amounts(result, 0, FUTURES) == [40]
        assert amounts(result, HOUSE, FEE_ACCOUNT) == [-40]
        assert result.closes is not None
        assert result.closes.time.size == 0

    def test_without_a_house_the_fund_gives_back_what_it_took(self) -> None:
        result = reinstate(night(house=NOBODY))
        assert holding(result.target, FUND) == (0, 0, 0, 0)
        assert holding(result.target, 0)[:2] == (10, 60_000_000)

    def test_without_either_it_is_refused(self) -> None:
        facts = night()._replace(house=NOBODY, fund=NOBODY)
        with pytest.raises(FactsRefused, match="neither a house nor an insurance account"):
            reinstate(facts)

    @pytest.mark.parametrize("given", [{"verdict": DUE_BOTH}, {"flagged": [0]}, {"staff": [0]}])
    def test_who_is_left_out(self, given: dict) -> None:
        result = reinstate(night(**given))
        assert result.legs.amount.size == result.positions.quantity.size == 0

    def test_a_short_returns_short(self) -> None:
        fills = tape(
            ([(1, 0, 1, 0, 7, 70_000, 0)], TRADE), ([(5, 0, 0, FUND, 7, 80_000, 0)], TAKEOVER)
        )
        facts = facts_of(
            fills, PLENTY, specs=(USDT,), at_cut=(70_000,), fund=FUND, house=DESK,
            closes=[(5, 0, 0, -7, 80_000, NOT_DUE)],
        )  # fmt: skip
        assert holding(reinstate(facts).target, 0) == (-7, -56_000_000, -7_000_000, 0)

    def test_it_meets_what_the_customer_has_since_opened(self) -> None:
        """Short 4 at 62,000 after the close: the long of 10 at 60,000 closes it with a gain."""
        facts = night(later=[(7, 0, 3, 0, 4, 62_000, 0)])
        result = reinstate(facts)
        assert holding(result.target, 0) == (6, 36_000_000, -10_000_000 + 800_000, 0)
        assert amounts(result, 0, FUTURES) == [800_000]
        assert amounts(result, HOUSE, CLEARING) == [-800_000]

    def test_only_the_chosen_closes(self) -> None:
        facts = night()
        assert reinstate(facts, np.array([False])).positions.quantity.size == 0
        assert reinstate(facts, np.array([True])).positions.quantity.tolist() == [10, -10]


class TestSettling:
    def test_everybody_is_closed_at_the_price(self) -> None:
        facts = night()
        result = settle(facts, Settlement(0, 66_000, 66_000, LONG))
        assert holding(result.target, 1) == (0, 0, 4_000_000, 0)  # short from 70,000
        assert holding(result.target, FUND) == (0, 0, 6_000_000, 0)  # long from 60,000
        assert holding(result.target, 2) == (0, 0, 100_000, 0)
        assert holding(result.target, 3) == (0, 0, -100_000, 0)
        assert holding(result.target, DESK) == (0, 0, 0, 0)
        assert amounts(result, HOUSE, GOODWILL) == []
        assert amounts(result, HOUSE, CLEARING) == [-10_000_000]  # and none is owed any more

    @pytest.mark.parametrize(
        ("side", "refund", "paid"),
        [
            (LONG, 68_000, {2: 200_000}),  # the fund is long too, and no customer
            (LONG, 66_000, {}),
            (LONG, 65_000, {}),  # a refund is never below zero
            (SHORT, 65_000, {1: 1_000_000, 3: 100_000}),
            (SHORT, 67_000, {}),
        ],
    )
    def test_one_side_is_refunded_to_the_better_price(
        self, side: int, refund: int, paid: dict[int, int]
    ) -> None:
        result = settle(night(), Settlement(0, 66_000, refund, side))
        for account in range(10):
            expected = [paid[account]] if account in paid else []
            assert amounts(result, account, FUTURES, REFUNDED) == expected
        assert sum(amounts(result, HOUSE, GOODWILL)) == -sum(paid.values())

    def test_the_flagged_are_settled_and_not_refunded(self) -> None:
        result = settle(night(flagged=[1]), Settlement(0, 66_000, 65_000, SHORT))
        assert amounts(result, 1, FUTURES, REFUNDED) == []
        assert amounts(result, 3, FUTURES, REFUNDED) == [100_000]
        assert holding(result.target, 1)[0] == 0

    def test_a_loss_beyond_the_wallet_is_owed_after_the_refund(self) -> None:
        facts = night(futures=[*PLENTY[:2], [0], *PLENTY[3:]])
        result = settle(facts, Settlement(0, 60_000, 63_000, LONG))
        assert amounts(result, 2, FUTURES, REFUNDED) == [300_000]
        assert amounts(result, 2, FUTURES, OWED) == [200_000]  # 65,000 -> 60,000 lost 500,000

    def test_what_rounding_leaves_is_the_house_s(self) -> None:
        """Three longs of one contract and a short of three: 100 / 7,000 coins do not divide."""
        trades = [(1, 0, account, 3, 1, 700_000, 0) for account in (0, 1, 2)]
        facts = facts_of(tape((trades, TRADE)), [[10**9]] * 10, house=DESK)
        result = settle(facts, Settlement(0, 690_000, 690_000, LONG))
        one, three = (
            1_449_275,
            4_347_826,
        )  # 10**10 / 6,900 = 1,449,275.36..., three times 4,347,826.08...
        assert [holding(result.target, account)[2] for account in (0, 1, 2)] == [
            1_428_571 - one
        ] * 3
        assert holding(result.target, 3)[2] == three - 3 * 1_428_571
        assert holding(result.target, DESK) == (0, 0, 3 * one - three, 0)
        assert 3 * one - three == -1
        assert amounts(result, DESK, FUTURES) == [-1]
        assert amounts(result, HOUSE, CLEARING) == []

    def test_what_the_house_held_is_closed_by_the_others(self) -> None:
        fills = tape(([(1, 0, DESK, 0, 10, 70_000, 0)], TRADE))
        facts = facts_of(fills, PLENTY, specs=(USDT,), at_cut=(70_000,), house=DESK)
        result = settle(facts, Settlement(0, 71_000, 71_000, LONG))
        assert holding(result.target, DESK) == (0, 0, 1_000_000, 0)

    def test_only_that_contract(self) -> None:
        trades = [(1, 0, 0, 1, 10, 70_000, 0), (2, 1, 0, 1, 10, 700_000, 0)]
        facts = facts_of(
            tape((trades, TRADE)), [[10**9] * 2] * 10, specs=(USDT, BTC), asset_of=(0, 1),
            at_cut=(70_000, 700_000), house=DESK,
        )  # fmt: skip
        result = settle(facts, Settlement(0, 71_000, 71_000, LONG))
        assert result.positions.contract.tolist() == [0, 0]
        assert holding(result.target, 0, 1) == holding(facts.end, 0, 1)

    @pytest.mark.parametrize("whole_market", [True, False])
    def test_a_contract_nobody_holds_makes_no_legs(self, whole_market: bool) -> None:
        facts = facts_of(tape(([(1, 0, 4, 4, 3, 700_000, 0)], TRADE)), [[5]] * 10, house=DESK)
        facts = facts._replace(whole_market=whole_market)
        result = settle(facts, Settlement(0, 1, 700_000, LONG))
        assert result.legs.amount.size == result.positions.quantity.size == 0

    def test_of_some_accounts_the_house_holds_the_rest(self) -> None:
        fills = tape(([(1, 0, 0, 1, 10, 70_000, 0)], TRADE))
        half = type(fills)(*(column[:1] for column in fills))
        facts = facts_of(
            half, PLENTY, specs=(USDT,), at_cut=(70_000,), house=DESK, whole_market=False
        )
        result = settle(facts, Settlement(0, 71_000, 71_000, LONG))
        assert holding(result.target, 0) == (0, 0, 1_000_000, 0)
        assert holding(result.target, DESK) == (10, 71_000_000, 0, 0)

    def test_a_price_that_no_amount_can_hold_is_refused(self) -> None:
        for price, refund in ((2**61, 66_000), (66_000, 2**61)):
            with pytest.raises(TapeTooLarge):
                settle(night(), Settlement(0, price, refund, LONG))
