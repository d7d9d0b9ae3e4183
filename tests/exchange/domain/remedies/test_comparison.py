"""One outcome as numbers, by hand: who is in which cohort, who gains and loses, and who pays.

A night of eight accounts around a mark of 7,000.0. Before the cut-off 1 bought 10 contracts and 3
sold 5. After it 0 sold 5 to 2 at 6,000.0, the fund took 1 over there, 2 sold on to 4 at 6,500.0 and
moved most of its gain away.
"""

import numpy as np
import pytest
from hypothesis import given, settings

from exchange.domain.remedies import trades
from exchange.domain.remedies.catalogue import Step, compute, resolve
from exchange.domain.remedies.comparison import COHORTS, cohorts, summarise, worth
from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import Outcome, conclude
from exchange.domain.remedies.replays import Band, outside_band
from exchange.domain.remedies.rollback import roll_back
from exchange.domain.remedies.rows import (
    FUTURES,
    GOODWILL,
    HOUSE,
    NO_CONTRACT,
    PAID,
    leg_rows,
)
from exchange.domain.verdicts import NOT_DUE
from tests.exchange.domain.market import USDT
from tests.exchange.domain.remedies.facts import TAKEOVER, TRADE, facts_of, markets, tape
from tests.exchange.domain.remedies.plans import One, first, later, run

FUND, DESK = 6, 7
CODES = tuple(f"A-{number}" for number in range(8))
HEDGERS = np.arange(8) == 3


def night() -> Facts:
    fills = tape(
        ([(1, 0, 1, 4, 10, 70_000, 0), (1, 0, 4, 3, 5, 70_000, 0)], TRADE),
        ([(5, 0, 2, 0, 5, 60_000, 0)], TRADE),
        ([(6, 0, FUND, 1, 10, 60_000, 0)], TAKEOVER),
        ([(7, 0, 0, 4, 1, 70_000, 0), (8, 0, 4, 2, 5, 65_000, 0)], TRADE),
    )
    fills.fee[4] = 90  # account 2 paid 90 for its purchase
    futures = [[10**8], [10**7], [500_000], [10**8], [10**8], [0], [2 * 10**7], [0]]
    facts = facts_of(
        fills, futures, specs=(USDT,), at_cut=(70_000,), cutoff=1, fund=FUND, house=DESK,
        flagged=[0], closes=[(6, 1, 0, 10, 60_000, NOT_DUE)],
        funding=[[0], [0], [1_200_000], *[[0]] * 5], moved=[[0], [0], [-1_500_000], *[[0]] * 5],
    )  # fmt: skip
    withdrawn = np.zeros_like(facts.withdrawn)
    withdrawn[2] = 300_000
    return facts._replace(withdrawn=withdrawn)


def groups_of(facts: Facts) -> np.ndarray:
    return cohorts(facts, HEDGERS, outside_band(facts, Band(100_000))[1])


def summary(facts: Facts, outcome: Outcome) -> dict:
    return summarise(facts, outcome, groups_of(facts), ("USDT",), CODES)


class TestCohorts:
    def test_everybody_is_in_one(self) -> None:
        found = [(*COHORTS, "house")[number] for number in groups_of(night()).tolist()]
        assert found == [
            "flagged", "liquidated", "bought_low", "hedgers", "traded", "untouched", "house",
            "house",
        ]  # fmt: skip

    def test_the_first_that_fits(self) -> None:
        facts = night()
        for account, cohort in ((2, "hedgers"), (1, "liquidated"), (4, "hedgers")):
            found = cohorts(facts, np.arange(8) == account, outside_band(facts, Band(100_000))[1])
            assert COHORTS[found[account]] == ("bought_low" if account == 2 else cohort)
        flagged = facts._replace(flagged=np.ones(8, np.bool_))
        assert groups_of(flagged)[:6].tolist() == [0] * 6

    def test_a_seller_far_above_took_the_good_side_too(self) -> None:
        facts = facts_of(
            tape(([(5, 0, 1, 0, 5, 80_000, 0)], TRADE)), [[0]] * 8, specs=(USDT,), at_cut=(70_000,)
        )
        found = groups_of(facts)
        assert [COHORTS[number] for number in found[:2]] == ["bought_low", "traded"]

    def test_taking_a_position_over_is_not_buying_low(self) -> None:
        facts = night()._replace(customer=np.ones(8, np.bool_))
        assert COHORTS[groups_of(facts)[FUND]] == "traded"


