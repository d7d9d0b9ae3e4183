"""Socialising by hand: who pays first, what is shared at which rate, and what the house keeps."""

import numpy as np
import pytest

from exchange.domain.remedies.catalogue import Step, compute
from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import FUNDING, FUTURES, GOODWILL, RECEIVABLE, Outcome
from exchange.domain.remedies.rows import (
    CHARGED,
    COVERED,
    CUT,
    HOUSE,
    OWED,
    RECOVERED,
    REPAID,
    UNREACHED,
    WRITTEN_OFF,
)
from exchange.domain.remedies.socialising import (
    ALL_PAY,
    CLAWBACK,
    HAIRCUT,
    HOUSE_PAYS,
    SINCE_CUTOFF,
    TAPE,
    WINNER_OWES,
    Sharing,
    net_profits,
    socialise,
)
from tests.exchange.domain.market import USDT
from tests.exchange.domain.remedies.facts import TRADE, amounts, facts_of, holding, tape

FUND = 5
ACCOUNTS = 7


def won(fund: int = 0, owed: int = 0, *, later: int = 0, **given) -> Facts:
    """Of 10,000,000 that account 2 lost, 0 won 6,000,000 and 1 won 4,000,000; 3 won and lost
    nothing. Account 2 owes, the fund has money and, with ``later``, a long bought too high."""
    trades = [
        (1, 0, 0, 2, 6, 60_000, 9), (1, 0, 1, 2, 4, 60_000, 9),
        (2, 0, 2, 0, 6, 70_000, 9), (2, 0, 2, 1, 4, 70_000, 9),
        (3, 0, 3, 4, 1, 70_000, 9), (3, 0, 4, 3, 1, 70_000, 9),
    ]  # fmt: skip
    if later:
        trades.append((4, 0, FUND, 4, later, 70_000, 0))
    futures = given.pop("futures", [[10**8], [10**8], [0], [10**8], [10**8], [0], [0]])
    futures[FUND] = [fund]
    receivable = [[0]] * ACCOUNTS
    receivable[2] = [-owed]
    return facts_of(
        tape((trades, TRADE)), futures, specs=(USDT,), fund=FUND, receivable=receivable,
        **({"at_cut": (70_000,)} | given),
    )  # fmt: skip


def clawback(
    facts: Facts, injected: int = 0, period: str = TAPE, beyond: str = HOUSE_PAYS
) -> Outcome:
    return socialise(facts, Sharing(CLAWBACK, period, np.array([injected]), beyond=beyond))


def haircut(facts: Facts, rate_ppm: int = 0) -> Outcome:
    return socialise(facts, Sharing(HAIRCUT, rate_ppm=rate_ppm))


def shared(result: Outcome, reason: int = CHARGED) -> list[int]:
    """What each account bears."""
    return [-sum(amounts(result, account, FUTURES, reason)) for account in range(ACCOUNTS)]


