"""What a remedy leaves alone: who is outside its scope, and everybody where nothing is wrong."""

import numpy as np
from hypothesis import given, settings

from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import Outcome, following
from exchange.domain.remedies.payments import FUND_FIRST
from exchange.domain.remedies.replays import Band, bust, reprice
from exchange.domain.remedies.rows import HOUSE
from exchange.domain.verdicts import DUE_BOTH
from tests.exchange.domain.remedies import oracle
from tests.exchange.domain.remedies.facts import markets
from tests.exchange.domain.remedies.plans import LATER, SYMBOLS, One, first, later, rows, run


def touched(outcome: Outcome) -> set[int]:
    return {*outcome.legs.account.tolist(), *outcome.positions.account.tolist()} - {HOUSE}


def scope(facts: Facts, name: str, words: dict[str, str]) -> set[int]:
    """Whom a remedy may touch, from the fills, closes and debts of the facts."""
    owner = facts.fills.account.tolist()
    paid = {int(facts.closes.account[i]) for i in oracle.entitled(facts)}
    if name == "rollback":
        return {owner[row] for row in oracle.rows_after_cut(facts)}
    if name in ("bust", "reprice"):
        numbers = tuple(SYMBOLS.index(symbol) for symbol in words["contracts"].split())
        limits = Band(
            round(float(words["band"]) * 1_000_000), words["reference"], numbers,
            words["follow"] == "yes",
        )  # fmt: skip
        undone = oracle.undone_trades(facts, limits)
        return {
            owner[row]
            for row in oracle.rows_after_cut(facts)
            if oracle.is_outside(facts, row, limits) or int(facts.fills.trade[row]) in undone
        }
    if name == "reinstate":
        return paid | {facts.house}
    if name == "settle":
        contract = SYMBOLS.index(words["contract"])
        ends = oracle.state_of(facts.end)
        return {facts.house} | {
            a for (a, of), (held, *_) in ends.items() if of == contract and held
        }
    if name == "socialise":
        profits = oracle.net_profits(facts, since_cutoff=words.get("period") == "cutoff")
        able = {key for key, gain in profits.items() if gain > 0}
        if words["method"] == "haircut" or words["beyond"] == "balances":
            able |= set(rows(np.nonzero(facts.wallets.futures + facts.wallets.funding)))
        owing = set(rows(np.nonzero(facts.wallets.receivable)))
        return {a for a, _ in able | owing if facts.customer[a]} | {facts.fund}
    return paid | ({facts.fund} if words["payer"] == FUND_FIRST else set())


@settings(max_examples=120, deadline=None)
@given(markets(), first)
def test_nobody_outside_the_scope_changes(facts: Facts, step: One) -> None:
    name, words = step
    outcome = run(facts, step)
    assert touched(outcome) <= scope(facts, name, words)
    if name == "settle":
        asset = int(facts.asset_of[SYMBOLS.index(words["contract"])])
        assert set(outcome.legs.asset.tolist()) <= {asset}
        assert set(outcome.positions.contract.tolist()) <= {SYMBOLS.index(words["contract"])}
    if name in ("restore", "reference", "socialise"):
        assert outcome.positions.quantity.size == 0


def quiet(facts: Facts) -> Facts:
    """The same market where no close was wrong and nobody owes anything."""
    closes = facts.closes._replace(verdict=np.full_like(facts.closes.verdict, DUE_BOTH))
    nothing = np.zeros_like(facts.wallets.receivable)
    return facts._replace(closes=closes, wallets=facts.wallets._replace(receivable=nothing))


@settings(max_examples=60, deadline=None)
@given(markets(rich=True), later)
def test_a_remedy_with_nothing_to_do_makes_no_legs(facts: Facts, step: One) -> None:
    name, words = step
    facts = quiet(facts)
    if name == "settle":
        none = np.zeros_like(facts.end.quantity)
        facts = facts._replace(end=facts.end._replace(quantity=none, cost=none))
    if name == "socialise":
        facts = facts._replace(fund=-1)
    outcome = run(facts, step)
    assert outcome.legs.amount.size == outcome.positions.quantity.size == 0
    assert outcome.effects.account.size == 0


@settings(max_examples=30, deadline=None)
@given(markets())
def test_a_band_that_nothing_is_outside_of_makes_no_legs(facts: Facts) -> None:
    for remedy in (bust, reprice):
        for reference in ("fair", "cutoff"):
            outcome = remedy(quiet(facts), Band(900_000, reference))
            assert outcome.legs.amount.size == outcome.positions.quantity.size == 0


@settings(max_examples=40, deadline=None)
@given(markets(), first)
def test_a_wrong_close_is_put_right_once(facts: Facts, step: One) -> None:
    """Whatever was undone, given back or paid for is not given back and paid for again."""
    name, words = step
    made = run(facts, step)
    if name in LATER and name not in ("settle", "socialise"):
        again = run(following(facts, made), step)
        assert again.legs.amount.size == again.positions.quantity.size == 0
    if name == "rollback":
        assert (
            not oracle.wrong_closes(following(facts, made))
            or (following(facts, made).closes.time <= facts.cutoff_us).all()
        )
    if name in ("bust", "reprice") and words["follow"] == "yes" and not words["contracts"]:
        left = following(facts, made)
        assert all(left.closes.time[i] <= facts.cutoff_us for i in oracle.wrong_closes(left))