class TestWhatARollbackDoes:
    def test_what_each_account_is_worth(self) -> None:
        facts = night()
        valued = worth(facts, roll_back(facts))
        assert valued.before[:, 0].tolist() == [
            96_000_000, 10_000_000, 1_700_000, 10**8, 10**8, 0, 30_000_000, 0,
        ]  # fmt: skip
        assert valued.delta[:, 0].tolist() == [
            5_000_000, 10_000_000, 90 - 2_500_000, 0, -2_500_000, 0, -10_000_000, 0,
        ]  # fmt: skip

    def test_counts(self) -> None:
        found = summary(night(), roll_back(night()))
        assert {name: value for name, value in found.items() if name != "by_asset"} == {
            "accounts": 4, "cash_legs": 11, "position_legs": 4, "contracts_moved": "28",
            "reliquidated": 0, "negative_customers": 1, "sum_by_asset": {"USDT": "0"},
            "positions_sum_by_contract": {"BTCUSDT": "0"},
        }  # fmt: skip

    def test_gainers_and_losers(self) -> None:
        found = summary(night(), roll_back(night()))["by_asset"]["USDT"]
        assert {name: found[name] for name in ("gainers", "gained", "losers", "lost")} == {
            "gainers": 2, "gained": "15000000", "losers": 2, "lost": "-4999910",
        }  # fmt: skip
        assert (found["median_gain"], found["median_loss"]) == ("10000000", "-2499910")
        assert found["extremes"] == {
            "gain": [{"account": "A-1", "amount": "10000000"},
                     {"account": "A-0", "amount": "5000000"}],
            "lose": [{"account": "A-4", "amount": "-2500000"},
                     {"account": "A-2", "amount": "-2499910"}],
        }  # fmt: skip
        assert found["distribution"] == [
            {"sign": -1, "from": "1000000", "accounts": 2, "total": "-4999910"},
            {"sign": 1, "from": "1000000", "accounts": 1, "total": "5000000"},
            {"sign": 1, "from": "10000000", "accounts": 1, "total": "10000000"},
        ]
        liquidated = found["cohorts"]["liquidated"]
        assert (liquidated["accounts"], liquidated["gained"]) == (1, "10000000")
        assert found["cohorts"]["untouched"]["gainers"] == 0

    def test_where_the_money_is(self) -> None:
        found = summary(night(), roll_back(night()))["by_asset"]["USDT"]
        assert found["leak"] == {
            "taken_back": "4999910", "moved_out": "1500000", "recoverable": "1200000",
            "withdrawn": "300000", "recovered": "1200000", "owed": "799910",
            "unreached": "0",
            "largest": [{"account": "A-2", "moved_out": "1500000", "recoverable": "1200000"}],
        }  # fmt: skip
        assert found["negative_customers"] == 1

    def test_what_left_the_venue_is_at_most_what_is_out_of_reach(self) -> None:
        facts = night()
        for withdrawn, counted in ((100_000, "100000"), (10**7, "300000")):
            facts.withdrawn[2] = withdrawn
            found = summary(facts, roll_back(facts))["by_asset"]["USDT"]["leak"]
            assert found["withdrawn"] == counted

    def test_whoever_is_worth_less_than_nothing_is_negative_without_a_debt(self) -> None:
        """Account 0 is short 4 from 6,000.0: 4,000,000 lost, and 1,000,000 behind it."""
        facts = night()
        facts.wallets.futures[0] = 1_000_000
        found = summary(facts, conclude(facts, facts.end))
        assert (found["negative_customers"], found["cash_legs"]) == (1, 0)

    def test_who_pays(self) -> None:
        found = summary(night(), roll_back(night()))["by_asset"]["USDT"]
        assert {name: found[name] for name in found if name.startswith(("house", "f"))} == {
            "house_cost": "0", "fees_returned": "90", "fund_before": "20000000",
            "fund_after": "20000000", "fund_worth_before": "30000000",
            "fund_worth_after": "20000000",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("remedy", "words", "house", "fund"),
    [
        ("restore", {}, "10000000", "20000000"),
        ("restore", {"payer": "fund"}, "0", "10000000"),
        ("reference", {"reference": "fixed", "price": "6100"}, "1000000", "20000000"),
        ("reinstate", {}, "10000000", "20000000"),  # its short of 10 from 6,000.0
        ("settle", {"price": "7000", "refund_price": "6900"}, "600000", "30000000"),
    ],
)
def test_what_a_remedy_costs(remedy: str, words: dict[str, str], house: str, fund: str) -> None:
    facts = night()
    made = compute(facts, [Step(remedy, resolve(remedy, words, facts, 0))])
    found = summary(facts, made)["by_asset"]["USDT"]
    assert (found["house_cost"], found["fund_after"]) == (house, fund)


