"""The remedies once more, slowly: dictionaries, whole numbers and fractions, one fill at a time.

Nothing here is shared with the remedies but the definition of a trade (`value.apply_fill_exact`)
and the columns they read. `wallets_after` is the rule of the gaps written a second time.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np

from exchange.domain.remedies.facts import Facts
from exchange.domain.remedies.outcome import Outcome
from exchange.domain.remedies.replays import AT_CUT, Band
from exchange.domain.replay import Holdings
from exchange.domain.value import apply_fill_exact, trade_value_exact
from exchange.domain.verdicts import DUE_PRINTED_ONLY, NOT_DUE

Key = tuple[int, int]
State = dict[Key, list[int]]
"""(account, contract) -> quantity, cost, realised, fees."""
Amounts = dict[Key, int]
"""(account, asset) -> minor units."""


def state_of(holdings: Holdings) -> State:
    """Holdings as a dictionary; what is all zero is not there."""
    rows = zip(*(column.tolist() for column in holdings), strict=True)
    return {(a, c): list(rest) for a, c, *rest in rows if any(rest)}


def trade(facts: Facts, state: State, key: Key, quantity: int, ticks: int, fee: int) -> None:
    spec = facts.specs[key[1]]
    held, cost, realised, fees = state.get(key, [0, 0, 0, 0])
    now = apply_fill_exact(spec.kind, spec.num, spec.den, held, cost, realised, quantity, ticks)
    state[key] = [*now, fees + fee]
    if not any(state[key]):
        del state[key]


def edges(facts: Facts, row: int, band: Band) -> tuple[Fraction, Fraction]:
    """The band around the reference of one fill."""
    contract, time = int(facts.fills.contract[row]), int(facts.fills.time[row])
    if band.reference == AT_CUT:
        centre = int(facts.at_cut[contract])
    else:
        second = max(i for i, at in enumerate(facts.times.tolist()) if at <= time)
        centre = int(facts.fair[contract, second])
    share = Fraction(band.band_ppm, 1_000_000)
    return centre * (1 - share), centre * (1 + share)


def is_outside(facts: Facts, row: int, band: Band) -> bool:
    low, high = edges(facts, row, band)
    chosen = not band.contracts or int(facts.fills.contract[row]) in band.contracts
    return chosen and not low < int(facts.fills.price[row]) < high


def wrong_closes(facts: Facts) -> list[int]:
    return [
        i
        for i, verdict in enumerate(facts.closes.verdict.tolist())
        if verdict in (DUE_PRINTED_ONLY, NOT_DUE)
    ]


def entitled(facts: Facts) -> list[int]:
    """Wrong closes of customers who are not flagged."""
    owner = facts.closes.account
    return [
        i for i in wrong_closes(facts) if facts.customer[owner[i]] and not facts.flagged[owner[i]]
    ]


def undone_trades(facts: Facts, band: Band) -> set[int]:
    """Numbers of the take-overs that are undone because they were wrong."""
    trades = set()
    for i in wrong_closes(facts) if band.follow else []:
        row = int(facts.closes.fill[i])
        contract = int(facts.closes.contract[i])
        after = row >= 0 and facts.fills.time[row] > facts.cutoff_us
        if after and (not band.contracts or contract in band.contracts):
            trades.add(int(facts.fills.trade[row]))
    return trades


def rows_after_cut(facts: Facts) -> list[int]:
    return [row for row, at in enumerate(facts.fills.time.tolist()) if at > facts.cutoff_us]


def replayed(facts: Facts, price_of: Callable[[int], int | None]) -> State:
    """From the cut-off, each fill at the price given for its row; None: it never was."""
    state = state_of(facts.cut)
    for row in rows_after_cut(facts):
        ticks = price_of(row)
        if ticks is not None:
            _, _, contract, account, quantity, _, fee, *_ = (int(c[row]) for c in facts.fills)
            trade(facts, state, (account, contract), quantity, ticks, fee)
    return state


def bust(facts: Facts, band: Band) -> State:
    undone = undone_trades(facts, band)

    def price_of(row: int) -> int | None:
        if int(facts.fills.trade[row]) in undone or is_outside(facts, row, band):
            return None
        return int(facts.fills.price[row])

    return replayed(facts, price_of)


def reprice(facts: Facts, band: Band) -> State:
    undone = undone_trades(facts, band)

    def price_of(row: int) -> int | None:
        ticks = int(facts.fills.price[row])
        if int(facts.fills.trade[row]) in undone:
            return None
        if not is_outside(facts, row, band):
            return ticks
        low, high = edges(facts, row, band)
        return -(-low.numerator // low.denominator) if ticks <= low else int(high)

    return replayed(facts, price_of)


def reinstate(facts: Facts) -> State:
    state = state_of(facts.end)
    for i in entitled(facts):
        _, account, contract, quantity, ticks, _, _, _, fee = (int(c[i]) for c in facts.closes)
        trade(facts, state, (account, contract), quantity, ticks, -fee)
        trade(facts, state, (facts.house, contract), -quantity, ticks, 0)
    return state


def settle(
    facts: Facts, contract: int, price: int, refund_price: int, side: int
) -> tuple[State, Amounts]:
    """The state it leads to, and the refunds."""
    state, spec = state_of(facts.end), facts.specs[contract]
    refunds: Amounts = defaultdict(int)
    for (account, of), (held, *_) in sorted(state_of(facts.end).items()):
        if of != contract or not held or account == facts.house:
            continue
        trade(facts, state, (account, of), -held, price, 0)
        trade(facts, state, (facts.house, of), held, price, 0)
        if held * side > 0 and facts.customer[account] and not facts.flagged[account]:
            better, worse = (
                trade_value_exact(spec.kind, spec.num, spec.den, held, ticks)
                for ticks in (refund_price, price)
            )
            refunds[account, int(facts.asset_of[contract])] += max(0, better - worse)
    return state, refunds


def held_since_cut(facts: Facts, close: int) -> int:
    """How many contracts of a close were held at the cut-off and ever since: forced closes take
    the old ones first, trades the new ones."""
    account, contract = int(facts.closes.account[close]), int(facts.closes.contract[close])
    held = state_of(facts.cut).get((account, contract), [0])[0]
    side = 1 if facts.closes.quantity[close] > 0 else -1
    left, now, upto = max(0, held * side), held, int(facts.closes.fill[close])
    forced = set(facts.closes.fill.tolist())
    for row in rows_after_cut(facts):
        if row == upto:
            return left
        if (int(facts.fills.account[row]), int(facts.fills.contract[row])) == (account, contract):
            quantity = int(facts.fills.quantity[row])
            now += quantity
            left = left - abs(quantity) if row in forced else min(left, now * side)
            left = max(0, left)
    return 0


def pay_reference(facts: Facts, price: Iterable[int], opened_before: bool, fees: bool) -> Amounts:
    paid: Amounts = defaultdict(int)
    prices = list(price)
    for i in entitled(facts):
        _, account, contract, quantity, ticks, _, _, _, fee = (int(c[i]) for c in facts.closes)
        spec, size = facts.specs[contract], abs(quantity)
        if opened_before:
            size = min(size, held_since_cut(facts, i))
        signed = size if quantity > 0 else -size
        better, worse = (
            trade_value_exact(spec.kind, spec.num, spec.den, signed, at)
            for at in (prices[i], ticks)
        )
        share = int(Fraction(max(0, fee) * size, abs(quantity))) if fees else 0
        paid[account, int(facts.asset_of[contract])] += max(0, better - worse) + share
    return paid


def net_profits(facts: Facts, *, since_cutoff: bool) -> Amounts:
    """Realised and unrealised profit of every account."""
    by: Amounts = defaultdict(int)
    for state, marks, sign in (
        (state_of(facts.end), facts.reopening, 1),
        (state_of(facts.cut), facts.at_cut, -1 if since_cutoff else 0),
    ):
        for (account, contract), held in state.items():
            gain = sign * (held[2] + unrealised(facts, contract, held, int(marks[contract])))
            by[account, int(facts.asset_of[contract])] += gain
    return by


def worth_of_fund(facts: Facts, asset: int) -> tuple[int, int]:
    """(equity at the reopening prices, cash) of the fund."""
    cash = worth = int(facts.wallets.futures[facts.fund, asset])
    for (account, contract), held in state_of(facts.end).items():
        if account == facts.fund and facts.asset_of[contract] == asset:
            worth += unrealised(facts, contract, held, int(facts.reopening[contract]))
    return worth, cash


def unrealised(facts: Facts, contract: int, held: list[int], mark: int) -> int:
    spec = facts.specs[contract]
    return trade_value_exact(spec.kind, spec.num, spec.den, held[0], mark) - held[1]


def wallets_after(facts: Facts, state: State, paid: Amounts) -> dict[str, Amounts]:
    """Every wallet once the state and the payments are in the books and the gaps are closed."""
    change: Amounts = defaultdict(int)
    touched: set[Key] = set()
    before = state_of(facts.end)
    for key in state.keys() | before.keys():
        (_, _, was, was_fees), (_, _, now, now_fees) = (
            of.get(key, [0, 0, 0, 0]) for of in (before, state)
        )
        change[key[0], int(facts.asset_of[key[1]])] += now - was - (now_fees - was_fees)
    for owner, amount in paid.items():
        change[owner] += amount
    touched = {owner for owner, amount in change.items() if amount}
    accounts, assets = facts.wallets.futures.shape
    after: dict[str, Amounts] = {"futures": {}, "funding": {}, "receivable": {}}
    for owner in ((a, s) for a in range(accounts) for s in range(assets)):
        futures, funding, owed = (int(wallet[owner]) for wallet in facts.wallets)
        futures += change[owner]
        if facts.customer[owner[0]] and owner in touched:
            reachable = min(max(0, funding), max(0, -int(facts.moved[owner])))
            gap = max(0, -futures)
            recovered = min(gap, reachable)
            repaid = min(max(0, change[owner]), max(0, futures), -owed)
            futures += gap - repaid
            funding -= recovered
            owed += repaid - (gap - recovered)
        for name, value in zip(after, (futures, funding, owed), strict=True):
            after[name][owner] = value
    return after


def assert_agrees(facts: Facts, outcome: Outcome, state: State, paid: Amounts) -> None:
    """The outcome leads to the state, and its wallets are those of the oracle."""
    assert state_of(outcome.target) == state
    expected = wallets_after(facts, state, paid)
    for name, wallet in zip(expected, outcome.after, strict=True):
        found = {(int(a), int(s)): int(wallet[a, s]) for a, s in np.ndindex(*wallet.shape)}
        assert found == expected[name], name
