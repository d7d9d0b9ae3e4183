"""Parameters as words: defaults, the one spelling, refusals, and several remedies in a row."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.remedies.catalogue import REMEDIES, Step, band_of, compute, resolve
from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import FUTURES, GOODWILL, Outcome
from exchange.domain.remedies.replays import AT_CUT, Band
from exchange.domain.remedies.rows import HOUSE, PAID, REFUNDED
from exchange.domain.remedies.words import AMOUNT, CHOICE, PRICE, ParameterRefused, ppm
from exchange.domain.value import contract_spec
from exchange.domain.verdicts import NOT_DUE
from tests.exchange.domain.market import BTC, KINDS, USDT
from tests.exchange.domain.remedies.facts import (
    TAKEOVER,
    TRADE,
    amounts,
    facts_of,
    holding,
    markets,
    random_market,
    tape,
)

MARKET = random_market(5, 20)
FUND, DESK = 8, 9


def night() -> Facts:
    """One wrong close in each of two contracts: 10 long at 70,000 taken over at 60,000, and 100
    long at 7,000.00 taken over at 6,000.00; the fair prices of then were 65,000 and 6,500.00."""
    trades = [(1, 0, 0, 1, 10, 70_000, 0), (1, 1, 0, 1, 100, 700_000, 0)]
    taken = [(5, 0, FUND, 0, 10, 60_000, 0), (5, 1, FUND, 0, 100, 600_000, 0)]
    return facts_of(
        tape((trades, TRADE), (taken, TAKEOVER)), [[10**10] * 2] * 10, specs=(USDT, BTC),
        asset_of=(0, 1), cutoff=1, at_cut=(70_000, 700_000), reopening=(68_000, 680_000),
        fair=[[65_000], [650_000]], fund=FUND, house=DESK,
        closes=[(5, 0, 0, 10, 60_000, NOT_DUE, 3), (5, 0, 1, 100, 600_000, NOT_DUE, 5)],
    )  # fmt: skip


def run(facts: Facts, remedy: str, **words: str) -> Outcome:
    return compute(facts, [Step(remedy, resolve(remedy, words, facts, 0))])


class TestDefaults:
    def test_everything_is_said(self) -> None:
        made = {name: resolve(name, {}, MARKET, 2) for name in REMEDIES}
        marks = int(MARKET.at_cut[2]), int(MARKET.reopening[2])
        at_cut, reopening = (f"{Decimal(mark) / 10:.1f}" for mark in marks)
        band = {"band": "0.03", "reference": "fair", "contracts": "", "follow": "yes"}
        assert made == {
            "rollback": {},
            "bust": band,
            "reprice": band,
            "restore": {"measure": "cutoff", "payer": "house"},
            "reference": {
                "reference": "before", "price": "0", "contract": "BTCUSDT", "opened": "before",
                "fees": "yes", "payer": "house",
            },
            "reinstate": {"contracts": ""},
            "settle": {
                "contract": "BTCUSDT", "price": at_cut, "refund_price": reopening,
                "refund_side": "long" if marks[1] >= marks[0] else "short",
            },
            "socialise": {
                "method": "clawback", "period": "tape", "contract": "BTCUSDT", "injected": "0",
                "rate": "0", "beyond": "house",
            },
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("price", "refund", "side"),
        [("7000.0", "7000.1", "long"), ("7000.1", "7000", "short"), ("7000", "7000.0", "long")],
    )
    def test_whom_a_settlement_refunds(self, price: str, refund: str, side: str) -> None:
        words = resolve("settle", {"price": price, "refund_price": refund}, MARKET, 2)
        assert words["refund_side"] == side

    def test_an_empty_word_is_not_given(self) -> None:
        assert resolve("bust", {"band": "", "follow": ""}, MARKET, 0)["band"] == "0.03"

    def test_a_coarse_tick_is_spelled_without_an_exponent(self) -> None:
        coarse = contract_spec("BIG", "linear", Decimal(1), Decimal("1E+2"), "USDT", 2)
        facts = facts_of(
            tape(([(1, 0, 0, 0, 1, 70, 0)], TRADE)), [[0]], specs=(coarse,), at_cut=(70,)
        )
        words = resolve("settle", {}, facts, 0)
        assert (words["price"], words["refund_price"]) == ("7000", "7000")
        assert resolve("settle", words, facts, 0) == words


class TestOneSpelling:
    @pytest.mark.parametrize(
        ("remedy", "name", "word", "stored"),
        [
            ("bust", "band", "0.0300", "0.03"),
            ("bust", "band", "3E-2", "0.03"),
            ("bust", "band", "0.000001", "0.000001"),
            ("bust", "band", "-0", "0"),
            ("bust", "contracts", "ETHUSD  BTC-Q ETHUSD", "BTC-Q ETHUSD"),
            ("reference", "price", "0.00", "0"),
            ("settle", "price", " 6950.000 ", "6950.00"),
            ("settle", "refund_price", "6_950.1", "6950.10"),
            ("socialise", "injected", "2500.00", "2500"),
            ("socialise", "injected", "2.5E+3", "2500"),
            ("socialise", "injected", "0.00000001", "0.00000001"),
        ],
    )
    def test_of_every_kind(self, remedy: str, name: str, word: str, stored: str) -> None:
        assert resolve(remedy, {name: word}, MARKET, 0)[name] == stored

    def test_of_what_counts_beside_another(self) -> None:
        fixed = resolve("reference", {"reference": "fixed", "price": "6950"}, MARKET, 0)
        assert fixed["price"] == "6950.00"
        cut = resolve("socialise", {"method": "haircut", "rate": "0.360670"}, MARKET, 0)
        assert cut["rate"] == "0.36067"


class TestRefusals:
    @pytest.mark.parametrize(
        ("remedy", "name", "word", "why"),
        [
            ("bust", "width", "3", "bust has no parameter width; it has: band, reference"),
            ("rollback", "band", "3", "rollback has no parameter band; it has: none"),
            ("bust", "band", "three", "band: 'three' is not a decimal number"),
            ("bust", "band", "NaN", "band: 'NaN' is not a finite number"),
            ("bust", "band", "Infinity", "band: 'Infinity' is not a finite number"),
            ("bust", "band", "1", "band: a share lies between 0 and 1, not 1"),
            ("bust", "band", "-0.1", "band: a share lies between 0 and 1, not -0.1"),
            ("bust", "band", "0.0000001", "band: finer than a millionth"),
            ("bust", "band", "0.03" + "0" * 30 + "1", "band: finer than"),
            ("bust", "band", "0.03" + "0" * 50, "band: a number of more than 40 digits"),
            ("bust", "band", "1e999999999", "band: a number of more than 40 digits"),
            ("bust", "band", "1e-999999999", "band: a number of more than 40 digits"),
            ("bust", "reference", "index", "reference: 'index' is not one of fair, cutoff"),
            ("bust", "contracts", "BTC-Q DOGE",
             "contracts: the tape has no 'DOGE'; it has: BTC-Q, LTC-Q, BTCUSDT, ETHUSD"),
            ("reprice", "follow", "maybe", "follow: 'maybe' is not one of yes, no"),
            ("restore", "measure", "x", "measure: 'x' is not one of cutoff, close"),
            ("restore", "payer", "x", "payer: 'x' is not one of house, fund"),
            ("reference", "reference", "fixed", "price: a fixed reference is a price above zero"),
            ("reference", "price", "-5", "price: a price is above zero, -5 is not"),
            ("reference", "price", "0.001", "price: finer than the tick of 0.01"),
            ("reference", "contract", "DOGE", "contract: the tape has no 'DOGE'"),
            ("reinstate", "contracts", "DOGE", "contracts: the tape has no 'DOGE'"),
            ("settle", "contract", "DOGE", "contract: the tape has no 'DOGE'"),
            ("settle", "price", "0", "price: a price is above zero, 0 is not"),
            ("settle", "refund_price", "x", "refund_price: 'x' is not a decimal number"),
            ("settle", "refund_price", "1e20", "refund_price: larger than any amount"),
            ("settle", "refund_side", "both", "refund_side: 'both' is not one of long, short"),
            ("socialise", "injected", "-1", "injected: an amount is not below zero, -1 is"),
            ("socialise", "injected", "0.000000001", "injected: finer than the 8 decimals of BTC"),
            ("socialise", "injected", "1e12", "injected: larger than any amount"),
            ("socialise", "rate", "1.0", "rate: a share lies between 0 and 1, not 1.0"),
            ("socialise", "method", "x", "method: 'x' is not one of clawback, haircut"),
            ("socialise", "period", "x", "period: 'x' is not one of tape, cutoff"),
            ("socialise", "beyond", "x", "beyond: 'x' is not one of house, balances, winner"),
            ("reference", "price", "6950", "price: counts only where reference is fixed"),
            ("socialise", "rate", "0.2", "rate: counts only where method is haircut"),
        ],
    )  # fmt: skip
    def test_the_parameter_is_named(self, remedy: str, name: str, word: str, why: str) -> None:
        with pytest.raises(ParameterRefused) as refused:
            resolve(remedy, {name: word}, MARKET, 0)
        assert str(refused.value).startswith(why)

    @pytest.mark.parametrize(("name", "word"), [("period", "cutoff"), ("beyond", "winner")])
    def test_what_a_haircut_does_not_ask(self, name: str, word: str) -> None:
        with pytest.raises(ParameterRefused, match=f"{name}: counts only where method is clawback"):
            resolve("socialise", {"method": "haircut", name: word}, MARKET, 0)

    def test_an_unknown_remedy(self) -> None:
        with pytest.raises(ParameterRefused, match="hope is no remedy; there are: rollback, bust"):
            resolve("hope", {}, MARKET, 0)
        with pytest.raises(ParameterRefused, match="hope is no remedy"):
            compute(MARKET, [Step("hope", {})])
        with pytest.raises(ParameterRefused, match="hope is no remedy"):
            compute(MARKET, [Step("rollback", {}), Step("hope", {})])

    def test_no_remedy_at_all(self) -> None:
        with pytest.raises(ParameterRefused, match="at least one remedy"):
            compute(MARKET, [])

    @pytest.mark.parametrize("later", ["rollback", "bust", "reprice"])
    def test_a_remedy_that_replays_the_tape_comes_first_or_not_at_all(self, later: str) -> None:
        steps = [Step(name, resolve(name, {}, MARKET, 0)) for name in ("reinstate", later)]
        with pytest.raises(ParameterRefused, match=f"{later} starts again from the cut-off"):
            compute(MARKET, steps)


class TestParametersReachTheirRemedy:
    def test_bands(self) -> None:
        words = {"band": "0.125", "reference": "cutoff", "contracts": "ETHUSD BTC-Q",
                 "follow": "no"}  # fmt: skip
        assert band_of(MARKET, words) == Band(125_000, AT_CUT, (0, 3), False)
        assert ppm("0.030001", "band") == 30_001

    @pytest.mark.parametrize(
        ("words", "paid"),
        [
            ({}, 10_000_003),
            ({"fees": "no"}, 10_000_000),
            ({"reference": "fair"}, 5_000_003),
            ({"reference": "reopening"}, 8_000_003),
            ({"reference": "fixed", "price": "6001"}, 10_003),
        ],
    )
    def test_which_reference(self, words: dict[str, str], paid: int) -> None:
        assert amounts(run(night(), "reference", **words), 0, FUTURES, PAID)[0] == paid

    def test_a_fixed_price_is_of_one_contract_and_the_others_are_not_paid(self) -> None:
        fixed = {"reference": "fixed", "price": "6001"}
        made = run(night(), "reference", **fixed)
        assert amounts(made, 0, FUTURES, PAID) == [10_003]
        made = run(night(), "reference", contract="BTC-Q", **fixed)
        assert amounts(made, 0, FUTURES, PAID) == [166_666_667 - 166_638_894 + 5]

    def test_the_fair_price_is_of_the_second_of_the_close(self) -> None:
        facts = night()._replace(
            times=np.array([0, 5, 6]), fair=np.array([[60_000, 60_500, 70_000], [600_000] * 3])
        )
        made = run(facts, "reference", reference="fair", fees="no")
        assert amounts(made, 0, FUTURES, PAID) == [500_000]

    def test_who_pays(self) -> None:
        for remedy in ("reference", "restore"):
            made = run(night(), remedy, payer="fund")
            assert amounts(made, HOUSE, GOODWILL) == []
            assert sum(amounts(made, FUND, FUTURES)) < -(10**7)
            assert amounts(run(night(), remedy), FUND, FUTURES) == []

    def test_contracts_of_a_reinstatement(self) -> None:
        assert run(night(), "reinstate").positions.quantity.tolist() == [10, 100, -10, -100]
        only = run(night(), "reinstate", contracts="BTC-Q")
        assert only.positions.quantity.tolist() == [100, -100]

    @pytest.mark.parametrize(("side", "refunded"), [("long", [10_000_000]), ("short", [])])
    def test_settlement(self, side: str, refunded: list[int]) -> None:
        made = run(
            night(), "settle", price="6000", refund_price="7000", refund_side=side,
            contract="BTCUSDT",
        )  # fmt: skip
        assert holding(made.target, 1) == (0, 0, 10_000_000, 0)
        assert amounts(made, FUND, FUTURES, REFUNDED) == []
        held = run(
            night()._replace(customer=np.ones(10, np.bool_)), "settle", price="6000",
            refund_price="7000", refund_side=side,
        )  # fmt: skip
        assert amounts(held, FUND, FUTURES, REFUNDED) == refunded

    def test_money_is_put_in_in_the_asset_of_the_contract(self) -> None:
        owed = np.zeros((10, 2), np.int64)
        owed[3] = -700
        facts = night()
        facts.wallets.futures[3] = 0
        facts = facts._replace(fund=-1, wallets=facts.wallets._replace(receivable=owed))
        for contract, injected, house in (
            ("BTCUSDT", "0.0005", [-500]), ("BTC-Q", "0.000007", [-700]), ("BTC-Q", "1", [-700]),
        ):  # fmt: skip
            made = run(facts, "socialise", contract=contract, injected=injected)
            assert amounts(made, HOUSE, GOODWILL) == house

    def test_a_rate_is_a_haircut_s(self) -> None:
        owed = np.zeros((10, 2), np.int64)
        owed[3] = -700
        facts = night()
        facts.wallets.futures[3] = 0
        facts = facts._replace(fund=-1, wallets=facts.wallets._replace(receivable=owed))
        made = run(facts, "socialise", method="haircut", rate="0.25")
        customers = facts.customer
        left = made.after.futures[customers]
        assert left.tolist() == (facts.wallets.futures[customers] * 3 // 4).tolist()


def words_of(remedy: str) -> st.SearchStrategy[dict[str, str]]:
    """Random words that fit each parameter of a remedy, some left out."""
    kinds = {
        "share": st.decimals(0, "0.9", places=6).map(str),
        "contract": st.sampled_from([spec.symbol for spec in KINDS]),
        "contracts": st.lists(st.sampled_from([spec.symbol for spec in KINDS])).map(" ".join),
        AMOUNT: st.decimals(0, 10**6, places=6).map(str),
        PRICE: st.integers(1, 10**6).map(str),
    }
    return st.fixed_dictionaries(
        {},
        optional={
            field.name: st.sampled_from(field.choices)
            if field.kind == CHOICE
            else kinds[field.kind]
            for field in REMEDIES[remedy].fields
        },
    )


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(REMEDIES)).flatmap(lambda r: st.tuples(st.just(r), words_of(r))))
def test_resolving_is_idempotent_and_what_is_resolved_can_be_computed(
    chosen: tuple[str, dict[str, str]],
) -> None:
    remedy, given_ = chosen
    if given_.get("reference") == "fixed":
        given_.setdefault("price", "7000")
    for field in REMEDIES[remedy].fields:
        if field.only is not None and given_.get(field.only[0]) != field.only[1]:
            given_.pop(field.name, None)
    words = resolve(remedy, given_, MARKET, 2)
    assert resolve(remedy, words, MARKET, 0) == words
    assert list(words) == [field.name for field in REMEDIES[remedy].fields]
    made = compute(MARKET, [Step(remedy, words)])
    assert made.legs.amount.size == (made.legs.amount != 0).sum()


@settings(max_examples=15, deadline=None)
@given(markets())
def test_one_step_is_the_remedy_itself(facts: Facts) -> None:
    for name, remedy in REMEDIES.items():
        words = resolve(name, {}, facts, 1)
        made, alone = compute(facts, [Step(name, words)]), remedy.run(facts, words)
        for column, other in zip(made.legs, alone.legs, strict=True):
            assert column.tolist() == other.tolist()
