"""Numbers that operators published, from the remedies themselves, to the digit.

Each case names its incident; sources are in `formulas` and in the domain notes. Remedies are run
from words, as a plan runs them. Programmes that are no remedy (Bithumb 2026, Binance's eligibility)
are in `test_formulas`.
"""

from decimal import Decimal
from fractions import Fraction

import pytest

from exchange.domain.remedies.catalogue import Step, compute, resolve
from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import FUNDING, FUTURES, GOODWILL, Outcome, by_asset
from exchange.domain.remedies.rows import CHARGED, COVERED, CUT, HOUSE, PAID, REFUNDED, UNREACHED
from exchange.domain.remedies.socialising import TAPE, net_profits
from exchange.domain.value import ContractSpec, contract_spec
from exchange.domain.verdicts import NOT_DUE
from tests.exchange.domain.remedies.facts import (
    TAKEOVER,
    TRADE,
    amounts,
    facts_of,
    holding,
    tape,
)

BTC0928 = contract_spec("BTC0928", "inverse", Decimal(100), Decimal("0.01"), "BTC", 8)
XBTUSD = contract_spec("XBTUSD", "inverse", Decimal(1), Decimal("0.1"), "XBT", 8)
XBTU19 = contract_spec("XBTU19", "inverse", Decimal(1), Decimal("0.5"), "XBT", 8)
ETHM19 = contract_spec("ETHM19", "linear", Decimal(1), Decimal("0.00001"), "XBT", 8)
BTCUSDT = contract_spec("BTC-USDT", "linear", Decimal("0.001"), Decimal("0.1"), "USDT", 6)
OKB = contract_spec("OKB-USDT", "linear", Decimal(1), Decimal("0.01"), "USDT", 6)
JELLY = contract_spec("JELLY", "linear", Decimal(1), Decimal("0.000001"), "USDC", 6)
LONG, SHORT = 1, -1
CUTOFF, LATER = 10, 20


def run(facts: Facts, remedy: str, contract: int = 0, **words: str) -> Outcome:
    return compute(facts, [Step(remedy, resolve(remedy, words, facts, contract))])


def coins(units: int, scale: int) -> Decimal:
    return Decimal(units).scaleb(-scale)


def liquidated(
    spec: ContractSpec,
    contracts: int,
    at: str,
    *,
    side: int = LONG,
    mark: str = "0",
    fee: str = "0",
    opened: int = CUTOFF,
    flagged: bool = False,
) -> Facts:
    """Account 0 opened against 1, and was taken over by the fund (2) without being due."""
    price, paid = ticks(spec, at), int(Decimal(fee).scaleb(spec.scale))
    buyer, seller = (0, 1) if side == LONG else (1, 0)
    fund_buys, fund_sells = (2, 0) if side == LONG else (0, 2)
    fills = tape(
        ([(opened, 0, buyer, seller, contracts, ticks(spec, mark) or price, 0)], TRADE),
        ([(LATER, 0, fund_buys, fund_sells, contracts, price, 0)], TAKEOVER),
    )
    return facts_of(
        fills, [[10**15]] * 3, specs=(spec,), fund=2, cutoff=CUTOFF,
        at_cut=(ticks(spec, mark) or price,), flagged=[0] if flagged else [],
        closes=[(LATER, 0, 0, side * contracts, price, NOT_DUE, paid)],
    )  # fmt: skip


def ticks(spec: ContractSpec, price: str) -> int:
    return int(Decimal(price) / spec.tick)


def payout(outcome: Outcome, scale: int) -> Decimal:
    return coins(sum(amounts(outcome, 0, FUTURES, PAID)), scale)