@settings(max_examples=40, deadline=None)
@given(markets(), first, later)
def test_gains_losses_costs_and_fees_add_up(facts: Facts, one: One, two: One) -> None:
    """Worth moves between customers, the house and the fund; none appears, but for what a mark
    that positions are not opened or closed at rounds."""
    outcome = run(facts, one, two)
    named = summarise(
        facts, outcome, cohorts(facts, np.zeros(10, np.bool_), outside_band(facts, Band(4000))[1]),
        ("BTC", "LTC", "USDT"), tuple(map(str, range(10))),
    )  # fmt: skip
    for code, found in named["by_asset"].items():
        gone = sum(
            int(found[name]) for name in ("house_cost", "fees_returned", "fund_worth_before")
        ) - int(found["fund_worth_after"])
        assert abs(int(found["gained"]) + int(found["lost"]) - gone) <= 40, code
        of = found["cohorts"].values()
        for name in ("gained", "lost"):
            assert sum(int(cohort[name]) for cohort in of) == int(found[name])
        for name in ("gainers", "losers", "reliquidated"):
            assert sum(cohort[name] for cohort in of) == found[name]
        bars = found["distribution"]
        assert sum(bar["accounts"] for bar in bars) == found["gainers"] + found["losers"]
        assert sum(int(bar["total"]) for bar in bars) == int(found["gained"]) + int(found["lost"])
    assert set(named["sum_by_asset"].values()) <= {"0"}
    assert set(named["positions_sum_by_contract"].values()) <= {"0"}


def test_the_largest_amounts_have_a_bar_too() -> None:
    facts = night()
    huge = 4 * 10**18
    gift = leg_rows([5, HOUSE], [FUTURES, GOODWILL], 0, NO_CONTRACT, PAID, [huge, -huge])
    found = summary(facts, conclude(facts, facts.end, gift))["by_asset"]["USDT"]
    assert found["distribution"] == [
        {"sign": 1, "from": str(10**18), "accounts": 1, "total": str(huge)}
    ]
    assert found["house_cost"] == str(huge)


class TestTrades:
    @pytest.mark.parametrize(
        ("remedy", "words", "busted", "repriced"),
        [
            ("rollback", {}, 4, 0),
            ("bust", {"band": "0.1"}, 2, 0),
            ("bust", {"band": "0.05"}, 3, 0),
            ("reprice", {"band": "0.1"}, 1, 1),
            ("reprice", {"band": "0.1", "follow": "no"}, 0, 2),
            ("restore", {}, 0, 0),
        ],
    )
    def test_how_many_are_touched(
        self, remedy: str, words: dict[str, str], busted: int, repriced: int
    ) -> None:
        facts = night()
        touched = trades.adjusted(facts, Step(remedy, resolve(remedy, words, facts, 0)))
        assert trades.count(touched) == {"busted": busted, "repriced": repriced}
        assert touched.first == 4

    def test_fills_of_unknown_trades_count_one_by_one(self) -> None:
        facts = night()
        bare = facts._replace(fills=facts.fills._replace(trade=np.zeros_like(facts.fills.trade)))
        assert trades.count(trades.adjusted(bare, Step("rollback", {})))["busted"] == 8
