"""The order book: price, then time; and the next price found across any gap."""

import random

import numpy as np
import pytest

from exchange.drill import stage, state
from exchange.drill.book import best_ticks, next_above, next_below, place, remove, withdraw
from exchange.drill.matching import rest, sweep
from exchange.drill.state import BUY, N_TRADES, SELL
from tests.exchange.drill.conftest import quiet

MAIN = 2


@pytest.fixture
def market() -> state.Market:
    """Books nobody has quoted in yet."""
    return stage.set_up("okex-2018", 200, 5_000, 1, quiet).market


def rich(market: state.Market, count: int) -> list[int]:
    """Accounts with cash that hold nothing in the main contract."""
    free = market.wallets["cash"][:-2, 0] > 5_000_000
    free &= market.positions["quantity"][:-2, MAIN] == 0
    return [int(account) for account in np.flatnonzero(free)[:count]]


def test_better_prices_first_then_who_came_first(market: state.Market) -> None:
    first, second, cheap, buyer = rich(market, 4)
    rest(market, MAIN, SELL, first, 1, 660_100)
    rest(market, MAIN, SELL, second, 1, 660_100)
    rest(market, MAIN, SELL, cheap, 1, 660_000)
    assert sweep(market, MAIN, buyer, BUY, 3, 660_100, 200, 300) == 3
    rows = market.trades[: market.count[N_TRADES]]
    assert rows["maker"].tolist() == [cheap, first, second]
    assert rows["price"].tolist() == [660_000, 660_100, 660_100]
    assert best_ticks(market, MAIN, SELL) == 0


def test_a_limit_is_kept_and_the_rest_cancelled(market: state.Market) -> None:
    maker, taker = rich(market, 2)
    rest(market, MAIN, BUY, maker, 2, 655_000)
    assert sweep(market, MAIN, taker, SELL, 5, 655_001, 200, 300) == 0
    assert sweep(market, MAIN, taker, SELL, 5, 655_000, 200, 300) == 2
    assert best_ticks(market, MAIN, BUY) == best_ticks(market, MAIN, SELL) == 0


def test_an_order_that_would_cross_does_not_rest(market: state.Market) -> None:
    maker, other = rich(market, 2)
    rest(market, MAIN, SELL, maker, 1, 655_000)
    assert rest(market, MAIN, BUY, other, 1, 655_000) == -1
    assert rest(market, MAIN, BUY, other, 1, 654_999) >= 0


def test_nobody_trades_with_themselves(market: state.Market) -> None:
    (owner,) = rich(market, 1)
    rest(market, MAIN, SELL, owner, 1, 655_000)
    assert sweep(market, MAIN, owner, BUY, 1, 655_000, 200, 300) == 0
    assert market.count[N_TRADES] == 0


def test_orders_of_an_account_taken_over_are_void(market: state.Market) -> None:
    maker, taker = rich(market, 2)
    rest(market, MAIN, SELL, maker, 1, 655_000)
    market.accounts["epoch"][maker] += 1
    assert sweep(market, MAIN, taker, BUY, 1, 655_000, 200, 300) == 0


def test_who_cannot_pay_does_not_trade(market: state.Market) -> None:
    maker, taker = rich(market, 2)
    rest(market, MAIN, SELL, maker, 100, 655_000)
    market.wallets["cash"][taker, 0] = 457
    assert sweep(market, MAIN, taker, BUY, 1, 655_000, 200, 300) == 0
    market.wallets["cash"][taker, 0] = 458  # the fee: 300 ppm of 1,526,718 satoshi, rounded down
    assert sweep(market, MAIN, taker, BUY, 1, 655_000, 200, 300) == 1
    assert market.wallets["cash"][taker, 0] == 0


def test_a_reused_row_is_not_cancelled_by_its_old_number(market: state.Market) -> None:
    maker, other = rich(market, 2)
    row = rest(market, MAIN, SELL, maker, 1, 655_000)
    ident = int(market.orders["ident"][row])
    remove(market, row)
    assert rest(market, MAIN, SELL, other, 1, 655_000) == row
    withdraw(market, row, ident)
    assert best_ticks(market, MAIN, SELL) == 655_000


def test_the_next_level_is_found_like_a_plain_search_finds_it(market: state.Market) -> None:
    start, lowest, width = (int(market.terms[name][MAIN]) for name in ("first", "lowest", "width"))
    dice = random.Random(5)
    offsets = sorted(dice.sample(range(width), 60))
    for ident, offset in enumerate(offsets):
        assert place(market, MAIN, BUY, 0, 1, lowest + offset, ident) >= 0
    probes = [0, 1, width - 1, *offsets, *(dice.randrange(width) for _ in range(300))]
    for probe in probes:
        above = min((o for o in offsets if o >= probe), default=None)
        below = max((o for o in offsets if o <= probe), default=None)
        assert next_above(market, start + probe, start + width) == (
            -1 if above is None else start + above
        )
        assert next_below(market, start + probe, start) == -1 if below is None else start + below
    assert place(market, MAIN, BUY, 0, 1, lowest - 1, 99) == -1
    assert place(market, MAIN, BUY, 0, 1, lowest + width, 99) == -1