class TestOkex31July2018:
    """A long of 4,168,515 contracts of USD 100, taken over at 8,020, delivered at 7,483. The fund
    had 10 BTC and OKEx put in 2,500; about 17 % of profits were taken back."""

    QUANTITY, WHALE, FUND = 4_168_515, 0, 3
    BOUGHT = 856_879  # the two winners sold at 8,568.79, which makes their profit 7,058.8 BTC

    def facts(
        self, bought: int = BOUGHT, taken_over: str = "8020", delivered: str = "7483"
    ) -> Facts:
        third, at = self.QUANTITY // 3, ticks(BTC0928, taken_over)
        fills = tape(
            ([(1, 0, self.WHALE, 1, self.QUANTITY - third, bought, 0),
              (2, 0, self.WHALE, 2, third, bought, 0)], TRADE),
            ([(3, 0, self.FUND, self.WHALE, self.QUANTITY, at, 0)], TAKEOVER),
        )  # fmt: skip
        return facts_of(
            fills, [[0], [10**12], [10**12], [10 * 10**8]], specs=(BTC0928,), fund=self.FUND,
            reopening=(ticks(BTC0928, delivered),), at_cut=(at,),
        )  # fmt: skip

    def test_the_loss_the_fund_the_injection_and_the_residue(self) -> None:
        facts = self.facts()
        loss = 416_851_500 * (Fraction(1, 7483) - Fraction(1, 8020))
        assert round(loss, 2) == Fraction("3729.97")
        outcome = run(facts, "socialise", injected="2500")
        filled = coins(sum(amounts(outcome, self.FUND, FUTURES, COVERED)), 8)
        shared = coins(-by_asset(outcome, 0, reason=CHARGED), 8)
        assert round(filled + 10, 2) == Decimal("3729.97")
        assert coins(sum(amounts(outcome, HOUSE, GOODWILL)), 8) == -2500
        assert round(shared, 2) == Decimal("1219.97")
        assert filled == 2500 + shared

    def test_the_other_pair_of_prices_in_the_press(self) -> None:
        """8,040 and 7,480: the loss is larger, and more than "about 1,200" is left."""
        facts = self.facts(taken_over="8040", delivered="7480")
        outcome = run(facts, "socialise", injected="2500")
        shared = coins(-by_asset(outcome, 0, reason=CHARGED), 8)
        assert (round(shared + 2510, 2), round(shared, 1)) == (
            Decimal("3881.61"),
            Decimal("1371.6"),
        )

    @pytest.mark.parametrize(
        ("bought", "pool", "rate"),
        [
            (856_879, "7058.8", "17.00"),
            (852_123, "6787.3", "17.68"),
            (850_027, "6666.7", "18.00"),
        ],
    )
    def test_the_profits_that_a_rate_implies(self, bought: int, pool: str, rate: str) -> None:
        """Of a residue of 1,200 BTC; what is put in beside the fund's 10 leaves just that."""
        facts = self.facts(bought)
        loss = 416_851_500 * (Fraction(1, 7483) - Fraction(1, 8020))
        put_in = Decimal(round((loss - 1210) * 10**8)).scaleb(-8)
        outcome = run(facts, "socialise", injected=str(put_in))
        shared = coins(-by_asset(outcome, 0, reason=CHARGED), 8)
        profits = coins(int(net_profits(facts, TAPE)[1:3, 0].sum()), 8)
        assert abs(shared - 1200) < Decimal("0.00000002")
        assert round(profits, 1) == Decimal(pool)
        assert round(shared / profits * 100, 2) == Decimal(rate)

    def test_the_rate(self) -> None:
        facts = self.facts()
        outcome = run(facts, "socialise", injected="2500")
        profits = net_profits(facts, TAPE)[1:3, 0].tolist()
        assert round(coins(sum(profits), 8), 1) == Decimal("7058.8")
        charged = [-sum(amounts(outcome, account, FUTURES, CHARGED)) for account in (1, 2)]
        for profit, charge in zip(profits, charged, strict=True):
            assert round(Decimal(charge) / profit * 100, 1) == Decimal("17.3")
            assert abs(charge - Fraction(sum(charged) * profit, sum(profits))) < 1
        assert int(Decimal(sum(charged)) / sum(profits) * 100) == 17


def test_okex_s_illustration_of_a_clawback() -> None:
    """A is long 10 and B short 10 at a price of 1, each with 1 behind it; at 0.1 B has won 9, A can
    pay 1, and 8 are left to a clawback."""
    spec = contract_spec("COIN", "linear", Decimal(1), Decimal("0.1"), "USD", 2)
    fills = tape(([(1, 0, 0, 1, 10, 10, 0)], TRADE), ([(2, 0, 2, 0, 10, 9, 0)], TAKEOVER))
    facts = facts_of(fills, [[0], [100], [0]], specs=(spec,), fund=2, at_cut=(10,), reopening=(1,))
    assert net_profits(facts, TAPE)[:, 0].tolist() == [-100, 900, -800]
    settled = {"price": "0.1", "refund_price": "0.1"}
    steps = [Step(name, resolve(name, words, facts, 0))
             for name, words in (("settle", settled), ("socialise", {}))]  # fmt: skip
    made = compute(facts, steps)
    assert amounts(made, 1, FUTURES, CHARGED) == [-800]
    assert [int(made.after.futures[account, 0]) for account in (0, 1, 2)] == [0, 200, 0]
    alone = run(facts, "socialise")  # B's profit is only a price yet, and 1 is in reach
    assert amounts(alone, 1, FUTURES, CHARGED) == [-100]
    assert amounts(alone, HOUSE, GOODWILL, UNREACHED) == [-700]