class TestWhoPaysFirst:
    """A debt of 3,000,000 and 10,000,000 of profits."""

    @pytest.mark.parametrize(
        ("fund", "injected", "of_fund", "of_house", "of_winners"),
        [
            (3_000_001, 9, 3_000_000, 0, [0, 0]),
            (3_000_000, 0, 3_000_000, 0, [0, 0]),
            (1_000_000, 0, 1_000_000, 0, [1_200_000, 800_000]),
            (1_000_000, 500_000, 1_000_000, 500_000, [900_000, 600_000]),
            (1_000_000, 2_000_000, 1_000_000, 2_000_000, [0, 0]),
            (1_000_000, 9_000_000, 1_000_000, 2_000_000, [0, 0]),
            (0, 0, 0, 0, [1_800_000, 1_200_000]),
        ],
    )
    def test_fund_then_what_the_house_puts_in_then_the_winners(
        self, fund: int, injected: int, of_fund: int, of_house: int, of_winners: list[int]
    ) -> None:
        result = clawback(won(fund, owed=3_000_000), injected)
        assert amounts(result, 2, RECEIVABLE) == [3_000_000]
        assert -sum(amounts(result, FUND, FUTURES, COVERED)) == of_fund
        assert -sum(amounts(result, HOUSE, GOODWILL)) == of_house
        assert shared(result) == [*of_winners, 0, 0, 0, 0, 0]
        assert result.after.receivable.tolist() == [[0]] * ACCOUNTS

    def test_what_the_fund_lost_beyond_its_money_is_shared_too(self) -> None:
        """A long of 10 from 70,000 at 60,000: 10,000,000 lost, 1,000,000 there to lose."""
        facts = won(1_000_000, owed=500_000, later=10, reopening=(60_000,))
        result = clawback(facts)
        # Account 4 is short the ten of the fund: it has won its 10,000,000 as well.
        assert sum(amounts(result, FUND, FUTURES, COVERED)) == 9_000_000
        assert shared(result) == [2_850_000, 1_900_000, 0, 0, 4_750_000, 0, 0]
        assert result.after.futures[FUND, 0] == 10_000_000  # and worth nothing with its loss
        assert result.positions.quantity.size == 0

    @pytest.mark.parametrize(("mark", "available"), [(71_000, 1_000_000), (69_500, 500_000)])
    def test_a_fund_pays_what_it_is_worth_and_has(self, mark: int, available: int) -> None:
        result = clawback(won(1_000_000, owed=3_000_000, later=10, reopening=(mark,)))
        assert amounts(result, FUND, FUTURES) == [-available]

    def test_what_even_all_profits_leave_is_the_house_s(self) -> None:
        result = clawback(won(owed=12_000_000), injected=500_000)
        assert shared(result)[:2] == [6_000_000, 4_000_000]
        assert amounts(result, HOUSE, GOODWILL) == [-2_000_000]

    def test_without_a_fund_the_winners_pay(self) -> None:
        facts = won(owed=3_000_000)._replace(fund=-1)
        assert shared(clawback(facts))[:2] == [1_800_000, 1_200_000]

    def test_whoever_owes_and_has_money_pays_first(self) -> None:
        futures = [[10**8], [10**8], [2_000_000], [10**8], [10**8], [0], [0]]
        for made in (clawback(won(owed=3_000_000, futures=futures)), haircut(won(3, owed=3))):
            assert made.after.receivable.tolist() == [[0]] * ACCOUNTS
        result = clawback(won(owed=3_000_000, futures=futures))
        assert amounts(result, 2, FUTURES, REPAID) == [-2_000_000]
        assert amounts(result, 2, RECEIVABLE, WRITTEN_OFF) == [1_000_000]
        assert shared(result)[:3] == [600_000, 400_000, 0]
        alone = clawback(won(owed=1_500_000, futures=futures))
        assert alone.legs.account.tolist() == [2, 2]
        assert alone.after.futures[2, 0] == 500_000

    def test_a_haircut_is_of_what_repaying_leaves(self) -> None:
        futures = [[70], [20], [30], [10], [0], [0], [0]]
        owing = won(owed=50, futures=futures, staff=[6])
        result = haircut(owing)
        assert amounts(result, 2, FUTURES) == [-30]
        assert shared(result, CUT) == [14, 4, 0, 2, 0, 0, 0]

    @pytest.mark.parametrize("rate", [0, 360_670])
    def test_nothing_owed_makes_no_legs(self, rate: int) -> None:
        for made in (clawback(won(7), injected=5), haircut(won(7), rate)):
            assert made.legs.amount.size == made.positions.quantity.size == 0
            assert made.effects.account.size == 0

    def test_what_an_account_of_the_house_owes_is_not_a_loss(self) -> None:
        facts = won(owed=500, staff=[2])
        assert clawback(facts).legs.amount.size == 0


class TestNetProfits:
    def test_realised_and_unrealised_over_all_contracts_without_fees(self) -> None:
        profits = net_profits(won(later=10, reopening=(60_000,)), TAPE)
        assert profits[:, 0].tolist() == [
            6_000_000, 4_000_000, -10_000_000, 0, 10_000_000, -10_000_000, 0,
        ]  # fmt: skip

    def test_since_the_cut_off_only_what_came_after(self) -> None:
        """At the cut-off the purchases at 60,000 were already worth 65,000."""
        facts = won(cutoff=1, at_cut=(65_000,), reopening=(70_000,))
        assert net_profits(facts, SINCE_CUTOFF)[:2, 0].tolist() == [3_000_000, 2_000_000]
        assert net_profits(facts, TAPE)[:2, 0].tolist() == [6_000_000, 4_000_000]

    def test_the_period_decides_who_is_charged(self) -> None:
        facts = won(owed=900, cutoff=2)
        assert shared(clawback(facts, period=SINCE_CUTOFF)) == [0] * ACCOUNTS
        assert amounts(clawback(facts, period=SINCE_CUTOFF), HOUSE, GOODWILL) == [-900]
        assert shared(clawback(facts))[:2] == [540, 360]

    def test_losses_count_against_gains_and_losers_are_not_charged(self) -> None:
        result = clawback(won(owed=10_000_000))
        assert shared(result) == [6_000_000, 4_000_000, 0, 0, 0, 0, 0]

    def test_a_house_account_that_won_is_not_charged(self) -> None:
        assert shared(clawback(won(owed=900, staff=[0]))) == [0, 900, 0, 0, 0, 0, 0]


