"""What holds of every remedy, alone and after one another, on random whole markets.

Sums are made here from the legs, in dictionaries, and not by the checks of the remedies themselves.
"""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.remedies.catalogue import Step, compute, resolve
from exchange.domain.remedies.facts import Closes, Facts, Wallets
from exchange.domain.remedies.outcome import CLEARING, WALLETS, Outcome, following
from exchange.domain.remedies.replays import Band, reprice
from exchange.domain.remedies.rows import HOUSE, REASONS
from exchange.domain.replay import Fills, Holdings
from tests.exchange.domain.remedies import oracle
from tests.exchange.domain.remedies.facts import ACCOUNTS, markets, random_market
from tests.exchange.domain.remedies.plans import FIRST, One, Steps, first, later, plans, rows, run


def assert_conserved(facts: Facts, outcome: Outcome) -> None:
    by_asset: dict[int, int] = defaultdict(int)
    clearing: dict[int, int] = defaultdict(int)
    quantity: dict[int, int] = defaultdict(int)
    cost: dict[int, int] = defaultdict(int)
    for _, wallet, asset, contract, _, amount in rows(outcome.legs):
        by_asset[asset] += amount
        if wallet == CLEARING:
            clearing[contract] += amount
    for _, contract, contracts, moved in rows(outcome.positions):
        quantity[contract] += contracts
        cost[contract] += moved
    assert not any(by_asset.values())
    assert not any(quantity.values())
    assert all(cost[c] + clearing[c] == 0 for c in {*cost, *clearing})
    ends = oracle.state_of(outcome.target)
    for contract in range(len(facts.specs)):
        held = [state for (_, of), state in ends.items() if of == contract]
        assert sum(state[0] for state in held) == 0


@settings(max_examples=150, deadline=None)
@given(markets(), plans)
def test_every_plan_conserves_and_leaves_no_customer_below_zero(facts: Facts, steps: Steps) -> None:
    outcome = run(facts, *steps)
    assert_conserved(facts, outcome)
    for wallet in (outcome.after.futures, outcome.after.funding):
        assert (wallet[facts.customer] >= 0).all()
    assert (outcome.after.receivable <= 0).all()
    assert (outcome.legs.amount != 0).all()
    assert len(set(zip(*(c.tolist() for c in outcome.legs[:5]), strict=True))) == len(
        outcome.legs[0]
    )
    changed = (outcome.positions.quantity != 0) | (outcome.positions.cost != 0)
    assert changed.all()


def posted(facts: Facts, outcome: Outcome, sign: int) -> tuple[Wallets, oracle.State]:
    """Wallets and positions (quantity and cost) once the legs are in the books, or taken out."""
    start = facts.wallets if sign == 1 else outcome.after
    wallets = Wallets(*(wallet.copy() for wallet in start))
    for account, wallet, asset, _, _, amount in rows(outcome.legs):
        if account != HOUSE:
            getattr(wallets, WALLETS[wallet])[account, asset] += sign * amount
    holdings = facts.end if sign == 1 else outcome.target
    state = {(a, c): [q, k] for a, c, q, k, *_ in rows(holdings)}
    for account, contract, quantity, cost in rows(outcome.positions):
        state[account, contract][0] += sign * quantity
        state[account, contract][1] += sign * cost
    return wallets, state


@settings(max_examples=80, deadline=None)
@given(markets(), plans)
def test_legs_lead_to_the_state_and_their_opposite_back(facts: Facts, steps: Steps) -> None:
    outcome = run(facts, *steps)
    for sign, books, holdings in (
        (1, outcome.after, outcome.target),
        (-1, facts.wallets, facts.end),
    ):
        wallets, state = posted(facts, outcome, sign)
        for found, expected in zip(wallets, books, strict=True):
            assert found.tolist() == expected.tolist()
        assert state == {(a, c): [q, k] for a, c, q, k, *_ in rows(holdings)}


@settings(max_examples=60, deadline=None)
@given(markets(), plans)
def test_effects_are_the_legs_of_each_account(facts: Facts, steps: Steps) -> None:
    outcome = run(facts, *steps)
    expected: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for account, wallet, asset, _, reason, amount in rows(outcome.legs):
        if account != HOUSE:
            of = expected[account, asset]
            of[f"{WALLETS[wallet]}_delta"] += amount
            name = REASONS[reason]
            if name in ("pnl", "fees"):
                of[f"reversed_{name}"] += amount
            elif name not in ("recovered", "owed", "repaid"):
                of["paid"] += amount
    for account, contract, _, _ in rows(outcome.positions):
        expected[account, int(facts.asset_of[contract])]["positions_changed"] += 1
    effects = outcome.effects
    assert list(zip(effects.account.tolist(), effects.asset.tolist(), strict=True)) == sorted(
        expected
    )
    for i, key in enumerate(zip(effects.account.tolist(), effects.asset.tolist(), strict=True)):
        for name, column in effects._asdict().items():
            if name.endswith("_delta") or name in ("reversed_pnl", "reversed_fees", "paid",
                                                   "positions_changed"):  # fmt: skip
                assert int(column[i]) == expected[key][name], (key, name)
        assert effects.futures_before[i] == facts.wallets.futures[key]
        assert effects.moved_out[i] == max(0, -int(facts.moved[key]))


