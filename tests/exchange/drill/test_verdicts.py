"""The engine, which knows nothing of the market's insides, finds exactly what happened."""

import numpy as np
import pytest

from exchange.domain import verdicts
from exchange.domain.replay import reason_of
from exchange.services import liquidations
from exchange.tape.arrays import Tape
from tests.exchange.drill.conftest import Read

SIZES = [(200, 5_000, 1), (200, 5_000, 5), (2_000, 50_000, 1), (2_000, 50_000, 9)]
MINUTE_US = 60_000_000
TAKEOVER, LIQUIDATION = 1, 2


@pytest.fixture(params=SIZES, ids=lambda size: "-".join(map(str, size)))
def tape(request: pytest.FixtureRequest, read: Read) -> Tape:
    return read(*request.param)


def test_wrong_and_missed_closes_are_found_and_no_others(tape: Tape) -> None:
    truth = tape.manifest["source"]["truth"]
    found, _, _ = liquidations.judge(tape)
    counts = verdicts.counts(found)
    assert counts["recorded"] == truth["takeovers"] == tape.liquidations.time.size
    assert counts["not_due"] == truth["wrong_takeovers"] >= 1
    assert counts["missed"] == truth["missed_takeovers"] >= 1


def test_most_closes_were_due_only_at_the_printed_price(tape: Tape) -> None:
    found, _, _ = liquidations.judge(tape)
    counts = verdicts.counts(found)
    assert counts["due_both"] >= 1
    assert counts["due_printed_only"] > counts["due_both"]


def test_a_missed_account_stays_open_for_minutes(tape: Tape) -> None:
    found, times, _ = liquidations.judge(tape)
    end = int(tape.prices.time[-1])
    for row in np.flatnonzero(found.verdict == verdicts.MISSED).tolist():
        since = int(times[found.due_printed[row]])
        mine = (tape.fills.account == found.account[row]) & (tape.fills.time > since)
        assert not mine.any()
        assert end - since > 10 * MINUTE_US


def test_a_close_happens_in_the_second_after_it_is_due(tape: Tape) -> None:
    found, times, _ = liquidations.judge(tape)
    rows = np.flatnonzero((found.recorded >= 0) & (found.due_printed >= 0))
    taken = tape.liquidations.time[found.recorded[rows]]
    wait = taken - times[found.due_printed[rows]]
    assert ((wait > 0) & (wait <= 1_000_000)).all()


def test_forced_closes_pay_no_fee_and_pass_through_the_insurance_account(tape: Tape) -> None:
    fills = tape.fills
    reason = reason_of(fills.flags)
    insurance = int(np.flatnonzero(tape.accounts.kind == 1)[0])
    assert not fills.fee[reason == TAKEOVER].any()
    sold = reason == LIQUIDATION
    assert sold.any()
    assert (fills.account[sold] == insurance).all()
    assert not fills.fee[sold].any()
    assert (fills.fee[reason == 0] >= 0).all()
