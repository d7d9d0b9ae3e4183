"""Every played night shows the published facts, whatever its seed and size."""

from datetime import UTC, datetime

import numpy as np
import pytest

from exchange.domain.replay import reason_of
from exchange.tape.arrays import Tape
from tests.exchange.drill.conftest import Read

SIZES = [(200, 5_000, 1), (200, 5_000, 2), (600, 12_000, 7), (2_000, 50_000, 1), (2_000, 50_000, 9),
         (5_000, 5_000, 3), (500, 200_000, 4)]  # fmt: skip
MAIN = "BTC-USD-180629"
TAKEOVER = 1


def us(hour: int, minute: int, second: int = 0) -> int:
    """An instant of that night in Hong Kong, microseconds."""
    at = datetime(2018, 3, 29, hour + 16, minute, second, tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000


def prints(tape: Tape) -> tuple[np.ndarray, np.ndarray]:
    """Times and ticks of the quarterly's market trades, one a trade."""
    fills = tape.fills
    main = [spec.symbol for spec in tape.specs].index(MAIN)
    mask = (fills.contract == main) & (fills.quantity > 0) & (reason_of(fills.flags) != TAKEOVER)
    return fills.time[mask], fills.price[mask]


def between(tape: Tape, start: int, end: int) -> np.ndarray:
    """Ticks traded from ``start`` (included) to ``end`` (left out)."""
    time, ticks = prints(tape)
    return ticks[(time >= start) & (time < end)]


@pytest.fixture(params=SIZES, ids=lambda size: "-".join(map(str, size)))
def tape(request: pytest.FixtureRequest, read: Read) -> Tape:
    return read(*request.param)


def test_the_low_is_exactly_4755(tape: Tape) -> None:
    _, ticks = prints(tape)
    assert ticks.min() == 475_500
    main = [spec.symbol for spec in tape.specs].index(MAIN)
    assert tape.prices.mark[main].min() == 475_500


def test_it_traded_above_6500_before(tape: Tape) -> None:
    assert between(tape, us(3, 0), us(5, 0)).min() > 650_000


def test_from_above_6500_to_the_low_takes_less_than_half_an_hour(tape: Tape) -> None:
    time, ticks = prints(tape)
    last_above = time[ticks > 650_000].max()
    assert last_above >= us(5, 0)
    assert time[ticks == 475_500].min() - last_above < 30 * 60_000_000


def test_trough_rebound_low_come_in_that_order(tape: Tape) -> None:
    time, ticks = prints(tape)
    low = time[ticks == 475_500].min()
    peak = time[(ticks == 600_000) & (time > us(5, 10)) & (time < low)]
    assert peak.size
    first_fall = ticks[(time >= us(5, 0)) & (time < peak[0])]
    assert first_fall.min() == 520_000
    trough = time[(ticks == 520_000) & (time < peak[0])][0]
    assert ticks[(time > trough) & (time < low)].max() == 600_000


def test_at_six_it_is_5400(tape: Tape) -> None:
    time, ticks = prints(tape)
    assert ticks[time == us(6, 0)].tolist() == [540_000]
    main = [spec.symbol for spec in tape.specs].index(MAIN)
    assert tape.prices.mark[main][tape.prices.time == us(6, 0)].tolist() == [540_000]


def test_by_half_past_six_part_of_the_fall_is_recovered(tape: Tape) -> None:
    assert 5_700_00 < prints(tape)[1][-1] < 6_000_00


def test_the_last_kept_trade_is_at_the_cutoff(tape: Tape) -> None:
    time, _ = prints(tape)
    cutoff = us(4, 47, 54)
    assert (time == cutoff).any()
    assert (time > cutoff).any()
    assert tape.manifest["effective_cutoff"] == "2018-03-30T04:47:54+08:00"
    assert tape.manifest["announced_cutoff"] == "2018-03-30T05:00:00+08:00"


def test_the_index_stays_near_7000(tape: Tape) -> None:
    main = [spec.symbol for spec in tape.specs].index(MAIN)
    index = tape.prices.index[main]
    assert index.min() >= 6_900_00
    assert index.max() < 7_100_00


def test_other_coins_are_not_manipulated(tape: Tape) -> None:
    for contract, spec in enumerate(tape.specs):
        mark = tape.prices.mark[contract]
        if spec.settle != "BTC":
            assert mark.min() > 0.93 * mark[0], spec.symbol
            assert (tape.fills.contract == contract).any()


def test_the_tape_has_exactly_the_rows_asked_for(tape: Tape) -> None:
    assert tape.fills.seq.size == tape.manifest["source"]["fills"]
    assert tape.prices.mark.shape == (6, 12_601)


def test_customers_are_unique_and_the_insurance_fund_is_small(tape: Tape) -> None:
    accounts = tape.accounts
    emails = [email for email in accounts.email if email]
    assert len(set(emails)) == len(emails) == tape.manifest["source"]["accounts"]
    assert all(email.endswith(("@example.com", "@example.org")) for email in emails)
    assert set(accounts.language) == {"en", "zh-Hans"}
    tags = set(" ".join(accounts.tags).split())
    assert tags == {"market_maker", "hedger", "api", "corporate"}
    assert sorted(accounts.kind.tolist())[-2:] == [1, 2]