class TestOkx13September2023:
    """(mark at 15:38:06 - liquidation price) + the fee, for positions opened before 15:38:07."""

    def test_the_difference_and_the_fee(self) -> None:
        facts = liquidated(BTCUSDT, 2000, "25300", mark="26000", fee="25.3")
        assert payout(run(facts, "reference"), 6) == Decimal("1425.30")

    def test_nothing_for_positions_opened_in_the_fault(self) -> None:
        facts = liquidated(BTCUSDT, 2000, "25300", mark="26000", fee="25.3", opened=CUTOFF + 1)
        assert payout(run(facts, "reference"), 6) == 0
        assert payout(run(facts, "reference", opened="any"), 6) == Decimal("1425.30")


def test_okb_23_january_2024() -> None:
    """48.36 less the liquidation price, plus penalties and fees."""
    facts = liquidated(OKB, 100, "30.00", mark="50.00", fee="7")
    fixed = {"reference": "fixed", "price": "48.36"}
    assert payout(run(facts, "reference", fees="no", **fixed), 6) == Decimal("1836.00")
    assert payout(run(facts, "reference", **fixed), 6) == Decimal("1843.00")


@pytest.mark.parametrize(("at", "paid"), [("1100", "0.63782371"), ("1183", "0"), ("1190", "0")])
def test_bitmex_15_april_2017(at: str, paid: str) -> None:
    """The loss between 1,183.00 and the liquidation price; positions are not reinstated."""
    facts = liquidated(XBTUSD, 10_000, at, mark="1200")
    outcome = run(facts, "reference", reference="fixed", price="1183.00", fees="no")
    assert payout(outcome, 8) == Decimal(paid)
    assert outcome.positions.quantity.size == 0


@pytest.mark.parametrize(
    ("side", "at", "best", "paid"),
    [
        (LONG, "5000.0", "5079.5", "0.03130229"),  # XBTU19: 10,000 x (1/5,000 - 1/5,079.5)
        (LONG, "5079.5", "5079.5", "0"),
        (SHORT, "5200.0", "5079.5", "0.04562079"),
    ],
)
def test_bitmex_2_april_2019(side: int, at: str, best: str, paid: str) -> None:
    """Positions closed without need are re-priced to the best price of the window."""
    facts = liquidated(XBTU19, 10_000, at, side=side)
    outcome = run(facts, "reference", reference="fixed", price=best, fees="no")
    assert payout(outcome, 8) == Decimal(paid)


def test_bitmex_2_april_2019_in_coins() -> None:
    """ETHM19 is quoted in XBT: shorts are re-priced to 0.03103."""
    facts = liquidated(ETHM19, 1000, "0.03200", side=SHORT)
    outcome = run(facts, "reference", reference="fixed", price="0.03103", fees="no")
    assert payout(outcome, 8) == 1000 * (Decimal("0.03200") - Decimal("0.03103"))


def test_deribit_31_october_2019() -> None:
    """Equity back to before the incident at an index of about 9,160, from company reserves: the
    fund is left alone. Long 100,000 bought at 9,160 and closed at 7,720."""
    facts = liquidated(XBTUSD, 100_000, "7720", mark="9160")
    facts = facts._replace(reopening=facts.at_cut)
    outcome = run(facts, "restore")
    lost = 100_000 * (Fraction(1, 7720) - Fraction(1, 9160))
    assert abs(payout(outcome, 8) - Decimal(round(lost * 10**8)).scaleb(-8)) <= Decimal("1e-8")
    assert sum(amounts(outcome, HOUSE, GOODWILL)) == -sum(amounts(outcome, 0, FUTURES, PAID))
    assert amounts(outcome, 2, FUTURES) == []


