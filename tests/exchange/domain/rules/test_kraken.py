"""Kraken Futures: the Equity Protection Process and the margin schedule."""

from fractions import Fraction

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


def test_the_schedule_gives_the_same_rates() -> None:
    by_table = printed(**EXAMPLE, symbol="PI_XBTUSD")
    by_hand = printed(**EXAMPLE, maintenance="0.01", leverage="50")
    for figure in ("liquidation_price", "initial_margin", "maintenance_margin"):
        assert by_table[figure] == by_hand[figure]


def test_levels_are_charged_level_by_level() -> None:
    # support.kraken.com 15579128794772: a million contracts pay 2 % on the first 500,000 and
    # 4 % on the rest, initially; maintenance is half of that.
    due = maintenance(LEVELS["XBTUSD"], Fraction(1_000_000))
    assert 2 * due == 500_000 * Fraction(2, 100) + 500_000 * Fraction(4, 100)