class TestCharging:
    def test_a_unit_that_does_not_divide_goes_to_the_largest_remainder(self) -> None:
        assert shared(clawback(won(owed=4)))[:2] == [2, 2]  # 2.4 and 1.6
        assert shared(clawback(won(owed=7)))[:2] == [4, 3]  # 4.2 and 2.8


class TestBeyondReach:
    """Account 0 is charged 1,800,000 and account 1 1,200,000. Of its profit account 0 has 100 left
    in its futures wallet; 700,000 of the 1,000,000 in its funding wallet came from there."""

    FUTURES = ([100], [10**8], [0], [10**8], [10**8], [0], [0])
    GONE = 1_800_000 - 700_100

    def facts(self, **given: object) -> Facts:
        wallets = {
            "funding": [[1_000_000], *[[0]] * 6], "moved": [[-700_000], *[[0]] * 6],
        }  # fmt: skip
        return won(owed=3_000_000, futures=[*map(list, self.FUTURES)], **wallets | given)

    def test_the_house_pays_it(self) -> None:
        result = clawback(self.facts())
        assert shared(result)[:2] == [700_100, 1_200_000]
        assert amounts(result, 0, FUTURES, RECOVERED) == [700_000]
        assert amounts(result, HOUSE, GOODWILL, UNREACHED) == [-self.GONE]
        assert [wallet[0, 0] for wallet in result.after] == [0, 300_000, 0]
        assert result.after.receivable.tolist() == [[0]] * ACCOUNTS

    def test_or_all_balances_do(self) -> None:
        result = clawback(self.facts(), beyond=ALL_PAY)
        assert amounts(result, HOUSE, GOODWILL) == []
        assert shared(result)[:2] == [700_100, 1_200_000]
        left = [300_000, 10**8 - 1_200_000, 10**8, 10**8]  # account 0's is in its funding wallet
        cut = [-sum(amounts(result, 0, FUNDING, UNREACHED)),
               *(shared(result, UNREACHED)[account] for account in (1, 3, 4))]  # fmt: skip
        assert sum(cut) == self.GONE
        for took, had in zip(cut, left, strict=True):
            assert abs(took * sum(left) - self.GONE * had) < sum(left)
        assert result.after.receivable.tolist() == [[0]] * ACCOUNTS

    def test_or_the_winner_owes_it(self) -> None:
        result = clawback(self.facts(), beyond=WINNER_OWES)
        assert amounts(result, 0, FUTURES, CHARGED) == [-1_800_000]
        assert amounts(result, 0, FUTURES, RECOVERED) == [700_000]
        assert amounts(result, 0, FUTURES, OWED) == [self.GONE]
        assert [wallet[0, 0] for wallet in result.after] == [0, 300_000, -self.GONE]

    @pytest.mark.parametrize(
        ("given", "charged"),
        [
            ({"moved": [[0]] * 7}, 100),  # a deposit of his own in the funding wallet
            ({"funding": [[0]] * 7}, 100),  # withdrawn
            ({"moved": [[-(10**9)], *[[0]] * 6]}, 1_000_100),
            ({"funding": [[10**9], *[[0]] * 6], "moved": [[-(10**9)], *[[0]] * 6]}, 1_800_000),
        ],
    )
    def test_what_is_in_reach(self, given: dict[str, object], charged: int) -> None:
        for beyond in (HOUSE_PAYS, ALL_PAY):
            result = clawback(self.facts(**given), beyond=beyond)
            assert shared(result)[:2] == [charged, 1_200_000]
            assert (result.after.receivable == 0).all()

    def test_what_even_all_balances_leave_is_the_house_s(self) -> None:
        """The winner has nothing left, and nobody else has anything either."""
        facts = won(owed=900, futures=[[0]] * ACCOUNTS, funding=[[0]] * ACCOUNTS)
        result = clawback(facts, beyond=ALL_PAY)
        assert amounts(result, HOUSE, GOODWILL) == [-900]
        assert result.legs.amount.size == 2


