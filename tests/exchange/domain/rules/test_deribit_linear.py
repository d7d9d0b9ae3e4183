"""Deribit's table of linear margins: 25 and 350 BTC at 100,000, 25 and 6,000 SOL at 200."""

import pytest

from tests.exchange.domain.rules.published import printed

LONG = {"rules": "deribit-linear", "side": "long"}
ROWS = [
    # symbol, size, price, initial, maintenance (support.deribit.com 25944738177565)
    ("BTC_USDC", "25", "100000", "53125", "28125"),
    ("BTC_USDC", "350", "100000", "1312500", "962500"),
    ("SOL_USDC", "25", "200", "200.625", "100.625"),
    ("SOL_USDC", "6000", "200", "84000", "60000"),
]


@pytest.mark.parametrize(("symbol", "size", "price", "initial", "maintenance"), ROWS)
def test_rates_grow_with_the_position(
    symbol: str, size: str, price: str, initial: str, maintenance: str
) -> None:
    answer = printed(
        **LONG,
        quantity=size,
        entry=price,
        mark=price,
        collateral="5000000",
        mode="cross",
        symbol=symbol,
    )
    assert answer["initial_margin"] == initial
    assert answer["maintenance_margin"] == maintenance


def test_bitcoin_is_meant_without_a_symbol() -> None:
    answer = printed(**LONG, quantity="25", entry="100000", collateral="100000", mode="cross")
    assert answer["maintenance_margin"] == "28125"
    assert any("1 % + 0.005 % per coin = 1.125 %" in step for step in answer["steps"])


def test_isolated_margin_follows_from_the_rate_of_the_size() -> None:
    answer = printed(**LONG, quantity="25", entry="100000", mode="isolated")
    assert answer["initial_margin"] == "53125"
    assert any("53125 (the initial margin at entry)" in step for step in answer["steps"])


def test_a_given_leverage_is_the_initial_rate() -> None:
    answer = printed(**LONG, quantity="25", entry="100000", mode="isolated", leverage="10")
    assert (answer["initial_margin"], answer["maintenance_margin"]) == ("250000", "28125")


def test_a_given_maintenance_leaves_the_initial_rate_of_the_size() -> None:
    answer = printed(**LONG, quantity="350", entry="100000", mode="isolated", maintenance="0.0275")
    assert (answer["initial_margin"], answer["maintenance_margin"]) == ("1312500", "962500")