class TestJelly26March2025:
    """Settled at 0.0095; longs refunded as if at 0.037555, flagged addresses left out."""

    def outcome(self, *flagged: int) -> tuple[Facts, Outcome]:
        fills = tape(([(1, 0, 0, 1, 10_000, 20_000, 0)], TRADE))
        facts = facts_of(
            fills, [[10**9]] * 3, specs=(JELLY,), house=2, flagged=flagged,
            at_cut=(9_500,), reopening=(37_555,),
        )  # fmt: skip
        return facts, run(facts, "settle")

    def test_the_long_is_refunded(self) -> None:
        _, outcome = self.outcome()
        assert coins(sum(amounts(outcome, 0, FUTURES, REFUNDED)), 6) == Decimal("280.55")
        assert coins(sum(amounts(outcome, HOUSE, GOODWILL)), 6) == Decimal("-280.55")

    def test_the_flagged_long_is_not(self) -> None:
        _, outcome = self.outcome(0)
        assert amounts(outcome, 0, FUTURES, REFUNDED) == []
        assert holding(outcome.target, 0) == (0, 0, -105_000_000, 0)

    def test_the_short_keeps_the_settlement(self) -> None:
        for flagged in ((), (1,)):
            _, outcome = self.outcome(*flagged)
            assert coins(holding(outcome.target, 1)[2], 6) == 105  # 10,000 x (0.02 - 0.0095)
            assert amounts(outcome, 1, FUTURES, REFUNDED) == []

    def test_the_prices_are_the_marks_unless_given(self) -> None:
        facts, _ = self.outcome()
        assert resolve("settle", {}, facts, 0) == {
            "contract": "JELLY", "price": "0.009500", "refund_price": "0.037555",
            "refund_side": "long",
        }  # fmt: skip


def lost(owed: int, futures: list[int], funding: list[int] | None = None) -> Facts:
    """Customer 0 has balances in two assets of 8 and 2 places; customer 1 owes the loss."""
    specs = (BTC0928, contract_spec("X", "linear", Decimal(1), Decimal(1), "USD", 2))
    return facts_of(
        tape(([(1, 0, 2, 2, 1, 700_000, 0)], TRADE)), [futures, [0, 0], [0, 0]], specs=specs,
        asset_of=(0, 1), at_cut=(700_000, 1), receivable=[[0, 0], [-owed, 0], [0, 0]],
        funding=[funding or [0, 0], [0, 0], [0, 0]],
    )  # fmt: skip


def test_bitfinex_august_2016() -> None:
    """Every asset of every account less 36.067 %, whichever of them was stolen."""
    facts = lost(119_756 * 10**8, [4 * 10**8, 1_000 * 100], [6 * 10**8, 0])
    outcome = run(facts, "socialise", method="haircut", rate="0.36067")
    futures, funding = outcome.after.futures[0], outcome.after.funding[0]
    assert coins(int(futures[0] + funding[0]), 8) == Decimal("6.3933")
    assert coins(int(futures[1] + funding[1]), 2) == Decimal("639.33")
    assert amounts(outcome, 0, FUNDING) == [-int(Decimal("0.36067") * 6 * 10**8)]


def test_bitfinex_had_only_bitcoin_been_cut() -> None:
    """119,756 of 243,352: the rate that is needed is 49.21 %."""
    facts = lost(119_756 * 10**8, [243_352 * 10**8, 1_000 * 100])
    outcome = run(facts, "socialise", method="haircut")
    cut = coins(-sum(amounts(outcome, 0, FUTURES, CUT)), 8)
    assert round(cut / 243_352 * 100, 2) == Decimal("49.21")
    assert (coins(int(outcome.after.futures[0, 1]), 2), cut) == (1000, 119_756)


def test_poloniex_6_june_2019() -> None:
    """The principal of every active loan less 16.202 %: 1,800 of the 11,109.74 BTC it implies."""
    needed = run(lost(1800 * 10**8, [1_110_974 * 10**6, 0]), "socialise", method="haircut")
    cut = coins(-sum(amounts(needed, 0, FUTURES, CUT)), 8)
    assert (cut, round(cut / Decimal("11109.74"), 5)) == (1800, Decimal("0.16202"))
    outcome = run(lost(1800 * 10**8, [10**8, 0]), "socialise", method="haircut", rate="0.16202")
    assert coins(int(outcome.after.futures[0, 0]), 8) == Decimal("0.83798")
