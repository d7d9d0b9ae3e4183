"""The search against a plain walk over every second, and its edges one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.domain.liquidation import (
    CROSS,
    EXEMPT,
    FIXED,
    CashEvents,
    MarginTerms,
    MarkPaths,
    MarksRefused,
    first_crossings,
    wallet_cash,
)
from exchange.domain.replay import (
    Fills,
    Holdings,
    TapeDisorder,
    TapeTooLarge,
    empty_holdings,
    replay,
)
from exchange.domain.rules import RuleRefused
from exchange.domain.rules.okex_2018 import factor_ppm, okex_maintenance
from exchange.domain.value import apply_fill_exact, trade_value_exact
from tests.exchange.domain.market import BTC, KINDS, fills_of

SPECS = KINDS
ASSETS = np.array([0, 1, 2, 0], np.int16)
SECOND = 1_000_000


def moves(*rows) -> CashEvents:
    data = np.array(rows, np.int64).reshape(len(rows), 4)
    return CashEvents(
        data[:, 0].copy(), data[:, 1].astype(np.int32), data[:, 2].astype(np.int16),
        data[:, 3].copy(),
    )  # fmt: skip


def terms(*rows) -> MarginTerms:
    mode, leverage = zip(*rows, strict=True)
    return MarginTerms(np.array(mode, np.uint8), np.array(leverage, np.int64))


def paths(*marks) -> MarkPaths:
    data = np.array(marks, np.int64)
    return MarkPaths(np.arange(data.shape[2], dtype=np.int64) * SECOND, data)


def plainly(opening, cash, fills, moved, terms, paths, specs=SPECS, asset_of=ASSETS):
    """Every crossing as {(path, account, asset, contract, episode): (second, equity, maint)}."""
    found = {}
    for path in range(paths.marks.shape[0]):
        events = [(int(t), 0, i) for i, t in enumerate(moved.time)]
        events += [(int(t), 1, i) for i, t in enumerate(fills.time)]
        wallet = {
            (a, s): int(cash[a, s]) for a in range(cash.shape[0]) for s in range(cash.shape[1])
        }
        state = {
            (int(a), int(c)): (int(q), int(k)) for a, c, q, k in zip(*opening[:4], strict=True)
        }
        walk = Walk(found, path, state, wallet, terms, paths, specs, asset_of)
        for time, is_fill, i in sorted(events):
            if is_fill and (int(fills.flags[i]) >> 1) & 3 == 1:
                walk.look(int(fills.account[i]), int(fills.contract[i]), time, closed=True)
            elif is_fill:
                walk.look(int(fills.account[i]), int(fills.contract[i]), time, closed=False)
            else:
                walk.look_cash(int(moved.account[i]), int(moved.asset[i]), time)
            walk.change(fills, moved, is_fill, i)
        walk.finish()
    return found


class Walk:
    def __init__(self, found, path, state, wallet, terms, paths, specs, asset_of):
        self.found, self.path, self.state, self.wallet = found, path, state, wallet
        self.terms, self.paths, self.specs, self.asset_of = terms, paths, specs, asset_of
        self.done, self.episode, self.closed = {}, {}, {}

    def unit(self, account, contract):
        mode = self.terms.mode[account]
        if mode == EXEMPT:
            return None
        return account, int(self.asset_of[contract]), contract if mode == FIXED else -1

    def look(self, account, contract, time, closed):
        unit = self.unit(account, contract)
        if unit is None:
            return
        times = self.paths.times
        until = sum(1 for t in times if (t <= time if closed else t < time))
        self.until(unit, until)
        if closed and self.closed.get(unit) != until:
            self.closed[unit] = until
            self.episode[unit] = self.episode.get(unit, 0) + 1

    def look_cash(self, account, asset, time):
        if self.terms.mode[account] == CROSS:
            self.until((account, asset, -1), sum(1 for t in self.paths.times if t < time))

    def until(self, unit, until):
        for second in range(self.done.get(unit, 0), until):
            key = (self.path, *unit, self.episode.get(unit, 0))
            equity, maintenance, held = self.health(unit, second)
            if held and key not in self.found and equity - maintenance <= 0:
                self.found[key] = (second, equity, maintenance)
        self.done[unit] = max(self.done.get(unit, 0), until)

    def health(self, unit, second):
        account, asset, contract = unit
        leverage = int(self.terms.leverage[account])
        equity = self.wallet[account, asset] if contract < 0 else 0
        maintenance = held = 0
        for (a, c), (q, cost) in self.state.items():
            if a != account or self.asset_of[c] != asset or contract not in (-1, c) or q == 0:
                continue
            spec = self.specs[c]
            ticks = int(self.paths.marks[self.path, c, second])
            value = trade_value_exact(spec.kind, spec.num, spec.den, q, ticks)
            factor = factor_ppm(spec.underlying, leverage)
            held += 1
            equity += value - cost
            if contract < 0:
                maintenance += factor * abs(value) // (leverage * 10**6)
            else:
                equity += abs(cost) // leverage
                maintenance += factor * (abs(cost) // leverage) // 10**6
        return equity, maintenance, held

    def change(self, fills, moved, is_fill, i):
        if not is_fill:
            self.wallet[int(moved.account[i]), int(moved.asset[i])] += int(moved.amount[i])
            return
        a, c = int(fills.account[i]), int(fills.contract[i])
        spec, (q, cost) = self.specs[c], self.state.get((a, c), (0, 0))
        q, cost, gain = apply_fill_exact(
            spec.kind, spec.num, spec.den, q, cost, 0, int(fills.quantity[i]), int(fills.price[i])
        )
        self.state[a, c] = (q, cost)
        self.wallet[a, int(self.asset_of[c])] += gain - int(fills.fee[i])

    def finish(self):
        for account, contract in list(self.state):
            unit = self.unit(account, contract)
            if unit is not None:
                self.until(unit, self.paths.times.size)


def as_dict(crossings):
    found = crossings.due
    own = np.arange(found.path.size), found.path
    return {
        tuple(int(x) for x in key): tuple(int(x) for x in value)
        for key, value in zip(
            zip(found.path, found.account, found.asset, found.contract, found.episode, strict=True),
            zip(found.second, found.equity[own], found.maintenance[own], strict=True),
            strict=True,
        )
    }


def random_window(seed: int, accounts: int = 8):
    """Leveraged accounts of all modes, fills with take-overs, transfers, three wild paths."""
    random = np.random.default_rng(seed)
    seconds = int(random.integers(1, 90))
    start = np.array([700_000, 120_000, 70_000, 8_000])
    steps = random.integers(-8_000, 8_001, (3, 4, seconds)) * (start[:, None] / 700_000)
    marks = np.maximum(1000, start[:, None] + np.cumsum(steps, axis=2)).astype(np.int64)
    rows = []
    for time in np.sort(random.integers(0, seconds * SECOND, int(random.integers(0, 60)))):
        contract = int(random.integers(0, 4))
        if random.random() < 0.3:
            time = time // SECOND * SECOND  # noqa: PLW2901  exactly on a mark
        buyer, seller = (int(a) for a in random.choice(accounts, 2, replace=False))
        ticks = int(marks[0, contract, min(seconds - 1, int(time) // SECOND)])
        rows.append((int(time), contract, buyer, seller, int(random.integers(1, 400)), ticks, 9))
    rows.sort()
    fills = fills_of(rows)
    fills.flags[random.random(fills.flags.size) < 0.15] = 2
    positions = [(a, c) for a in range(accounts) for c in range(4) if random.random() < 0.6]
    quantity = random.integers(-3000, 3001, len(positions))
    cost = [
        trade_value_exact(SPECS[c].kind, SPECS[c].num, SPECS[c].den, int(q), int(start[c]))
        for (a, c), q in zip(positions, quantity, strict=True)
    ]
    data = np.array(positions, np.int64).reshape(len(positions), 2)
    zero = np.zeros(len(positions), np.int64)
    opening = Holdings(
        data[:, 0].astype(np.int32), data[:, 1].astype(np.int16), quantity,
        np.array(cost, np.int64), zero, zero,
    )  # fmt: skip
    cash = random.integers(0, 400_000_000, (accounts, 3))
    times = np.sort(random.integers(0, seconds * SECOND, 6))
    moved = moves(
        *(
            (int(t), int(random.integers(0, accounts)), int(random.integers(0, 3)),
             int(random.integers(-10**8, 10**8)))
            for t in times
        )
    )  # fmt: skip
    modes = terms(
        *(
            (int(random.choice([0, 0, 1, 1, 2])), int(random.choice([10, 20])))
            for _ in range(accounts)
        )
    )
    return opening, cash, fills, moved, modes, paths(*marks.tolist())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_it_finds_what_a_walk_over_every_second_finds(seed):
    opening, cash, fills, moved, modes, marks = random_window(seed)
    found = first_crossings(opening, cash, fills, moved, SPECS, ASSETS, modes, marks)
    assert as_dict(found) == plainly(opening, cash, fills, moved, modes, marks)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 3))
def test_workers_and_paths_beside_do_not_matter(seed, workers):
    opening, cash, fills, moved, modes, marks = random_window(seed, accounts=150)  # several lots
    whole = first_crossings(opening, cash, fills, moved, SPECS, ASSETS, modes, marks)
    split = first_crossings(
        opening, cash, fills, moved, SPECS, ASSETS, modes, marks, workers=workers
    )
    for mine, other in zip((*whole.due, *whole.closed), (*split.due, *split.closed), strict=True):
        assert mine.tolist() == other.tolist()
    alone = first_crossings(
        opening, cash, fills, moved, SPECS, ASSETS, modes, marks._replace(marks=marks.marks[1:2])
    )
    assert {(1, *key[1:]): value for key, value in as_dict(alone).items()} == {
        key: value for key, value in as_dict(whole).items() if key[0] == 1
    }


def one_long(quantity=1000, entry=700_000):
    cost = trade_value_exact(BTC.kind, BTC.num, BTC.den, quantity, entry)
    column = lambda value, kind: np.array([value], kind)  # noqa: E731
    return Holdings(
        column(0, np.int32), column(0, np.int16), column(quantity, np.int64),
        column(cost, np.int64), column(0, np.int64), column(0, np.int64),
    )  # fmt: skip


def search(opening, cash, fills, mode, marks, moved=None):
    modes = terms(*[(mode, 10)] * 2)
    found = first_crossings(
        opening, np.array(cash, np.int64).reshape(2, 1), fills, moved or moves(), [BTC],
        np.zeros(1, np.int16), modes, paths([marks]),
    )  # fmt: skip
    return as_dict(found)


# long 1,000 at 7,000.00 fixed 10x: margin 142,857,142; closes at value - cost <= -128,571,428,
# that is at 6,422.01 and below (1 / (1/7000 + 0.9/70000) = 6,422.018...)
@pytest.mark.parametrize(("mark", "crosses"), [(642_201, True), (642_202, False)])
def test_a_fixed_position_closes_at_its_closed_form_price(mark, crosses):
    found = search(one_long(), [0, 0], fills_of([]), FIXED, [700_000, mark, 700_000])
    assert list(found) == ([(0, 0, 0, 0, 0)] if crosses else [])


def test_the_first_second_counts_not_the_worst():
    found = search(one_long(), [0, 0], fills_of([]), FIXED, [700_000, 640_000, 300_000])
    assert found[0, 0, 0, 0, 0][0] == 1


def test_a_takeover_is_judged_by_the_mark_of_its_own_instant():
    fills = fills_of([(SECOND, 0, 1, 0, 1000, 640_000, 0)], flags=2)
    assert search(one_long(), [0, 0], fills, FIXED, [700_000, 640_000, 640_000]) == {
        (0, 0, 0, 0, 0): (1, 142_857_142 + 1_428_571_429 - 1_562_500_000, 14_285_714)
    }


def test_an_ordinary_close_at_the_instant_of_a_mark_comes_before_it():
    fills = fills_of([(SECOND, 0, 1, 0, 1000, 640_000, 0)])
    found = search(one_long(), [10**8, 10**12], fills, CROSS, [700_000, 640_000, 640_000])
    assert (0, 0, 0, -1, 0) not in found


def test_a_deposit_in_time_saves_and_a_withdrawal_sinks():
    marks = [700_000, 690_000, 650_000, 650_000]
    # the loss at 6,500.00 is 1.099 BTC, maintenance 0.154 BTC
    assert search(one_long(), [12 * 10**7, 0], fills_of([]), CROSS, marks) != {}
    saved = moves((int(1.5 * SECOND), 0, 0, 10**7))
    assert search(one_long(), [12 * 10**7, 0], fills_of([]), CROSS, marks, saved) == {}
    sunk = moves((int(2.5 * SECOND), 0, 0, -(10**7)))
    found = search(one_long(), [13 * 10**7, 0], fills_of([]), CROSS, marks, sunk)
    assert found[0, 0, 0, -1, 0][0] == 3


@pytest.mark.parametrize(("more", "due"), [(0, True), (1, False)])
def test_an_account_is_due_when_its_equity_is_its_maintenance(more, due):
    opening = one_long()
    value = trade_value_exact(BTC.kind, BTC.num, BTC.den, 1000, 650_000)
    maintenance = okex_maintenance(abs(value), factor_ppm("BTC", 10), 10)
    cash = maintenance - (value - int(opening.cost[0])) + more
    found = search(opening, [cash, 0], fills_of([]), CROSS, [700_000, 650_000])
    assert found == ({(0, 0, 0, -1, 0): (1, maintenance, maintenance)} if due else {})


def test_a_deposit_at_the_instant_of_a_takeover_comes_before_it():
    takeover = fills_of([(SECOND, 0, 1, 0, 1000, 650_000, 0)], flags=2)
    marks, cash = [700_000, 650_000], [12 * 10**7, 0]
    assert search(one_long(), cash, takeover, CROSS, marks) != {}
    saved = moves((SECOND, 0, 0, 10**7))
    assert search(one_long(), cash, takeover, CROSS, marks, saved) == {}


def test_what_is_left_after_a_takeover_is_a_new_episode():
    fills = fills_of([(SECOND, 0, 1, 0, 400, 640_000, 0)], flags=2)
    found = search(one_long(), [0, 0], fills, FIXED, [700_000, 640_000, 650_000, 630_000])
    assert [key[4] for key in found if key[1] == 0] == [0, 1]
    assert found[0, 0, 0, 0, 1][0] == 3


def test_crossings_carry_the_positions_and_marks_for_the_receipt():
    modes, marks = terms((CROSS, 10)), paths([[700_000, 600_000]])
    found = first_crossings(
        one_long(), np.zeros((1, 1), np.int64), fills_of([]), moves(), [BTC],
        np.zeros(1, np.int16), modes, marks,
    )  # fmt: skip
    assert found.due.leg_start.tolist() == [0, 1]
    assert found.due.leg_quantity.tolist() == [1000]
    assert found.due.leg_mark.tolist() == [[700_000]]  # no cash at all: due at once


def test_a_takeover_records_the_state_it_found_under_every_path():
    fills = fills_of([(int(1.5 * SECOND), 0, 1, 0, 1000, 640_000, 0)], flags=2)
    found = first_crossings(
        one_long(), np.zeros((2, 1), np.int64), fills, moves(), [BTC], np.zeros(1, np.int16),
        terms((FIXED, 10), (EXEMPT, 10)), paths([[700_000, 640_000, 1]], [[700_000, 690_000, 1]]),
    ).closed  # fmt: skip
    assert (found.path.tolist(), found.account.tolist(), found.second.tolist()) == ([-1], [0], [1])
    at_entry = 142_857_142 + 1_428_571_429  # margin and cost
    assert found.equity.tolist() == [[at_entry - 1_562_500_000, at_entry - 1_449_275_362]]
    assert found.maintenance.tolist() == [[14_285_714, 14_285_714]]
    assert found.leg_mark.tolist() == [[640_000, 690_000]]


def test_nothing_held_is_never_due():
    fills = fills_of([(SECOND, 0, 0, 1, 5, 700_000, 0), (SECOND, 0, 1, 0, 5, 700_000, 0)])
    assert search(empty_holdings(), [0, 0], fills, CROSS, [700_000] * 3) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m._replace(marks=m.marks[:, :, 1:]), "marks are"),
        (lambda m: m._replace(times=m.times[::-1]), "times of the marks must increase"),
        (lambda m: m._replace(marks=m.marks * [[[1, 0]]]), "path 0, BTC-Q, second 1: no mark"),
    ],
)
def test_incomplete_paths_are_refused(change, message):
    marks = change(paths([[700_000, 600_000]]))
    with pytest.raises(MarksRefused, match=message):
        first_crossings(
            one_long(), np.zeros((1, 1), np.int64), fills_of([]), moves(), [BTC],
            np.zeros(1, np.int16), terms((CROSS, 10)), marks,
        )  # fmt: skip


def test_a_leverage_the_rules_do_not_know_is_refused():
    with pytest.raises(RuleRefused, match="account 0 has leverage 50"):
        first_crossings(
            one_long(), np.zeros((1, 1), np.int64), fills_of([]), moves(), [BTC],
            np.zeros(1, np.int16), terms((CROSS, 50)), paths([[700_000]]),
        )  # fmt: skip


def test_an_account_without_terms_and_a_tape_out_of_order_are_refused():
    lone, marks = terms((CROSS, 10)), paths([[700_000] * 3])
    fills = fills_of([(SECOND, 0, 0, 1, 1, 700_000, 0), (0, 0, 1, 0, 1, 700_000, 0)])
    arguments = (
        one_long(), np.zeros((2, 1), np.int64), fills, moves(), [BTC], np.zeros(1, np.int16),
    )  # fmt: skip
    with pytest.raises(TapeDisorder, match="fills: account 1 has no margin terms"):
        first_crossings(*arguments, lone, marks)
    with pytest.raises(TapeDisorder, match="fill 2: earlier"):
        first_crossings(*arguments, terms((CROSS, 10), (CROSS, 10)), marks)


@pytest.mark.parametrize(
    ("cash", "moved"),
    [(2**63 - 1, []), (-(2**63), []), (2**62, [2**62, 2**62]), (-(2**62), [-(2**62)] * 2)],
)
def test_an_equity_beyond_int64_is_refused(cash, moved):
    rows = [(0, 0, 0, amount) for amount in moved]
    with pytest.raises(TapeTooLarge, match="BTC: an equity could reach"):
        search(one_long(), [cash, 0], fills_of([]), CROSS, [700_000], moves(*rows))


def test_the_wallet_at_an_instant_has_profit_fees_and_movements_in_it():
    fills = fills_of([(1, 0, 0, 1, 10, 700_000, 30), (2, 0, 1, 0, 10, 710_000, 20)])
    [state] = replay(empty_holdings(), fills, [BTC], [9])
    balances = np.array([[1000], [2000]], np.int64)
    cash = wallet_cash(
        balances, empty_holdings(), state, np.zeros(1, np.int16), moves((1, 1, 0, -70))
    )
    gain = 14_285_714 - 14_084_507
    assert cash.tolist() == [[1000 + gain - 10], [2000 - gain + 10 - 70]]


def test_fills_is_a_plain_tuple_of_columns():
    assert Fills._fields[:4] == ("seq", "time", "contract", "account")
