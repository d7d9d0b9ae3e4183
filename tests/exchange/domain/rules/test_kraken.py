"""Kraken Futures: the Equity Protection Process and the margin schedule."""

from fractions import Fraction

import pytest

from exchange.domain.margin.tiers import maintenance
from exchange.domain.rules.kraken_inverse import LEVELS
from tests.exchange.domain.rules.published import printed

EXAMPLE = {
    "rules": "kraken-inverse",
    "side": "long",
    "quantity": "1000",
    "entry": "8000",
    "collateral": "0.01",
    "mode": "cross",
}


def test_equity_protection_example() -> None:
    # support.kraken.com 360022835671: liquidated at 7481, order limit 7407.
    answer = printed(**EXAMPLE, maintenance="0.01")
    assert answer["liquidation_price"] == "7481"
    assert answer["bankruptcy_price"] == "7407"
    assert answer["position_value"] == "0.125"
    assert answer["initial_margin"] == "0.0025"
    assert answer["maintenance_margin"] == "0.00125"


@pytest.mark.parametrize("symbol", ["PI_XBTUSD", "FI_XBTUSD_210625", "btcusd"])
def test_the_schedule_gives_the_same_rates(symbol: str) -> None:
    by_table = printed(**EXAMPLE, symbol=symbol)
    by_hand = printed(**EXAMPLE, maintenance="0.01", leverage="50")
    for figure in ("liquidation_price", "initial_margin", "maintenance_margin"):
        assert by_table[figure] == by_hand[figure]


def test_levels_are_charged_level_by_level() -> None:
    # support.kraken.com 15579128794772: a million contracts pay 2 % on the first 500,000 and
    # 4 % on the rest, initially; maintenance is half of that.
    due = maintenance(LEVELS["XBTUSD"], Fraction(1_000_000))
    assert 2 * due == 500_000 * Fraction(2, 100) + 500_000 * Fraction(4, 100)


@pytest.mark.parametrize(
    ("symbol", "contracts", "initial"),
    [
        # Same page, initial rates: LTC 2, 4, 6, 10, 15 %; BCH begins at 4 %, XRP at 4 and 10 %.
        ("PI_LTCUSD", 5_000_000, (250_000, 2, 250_000, 4, 1_500_000, 6, 2_000_000, 10, 10**6, 15)),
        ("PI_BCHUSD", 6_000_000, (500_000, 4, 1_500_000, 6, 10**6, 10, 2 * 10**6, 20, 10**6, 50)),
        ("PI_XRPUSD", 2_000_000, (1_000_000, 4, 1_000_000, 10)),
    ],
)
def test_levels_of_smaller_coins(symbol: str, contracts: int, initial: tuple[int, ...]) -> None:
    due = sum(part * rate for part, rate in zip(initial[::2], initial[1::2], strict=True))
    answer = printed(**{**EXAMPLE, "quantity": str(contracts), "entry": "1", "symbol": symbol})
    assert answer["initial_margin"] == str(due // 100)