@settings(max_examples=60, deadline=None)
@given(markets(), first, later)
def test_two_steps_are_one_on_the_books_of_the_other(facts: Facts, one: One, two: One) -> None:
    made = run(facts, one)
    words = resolve(two[0], two[1], facts, 0)
    then = compute(following(facts, made), [Step(two[0], words)])
    both = compute(facts, [Step(one[0], resolve(*one, facts, 0)), Step(two[0], words)])
    for found, expected in zip(both.after, then.after, strict=True):
        assert found.tolist() == expected.tolist()
    assert oracle.state_of(both.target) == oracle.state_of(then.target)
    summed: Counter[tuple[int, ...]] = Counter()
    for *place, amount in (*rows(made.legs), *rows(then.legs)):
        summed[tuple(place)] += amount
    found = {tuple(place): amount for *place, amount in rows(both.legs)}
    assert found == {place: amount for place, amount in summed.items() if amount}


@settings(max_examples=40, deadline=None)
@given(markets(), st.integers(0, 40_000))
def test_re_pricing_alone_changes_nobody_s_quantity_and_no_fee(facts: Facts, ppm: int) -> None:
    outcome = reprice(facts, Band(ppm, follow=False))
    assert outcome.positions.quantity.tolist() == [0] * outcome.positions.quantity.size
    assert outcome.target.quantity.tolist() == facts.end.quantity.tolist()
    assert outcome.target.fees.tolist() == facts.end.fees.tolist()


def renumbered(facts: Facts, to: np.ndarray) -> Facts:
    """The same market with account ``a`` numbered ``to[a]``."""
    back = np.argsort(to)

    def holdings(of: Holdings) -> Holdings:
        moved = to[of.account].astype(np.int32)
        order = np.lexsort((of.contract, moved))
        return Holdings(moved[order], *(column[order] for column in of[1:]))

    def own(table: Fills | Closes) -> Fills | Closes:
        return table._replace(account=to[table.account].astype(np.int32))

    return facts._replace(
        fills=own(facts.fills), closes=own(facts.closes), cut=holdings(facts.cut),
        end=holdings(facts.end), wallets=Wallets(*(wallet[back] for wallet in facts.wallets)),
        moved=facts.moved[back], withdrawn=facts.withdrawn[back], customer=facts.customer[back],
        flagged=facts.flagged[back], house=int(to[facts.house]), fund=int(to[facts.fund]),
        terms=type(facts.terms)(*(column[back] for column in facts.terms)),
    )  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(markets(), plans, st.permutations(range(ACCOUNTS)))
def test_the_order_of_accounts_does_not_matter(facts: Facts, steps: Steps, order) -> None:
    to = np.array(order)
    mine, other = run(facts, *steps), run(renumbered(facts, to), *steps)
    # Of equal remainders a split gives the odd unit to the lower number, and only a split does.
    slack = sum(name == "socialise" for name, _ in steps)
    for a, b in zip(mine.after, other.after, strict=True):
        assert np.abs(a - b[to]).max() <= slack
    assert sum(mine.after).sum(axis=0).tolist() == sum(other.after).sum(axis=0).tolist()
    moved = {(int(to[a]), c): state for (a, c), state in oracle.state_of(mine.target).items()}
    assert moved == oracle.state_of(other.target)
    if not slack:
        named = [(int(to[a]) if a != HOUSE else HOUSE, *rest) for a, *rest in rows(mine.legs)]
        assert sorted(named) == sorted(rows(other.legs))


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), plans)
def test_the_number_of_workers_does_not_matter(seed: int, steps: Steps) -> None:
    made = [run(random_market(seed, 15, workers=workers), *steps) for workers in (1, 2, 4)]
    for outcome in made[1:]:
        for table, same in ((outcome.legs, made[0].legs), (outcome.positions, made[0].positions)):
            assert rows(table) == rows(same)


@pytest.mark.parametrize("name", FIRST)
def test_the_random_markets_give_every_remedy_something_to_do(name: str) -> None:
    words = {"band": "0.004"} if name in ("bust", "reprice") else {}
    made = [run(random_market(seed, 30), (name, words)) for seed in range(10)]
    assert sum(outcome.legs.amount.size > 3 for outcome in made) >= 5