class TestHaircut:
    def cut(self, owed: int, rate_ppm: int = 0) -> Outcome:
        """Futures of 70, 20 and 10, funding of 100 (account 0); account 2 owes, 6 has nothing."""
        futures = [[70], [20], [0], [10], [0], [0], [0]]
        facts = won(owed=owed, futures=futures, funding=[[100], *[[0]] * 6], staff=[6])
        return haircut(facts, rate_ppm)

    def test_every_balance_bears_the_rate_that_is_needed(self) -> None:
        result = self.cut(20)  # a tenth
        assert shared(result, CUT) == [7, 2, 0, 1, 0, 0, 0]
        assert amounts(result, 0, FUNDING, CUT) == [-10]
        assert amounts(result, HOUSE, GOODWILL) == []
        assert amounts(result, 2, RECEIVABLE, WRITTEN_OFF) == [20]

    def test_more_than_there_is_takes_all_and_leaves_the_house_the_rest(self) -> None:
        result = self.cut(250)
        assert result.after.futures[:, 0].tolist() == [0] * ACCOUNTS
        assert result.after.funding[0, 0] == 0
        assert amounts(result, HOUSE, GOODWILL) == [-50]

    def test_a_fixed_rate_rounds_down_and_the_rest_is_the_house_s(self) -> None:
        result = self.cut(20, 150_000)
        assert shared(result, CUT) == [10, 3, 0, 1, 0, 0, 0]  # of 10.5, 3 and 1.5
        assert amounts(result, 0, FUNDING, CUT) == [-15]
        assert amounts(result, HOUSE, GOODWILL) == [9]

    def test_a_fixed_rate_that_does_not_reach_leaves_the_house_the_rest(self) -> None:
        assert amounts(self.cut(20, 50_000), HOUSE, GOODWILL) == [-11]

    def test_a_fixed_rate_is_exact_on_the_largest_balances(self) -> None:
        huge = 4 * 10**18 + 1
        facts = won(owed=1, futures=[[huge], *[[0] for _ in range(6)]], staff=[6])
        assert shared(haircut(facts, 999_999), CUT)[0] == huge * 999_999 // 1_000_000

    def test_wallets_of_the_house_are_not_cut(self) -> None:
        futures = [[70], [20], [0], [10], [0], [0], [1000]]
        facts = won(owed=10, futures=futures, staff=[6, 0])
        assert shared(haircut(facts), CUT) == [0, 7, 0, 3, 0, 0, 0]


def test_what_a_rollback_could_not_recover_is_shared_by_who_still_gains() -> None:
    """Account 0's gain is spent: rolled back it owes 6,000,000, which is written off. After the
    rollback nobody has won anything but 3, whose purchase of before the cut-off rises."""
    trades = [
        (1, 0, 3, 4, 100, 69_000, 0),
        (5, 0, 0, 2, 6, 60_000, 0),
        (6, 0, 2, 0, 6, 70_000, 0),
    ]
    futures = [[0], [0], [10**8], [10**8], [10**8], [1_000_000], [0]]
    facts = facts_of(
        tape((trades, TRADE)), futures, specs=(USDT,), at_cut=(70_000,), fund=FUND, cutoff=1
    )
    words = {"method": CLAWBACK, "period": TAPE, "contract": "BTCUSDT", "injected": "2",
             "rate": "0", "beyond": "house"}  # fmt: skip
    result = compute(facts, [Step("rollback", {}), Step("socialise", words)])
    assert amounts(result, 0, FUTURES, OWED) == [6_000_000]
    assert amounts(result, 0, RECEIVABLE, WRITTEN_OFF) == [6_000_000]
    assert [wallet[0, 0] for wallet in result.after] == [0, 0, 0]
    assert amounts(result, FUND, FUTURES) == [-1_000_000]
    assert amounts(result, HOUSE, GOODWILL) == [-2_000_000]
    assert shared(result) == [0, 0, 0, 3_000_000, 0, 0, 0]
    assert holding(result.target, 2) == (0, 0, 0, 0)
