"""Verdicts on small windows written out by hand: one BTC contract, marks each second."""

import numpy as np
import pytest

from exchange.domain.liquidation import CROSS, FIXED, first_crossings
from exchange.domain.replay import Fills, Holdings
from exchange.domain.value import trade_value_exact
from exchange.domain.verdicts import Recorded, counts, judge
from tests.exchange.domain.market import BTC, fills_of
from tests.exchange.domain.test_liquidation import SECOND, moves, paths, terms

CALM = [700_000] * 6
CRASH = [700_000, 690_000, 640_000, 600_000, 640_000, 690_000]
INSURANCE = 2


def holdings(*rows) -> Holdings:
    """Rows of (account, contract, quantity), bought at 7,000.00."""
    data = np.array(rows, np.int64).reshape(len(rows), 3)
    cost = [trade_value_exact(BTC.kind, BTC.num, BTC.den, int(q), 700_000) for q in data[:, 2]]
    zero = np.zeros(len(rows), np.int64)
    return Holdings(
        data[:, 0].astype(np.int32), data[:, 1].astype(np.int16), data[:, 2].copy(),
        np.array(cost, np.int64), zero, zero,
    )  # fmt: skip


def taken(*rows) -> tuple[Fills, Recorded]:
    """Take-overs (second, account, contract, quantity, ticks) half a second after the mark."""
    fills = fills_of(
        [(int((t + 0.5) * SECOND), c, INSURANCE, a, q, p, 0) for t, a, c, q, p in rows], flags=2
    )
    data = np.array(rows, np.int64).reshape(len(rows), 5)
    return fills, Recorded(
        data[:, 0] * SECOND + SECOND // 2, data[:, 1].astype(np.int32),
        data[:, 2].astype(np.int16), data[:, 3].copy(), data[:, 4].copy(),
    )  # fmt: skip


def verdicts(opening, fills, recorded, printed, fair, *, mode=CROSS, cash=12 * 10**7, **options):
    modes, marks = terms((mode, 10), (mode, 10), (2, 10)), paths(printed, fair)
    asset_of = np.zeros(len(printed), np.int16)
    specs = [BTC._replace(symbol=f"BTC-{i}") for i in range(len(printed))]
    wallets = np.full((3, 1), cash, np.int64)
    found = first_crossings(opening, wallets, fills, moves(), specs, asset_of, modes, marks)
    return judge(recorded, found, fills, modes, asset_of, marks.times, marks.marks, **options)


@pytest.mark.parametrize(
    ("printed", "fair", "expected"),
    [
        (CRASH, CRASH, "due_both"),
        (CRASH, CALM, "due_printed_only"),
        (CALM, CALM, "not_due"),
        (CALM, CRASH, "not_due"),
    ],
)
@pytest.mark.parametrize("mode", [CROSS, FIXED])
def test_each_verdict(printed, fair, expected, mode):
    fills, recorded = taken((2, 0, 0, 1000, 640_000))
    result = verdicts(holdings((0, 0, 1000)), fills, recorded, [printed], [fair], mode=mode)
    assert counts(result) == {
        "recorded": 1, "due_both": 0, "due_printed_only": 0, "not_due": 0, "missed": 0,
        expected: 1,
    }  # fmt: skip


def test_a_verdict_carries_both_healths_of_the_same_second():
    fills, recorded = taken((2, 0, 0, 1000, 640_000))
    result = verdicts(holdings((0, 0, 1000)), fills, recorded, [CRASH], [CALM])
    cash, cost = 12 * 10**7, 1_428_571_429
    assert (result.second.tolist(), result.due_printed.tolist()) == ([2], [2])
    assert (result.printed.tolist(), result.fair.tolist()) == ([640_000], [700_000])
    assert result.equity_printed.tolist() == [cash + cost - 1_562_500_000]
    assert result.maintenance_printed.tolist() == [15_625_000]
    assert (result.equity_fair.tolist(), result.maintenance_fair.tolist()) == ([cash], [14_285_714])
    assert result.due_fair.tolist() == [-1]


def test_a_close_before_the_crossing_is_not_due():
    fills, recorded = taken((1, 0, 0, 1000, 690_000))
    result = verdicts(holdings((0, 0, 1000)), fills, recorded, [CRASH], [CRASH])
    assert counts(result)["not_due"] == 1
    assert result.second.tolist() == [1]


def test_a_crossing_nobody_closed_is_missed_once_for_each_open_position():
    opening = holdings((0, 0, 800), (0, 1, 200), (1, 0, 10))
    fills, recorded = taken()
    result = verdicts(
        opening, fills, recorded, [CRASH, CRASH], [CALM, CALM], tolerance_us=2 * SECOND
    )
    assert counts(result)["missed"] == 2
    assert result.contract.tolist() == [0, 1]
    assert result.quantity.tolist() == [800, 200]
    assert result.recorded.tolist() == [-1, -1]
    assert result.due_fair.tolist() == [-1, -1]


def test_what_its_owner_closed_in_time_was_not_missed():
    fills = fills_of([(3 * SECOND, 0, 1, 0, 1000, 600_000, 0)])
    _, recorded = taken()
    opening = holdings((0, 0, 1000), (1, 0, -1000))
    result = verdicts(opening, fills, recorded, [CRASH], [CALM], tolerance_us=2 * SECOND)
    assert counts(result)["missed"] == 0
    result = verdicts(opening, fills, recorded, [CRASH], [CALM], tolerance_us=SECOND // 2)
    assert counts(result)["missed"] == 1


def test_a_whole_account_closes_in_one_second_and_every_close_is_due():
    opening = holdings((0, 0, 600), (0, 1, 400))
    fills, recorded = taken((2, 0, 0, 600, 640_000), (2, 0, 1, 400, 640_000))
    result = verdicts(opening, fills, recorded, [CRASH, CRASH], [CALM, CALM])
    assert counts(result)["due_printed_only"] == 2


def test_the_episode_before_does_not_excuse_the_close_after():
    opening = holdings((0, 0, 1000))
    fills, recorded = taken((2, 0, 0, 999, 690_000), (4, 0, 0, 1, 640_000))
    result = verdicts(opening, fills, recorded, [CRASH], [CALM])
    assert result.verdict.tolist() == [1, 2]


def test_a_late_close_is_due_and_not_missed():
    fills, recorded = taken((4, 0, 0, 1000, 640_000))
    result = verdicts(holdings((0, 0, 1000)), fills, recorded, [CRASH], [CALM], tolerance_us=SECOND)
    assert counts(result) == {
        "recorded": 1, "due_both": 0, "due_printed_only": 1, "not_due": 0, "missed": 0,
    }  # fmt: skip
    assert result.due_printed.tolist() == [2]


def test_a_close_of_something_the_tape_never_held_is_not_due():
    _, recorded = taken((2, 1, 0, 5, 640_000))
    result = verdicts(holdings((0, 0, 1)), fills_of([]), recorded, [CRASH], [CALM])
    assert counts(result)["not_due"] == 1
    assert result.second.tolist() == [-1]
