"""Paying the wrongly liquidated by hand: equity restored, and reference minus close price."""

import numpy as np
import pytest

from exchange.domain.remedies.catalogue import Step, compute
from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.held import held_since_cut
from exchange.domain.remedies.outcome import FUTURES, GOODWILL, RECEIVABLE, Outcome
from exchange.domain.remedies.payments import (
    BY_CLOSE,
    BY_CUTOFF,
    FUND_FIRST,
    HOUSE_ONLY,
    Reference,
    pay_reference,
    restore,
)
from exchange.domain.remedies.rows import COVERED, HOUSE, PAID, REPAID
from exchange.domain.replay import TapeTooLarge
from exchange.domain.verdicts import DUE_BOTH, DUE_PRINTED_ONLY, NOT_DUE
from tests.exchange.domain.market import BTC, USDT
from tests.exchange.domain.remedies.facts import (
    LIQUIDATION,
    TAKEOVER,
    TRADE,
    amounts,
    facts_of,
    tape,
)

FUND, DESK = 8, 9
PLENTY = [[10**9]] * 10
LONG_TEN = ([(1, 0, 0, 1, 10, 70_000, 0)], TRADE)  # account 0 long, 1 short, before the cut-off


def night(*, verdict=DUE_PRINTED_ONLY, fee=0, loss=0, time=5, **given) -> Facts:
    """The long of account 0 is taken over at 60,000: it has lost 10,000,000."""
    fills = tape(LONG_TEN, ([(time, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER))
    fills.fee[3] = fee
    facts = {
        "specs": (USDT,), "at_cut": (70_000,), "fund": FUND, "house": DESK, "cutoff": 1,
        "closes": [(time, 0, 0, 10, 60_000, verdict, fee, loss)],
    }  # fmt: skip
    return facts_of(fills, given.pop("futures", PLENTY), **(facts | given))


def paid(result: Outcome, account: int = 0) -> int:
    return sum(amounts(result, account, FUTURES, PAID))


def reference(facts: Facts, price: int, *, before: bool = True, fees: bool = True) -> Outcome:
    return pay_reference(facts, Reference(np.full(len(facts.closes.time), price), before, fees))


class TestEquityAsAtTheCutOff:
    """At the cut-off account 0 was worth its wallet of then, and 10 contracts at their cost."""

    def test_what_is_missing_is_paid(self) -> None:
        result = restore(night(fee=40))
        assert paid(result) == 10_000_040
        assert amounts(result, HOUSE, GOODWILL) == [-10_000_040]
        assert result.positions.quantity.size == 0
        assert result.effects.paid.tolist() == [10_000_040]
        assert result.closes is not None
        assert result.closes.time.size == 0

    def test_the_marks_of_then_and_of_reopening_count(self) -> None:
        assert paid(restore(night(at_cut=(71_000,)))) == 11_000_000
        assert paid(restore(night(reopening=(65_000,)))) == 10_000_000  # nothing is held now
        later = tape(
            LONG_TEN,
            ([(5, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER),
            ([(6, 0, 0, 1, 4, 60_000, 0)], TRADE),
        )
        for mark, missing in ((60_000, 10_000_000), (62_500, 9_000_000), (85_000, 0)):
            facts = facts_of(
                later, PLENTY, specs=(USDT,), at_cut=(70_000,), reopening=(mark,), cutoff=1,
                closes=[(5, 0, 0, 10, 60_000, NOT_DUE)],
            )  # fmt: skip
            assert paid(restore(facts)) == missing

    @pytest.mark.parametrize(("moved", "left"), [(-3_000_000, 0), (3_000_000, 5_000_000)])
    def test_what_was_moved_since_changes_nothing(self, moved: int, left: int) -> None:
        facts = night(futures=[[left], *PLENTY[1:]], moved=[[moved], *[[0]] * 9])
        assert paid(restore(facts)) == 10_000_000

    def test_a_debt_of_the_night_is_part_of_the_loss_once(self) -> None:
        """500 below zero at the end, which the books hold as a receivable and a wallet of zero."""
        futures, owed = [[0], *PLENTY[1:]], [[-500], *[[0]] * 9]
        assert paid(restore(night(futures=futures, receivable=owed))) == 10_000_000

    @pytest.mark.parametrize("given", [{"verdict": DUE_BOTH}, {"flagged": [0]}, {"staff": [0]}])
    def test_who_is_left_out(self, given: dict) -> None:
        assert restore(night(**given)).legs.amount.size == 0

    def test_nobody_is_charged_who_is_better_off_now(self) -> None:
        fills = tape(
            LONG_TEN,
            ([(5, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER),
            ([(6, 0, 0, 1, 10, 50_000, 0), (7, 0, 2, 0, 10, 90_000, 0)], TRADE),
        )
        facts = facts_of(
            fills, PLENTY, specs=(USDT,), at_cut=(70_000,), cutoff=1,
            closes=[(5, 0, 0, 10, 60_000, NOT_DUE)],
        )  # fmt: skip
        assert restore(facts).legs.amount.size == 0

    def test_only_the_asset_of_the_close(self) -> None:
        """A loss of account 0 in coins is its own, whatever happened to its dollars."""
        fills = tape(
            ([(1, 0, 0, 1, 10, 70_000, 0), (1, 1, 0, 1, 10, 700_000, 0)], TRADE),
            ([(5, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER),
            ([(6, 1, 1, 0, 10, 600_000, 0)], TRADE),
        )
        facts = facts_of(
            fills, [[10**9] * 2] * 10, specs=(USDT, BTC), asset_of=(0, 1), cutoff=1,
            at_cut=(70_000, 700_000), closes=[(5, 0, 0, 10, 60_000, NOT_DUE)],
        )  # fmt: skip
        result = restore(facts)
        assert result.legs.asset.tolist() == [0, 0]
        assert paid(result) == 10_000_000

    def settled(self, refund: str, *, left: int) -> int:
        """What is restored to account 0 once the market is settled at 5,500.0: since its close it
        has bought 10 at 6,000.0, and its wallet holds ``left``."""
        fills = tape(
            LONG_TEN,
            ([(5, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER),
            ([(6, 0, 0, 1, 10, 60_000, 0)], TRADE),
        )
        facts = facts_of(
            fills, [[left], *PLENTY[1:]], specs=(USDT,), at_cut=(70_000,), reopening=(60_000,),
            cutoff=1, fund=FUND, house=DESK, closes=[(5, 0, 0, 10, 60_000, NOT_DUE)],
        )  # fmt: skip
        words = {"contract": "BTCUSDT", "price": "5500.0", "refund_price": refund,
                 "refund_side": "long"}  # fmt: skip
        by_cutoff = {"measure": BY_CUTOFF, "payer": HOUSE_ONLY}
        assert paid(restore(facts)) == 10_000_000
        return paid(compute(facts, [Step("settle", words), Step("restore", by_cutoff)]))

    def test_what_an_earlier_step_paid_is_not_paid_again(self) -> None:
        assert self.settled("5500.0", left=10**9) == 15_000_000
        assert self.settled("5900.0", left=10**9) == 11_000_000

    def test_what_an_earlier_step_lent_is_not_the_customer_s(self) -> None:
        assert self.settled("5500.0", left=0) == 15_000_000
        assert self.settled("5900.0", left=0) == 11_000_000


class TestEquityThatTheClosesTook:
    def test_their_losses_are_summed(self) -> None:
        fills = tape(LONG_TEN, ([(5, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER))
        rows = [
            (5, 0, 0, 10, 60_000, NOT_DUE, 7, 900),
            (6, 0, 0, 1, 60_000, DUE_PRINTED_ONLY, 7, 50),
            (7, 0, 0, 1, 60_000, DUE_BOTH, 7, 4),
            (8, 1, 0, 1, 60_000, NOT_DUE, 7, 3),
            (9, 2, 0, 1, 60_000, NOT_DUE, 7, 2),
        ]
        facts = facts_of(fills, PLENTY, specs=(USDT,), at_cut=(70_000,), closes=rows, flagged=[2])
        result = restore(facts, BY_CLOSE)
        assert [paid(result, account) for account in range(4)] == [950, 3, 0, 0]
        assert amounts(result, HOUSE, GOODWILL) == [-953]
        assert result.closes is not None
        assert result.closes.time.tolist() == [7, 9]


class TestReferenceMinusPrice:
    @pytest.mark.parametrize(
        ("price", "due"), [(70_000, 10_000_000), (60_001, 1000), (60_000, 0), (59_000, 0)]
    )
    def test_the_difference_never_below_zero(self, price: int, due: int) -> None:
        assert paid(reference(night(), price)) == due
        assert paid(reference(night(fee=40), price)) == due + 40
        assert paid(reference(night(fee=40), price, fees=False)) == due
        assert paid(reference(night(fee=-40), price)) == due  # a rebate is not taken back

    def test_a_short_is_paid_for_a_price_too_high(self) -> None:
        fills = tape(
            ([(1, 0, 1, 0, 10, 70_000, 0)], TRADE), ([(5, 0, 0, FUND, 10, 80_000, 0)], TAKEOVER)
        )
        facts = facts_of(
            fills, PLENTY, specs=(USDT,), at_cut=(70_000,), cutoff=1,
            closes=[(5, 0, 0, -10, 80_000, NOT_DUE)],
        )  # fmt: skip
        assert paid(reference(facts, 75_000)) == 5_000_000
        assert paid(reference(facts, 85_000)) == 0

    def test_each_value_is_rounded_before_they_are_subtracted(self) -> None:
        """7 contracts: 0.1 coin at 7,000 and 700 / 6,999 = 0.100014287..., in coins of 8 places."""
        fills = tape(
            ([(1, 0, 0, 1, 7, 700_000, 0)], TRADE), ([(5, 0, FUND, 0, 7, 699_900, 0)], TAKEOVER)
        )
        facts = facts_of(fills, PLENTY, cutoff=1, closes=[(5, 0, 0, 7, 699_900, NOT_DUE)])
        assert paid(reference(facts, 700_000)) == 10_001_429 - 10_000_000

    def test_a_close_without_a_reference_is_not_paid_not_even_its_fee(self) -> None:
        result = reference(night(fee=40), 0)
        assert result.legs.amount.size == 0
        assert result.closes is not None
        assert result.closes.time.tolist() == [5]

    def test_paid_once(self) -> None:
        words = {"reference": "before", "price": "0", "contract": "BTCUSDT", "opened": "before",
                 "fees": "yes", "payer": HOUSE_ONLY}  # fmt: skip
        again = compute(night(), [Step("reference", words), Step("reference", words)])
        assert paid(again) == 10_000_000
        for other in ("reinstate", "rollback"):
            given = {"contracts": ""} if other == "reinstate" else {}
            both = compute(night(), [Step(other, given), Step("reference", words)])
            assert paid(both) == 0
            nothing = Step("restore", {"measure": BY_CLOSE, "payer": HOUSE_ONLY})
            sharing = {"method": "clawback", "period": "tape", "contract": "BTCUSDT",
                       "injected": "0", "rate": "0", "beyond": "house"}  # fmt: skip
            steps = [Step(other, given), Step("socialise", sharing), nothing]
            assert paid(compute(night(loss=900), steps)) == 0

    def test_an_old_debt_is_repaid_from_it(self) -> None:
        result = reference(night(receivable=[[-300], *[[0]] * 9]), 60_001)
        assert amounts(result, 0, RECEIVABLE, REPAID) == [300]

    def test_a_price_that_no_amount_can_hold_is_refused(self) -> None:
        with pytest.raises(TapeTooLarge):
            reference(night(), 2**61)

    def test_a_share_of_a_great_fee_does_not_wrap(self) -> None:
        """Half of ten billion contracts were old; the fee times that is past 64 bits."""
        size = 10**10
        fills = tape(
            ([(1, 0, 0, 1, size // 2, 70_000, 0)], TRADE),
            ([(2, 0, 0, 1, size // 2, 70_000, 0)], TRADE),
            ([(5, 0, FUND, 0, size, 60_000, 0)], TAKEOVER),
        )
        facts = facts_of(
            fills, [[10**17]] * 10, specs=(USDT,), at_cut=(70_000,), cutoff=1,
            closes=[(5, 0, 0, size, 60_000, NOT_DUE, 10**17 + 1)],
        )  # fmt: skip
        assert paid(reference(facts, 60_000)) == 10**17 // 2


class TestOpenedBefore:
    """Account 0 holds 10 at the cut-off."""

    def closed(self, *trades: tuple[int, int], closes: tuple[tuple[int, int], ...]) -> list[int]:
        """Contracts of each close held since the cut-off, the closes (time, size) among the trades
        (time, signed size) of account 0."""
        parts = [LONG_TEN]
        for time, size in sorted((*trades, *((at, -held) for at, held in closes))):
            forced = (time, -size) in closes
            other = FUND if forced else 1
            buyer, seller = (0, other) if size > 0 else (other, 0)
            parts.append(([(time, 0, buyer, seller, abs(size), 65_000, 0)],
                          TAKEOVER if forced else TRADE))  # fmt: skip
        facts = facts_of(
            tape(*parts), PLENTY, specs=(USDT,), at_cut=(70_000,), cutoff=1,
            closes=[(at, 0, 0, held, 65_000, NOT_DUE) for at, held in closes],
        )  # fmt: skip
        sizes = np.abs(facts.closes.quantity)
        return np.minimum(sizes, held_since_cut(facts)).tolist()

    def test_over_several_closes_the_earliest_first(self) -> None:
        assert self.closed(closes=((5, 4), (6, 6))) == [4, 6]
        assert self.closed((4, 5), closes=((5, 8), (6, 7))) == [8, 2]
        assert self.closed((4, 5), closes=((5, 15),)) == [10]

    def test_what_was_sold_and_bought_again_is_new(self) -> None:
        assert self.closed((3, -7), (4, 7), closes=((5, 10),)) == [3]
        assert self.closed((3, -10), (4, 10), closes=((5, 10),)) == [0]
        assert self.closed((3, -15), (4, 15), closes=((5, 10),)) == [0]

    def test_new_contracts_are_sold_before_old_ones(self) -> None:
        assert self.closed((2, 5), (3, -7), (4, 7), closes=((5, 15),)) == [8]
        assert self.closed((2, 5), (4, -5), closes=((5, 10),)) == [10]

    def test_a_position_of_the_other_side_is_new(self) -> None:
        assert self.closed((3, -30), closes=((5, -20),)) == [0]

    def test_a_close_in_between_that_was_due_takes_its_part(self) -> None:
        assert self.closed((4, 6), closes=((3, 6), (5, 10))) == [6, 4]

    def test_a_close_at_the_cut_off_had_nothing_left(self) -> None:
        facts = night(time=1)
        assert held_since_cut(facts).tolist() == [0]

    def test_closes_without_fills_take_their_part_too(self) -> None:
        """Some accounts only: the tape has no take-overs, the record has two."""
        rows = [(5, 0, 0, 8, 60_000, NOT_DUE), (6, 0, 0, 8, 60_000, NOT_DUE),
                (1, 0, 0, 8, 60_000, NOT_DUE), (6, 7, 0, 8, 60_000, NOT_DUE),
                (4, 1, 0, 8, 60_000, NOT_DUE), (4, 1, 0, -8, 60_000, NOT_DUE)]  # fmt: skip
        facts = facts_of(
            tape(LONG_TEN), PLENTY, specs=(USDT,), at_cut=(70_000,), cutoff=1, closes=rows
        )
        # Account 1 is short 10: the close of a long is of none of them and takes none.
        assert held_since_cut(facts).tolist() == [10, 2, 0, 0, 0, 10]
        assert paid(reference(facts, 60_100)) == 100_000

    def test_or_any(self) -> None:
        fills = tape(LONG_TEN, ([(5, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER))
        fills.fee[3] = 41
        for cutoff, before, due in ((1, True, 41 + 10_000), (0, True, 0), (0, False, 41 + 10_000)):
            facts = facts_of(
                fills, PLENTY, specs=(USDT,), at_cut=(70_000,), cutoff=cutoff,
                closes=[(5, 0, 0, 10, 60_000, NOT_DUE, 41)],
            )  # fmt: skip
            assert paid(reference(facts, 60_010, before=before)) == due


class TestWhoPays:
    @pytest.mark.parametrize(
        ("money", "from_fund"),
        [(12_000_000, 10_000_000), (10_000_000, 10_000_000), (4_000_000, 4_000_000), (0, 0)],
    )
    def test_the_fund_first_and_the_house_the_rest(self, money: int, from_fund: int) -> None:
        facts = night(futures=[*PLENTY[:8], [money], [0]])
        result = reference(facts, 70_000)
        assert amounts(result, FUND, FUTURES) == []
        result = pay_reference(facts, Reference(np.array([70_000])), FUND_FIRST)
        assert sum(amounts(result, FUND, FUTURES, COVERED)) == -from_fund
        assert sum(amounts(result, HOUSE, GOODWILL)) == from_fund - 10_000_000
        assert paid(result) == 10_000_000

    def test_an_empty_fund_or_none_pays_nothing(self) -> None:
        for facts in (night(futures=[*PLENTY[:8], [-5], [0]]), night(fund=-1)):
            result = restore(facts, payer=FUND_FIRST)
            assert sum(amounts(result, HOUSE, GOODWILL)) == -10_000_000


def test_a_sale_of_the_fund_changes_nobody_s_claim() -> None:
    fills = tape(
        LONG_TEN,
        ([(5, 0, FUND, 0, 10, 60_000, 0)], TAKEOVER),
        ([(6, 0, 2, FUND, 10, 50_000, 0)], LIQUIDATION),
    )
    facts = facts_of(
        fills, PLENTY, specs=(USDT,), at_cut=(70_000,), cutoff=1, fund=FUND,
        closes=[(5, 0, 0, 10, 60_000, NOT_DUE)],
    )  # fmt: skip
    assert paid(restore(facts)) == paid(reference(facts, 70_000)) == 10_000_000
