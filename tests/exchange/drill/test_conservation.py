"""Nothing is made or lost: the tape replays to the market's own books, to the unit."""

import numpy as np
import pytest

from exchange.domain.replay import replay
from exchange.drill import rehearsal, stage
from exchange.services import books, liquidations
from exchange.tape.arrays import KIND_CUSTOMER, WALLET_FUNDING, Tape
from tests.exchange.drill.conftest import Read, quiet

SIZES = [(200, 5_000, 2), (2_000, 50_000, 1)]


@pytest.fixture(params=SIZES, ids=lambda size: "-".join(map(str, size)))
def size(request: pytest.FixtureRequest) -> tuple[int, int, int]:
    found: tuple[int, int, int] = request.param
    return found


@pytest.fixture
def tape(size: tuple[int, int, int], read: Read) -> Tape:
    return read(*size)


def test_positions_and_costs_sum_to_zero_at_the_opening(tape: Tape) -> None:
    for contract in range(len(tape.specs)):
        mine = tape.positions.contract == contract
        assert tape.positions.quantity[mine].sum() == 0
        assert tape.positions.cost[mine].sum() == 0


def test_a_replay_agrees_with_the_market_to_the_unit(
    tape: Tape, size: tuple[int, int, int]
) -> None:
    night = stage.set_up("okex-2018", *size, quiet)
    rehearsal.play(night, quiet)
    end = replay(books.opening_holdings(tape), tape.fills, tape.specs, [int(tape.prices.time[-1])])[
        0
    ]
    at = (end.account, end.contract)
    held = night.market.positions
    for name in ("quantity", "cost", "realised", "fees"):
        told = np.zeros(held.shape, np.int64)
        told[at] = getattr(end, name)
        assert np.array_equal(told, held[name]), name


def test_cost_less_realised_sums_to_zero_at_every_instant_looked_at(tape: Tape) -> None:
    instants = [int(time) for time in tape.prices.time[:: 60 * 15]]
    for now in replay(books.opening_holdings(tape), tape.fills, tape.specs, instants):
        gap = np.zeros(len(tape.specs), np.int64)
        np.add.at(gap, now.contract, now.cost - now.realised)
        assert not gap.any()


def test_no_customer_ends_a_minute_below_zero(tape: Tape) -> None:
    asset_of = books.settlement_assets(tape)
    opening = books.opening_holdings(tape)
    moved = liquidations.cash_events(tape)
    customers = tape.accounts.kind == KIND_CUSTOMER
    instants = [int(time) for time in tape.prices.time[::60]]
    for at, now in zip(instants, replay(opening, tape.fills, tape.specs, instants), strict=True):
        cash = liquidations.opening_cash(tape)
        upto = moved.time <= at
        np.add.at(cash, (moved.account[upto], moved.asset[upto]), moved.amount[upto])
        np.add.at(cash, (now.account, asset_of[now.contract]), now.realised - now.fees)
        assert cash[customers].min() >= 0


def test_funding_wallets_never_fall_below_zero(tape: Tape) -> None:
    shape = (len(tape.accounts.code), len(tape.assets.code))
    funding = np.zeros(shape, np.int64)
    mine = tape.balances.wallet == WALLET_FUNDING
    held = tape.balances
    np.add.at(funding, (held.account[mine], held.asset[mine]), held.amount[mine])
    moved = tape.transfers
    for row in np.flatnonzero(moved.wallet == WALLET_FUNDING).tolist():
        funding[moved.account[row], moved.asset[row]] += moved.amount[row]
        assert funding[moved.account[row], moved.asset[row]] >= 0


def test_gains_leave_after_the_cutoff(tape: Tape) -> None:
    cutoff = liquidations.effective_cutoff_us(tape)
    moved = tape.transfers
    out = (moved.kind == 1) & (moved.time > cutoff)
    assert out.any()
    assert (moved.amount[out] < 0).all()
