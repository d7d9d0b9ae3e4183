"""Huobi: factors of the help page, net position, and the double trigger."""

from decimal import Decimal
from fractions import Fraction

import pytest

from exchange.domain.rules.huobi_2018 import net_contracts, triggered
from tests.exchange.domain.rules.published import printed, unrounded

BASE = {
    "rules": "huobi-2018",
    "side": "long",
    "quantity": "1000",
    "face": "100",
    "entry": "10000",
    "collateral": "1",
    "mode": "cross",
}


@pytest.mark.parametrize(("leverage", "factor"), [("5", "3"), ("10", "8"), ("20", "15")])
def test_factors_for_a_hundred_bitcoin(leverage: str, factor: str) -> None:
    # huobiglobal.zendesk.com 360000143042.
    answer = printed(**BASE, leverage=leverage)
    assert any(f"the adjustment factor is {factor} % at {leverage}x" in s for s in answer["steps"])


def test_legs_net_against_each_other() -> None:
    # support.hbfile.net 900000089903: long 1,200 and short 3,000 are 1,800 net.
    assert net_contracts(Fraction(1200), Fraction(3000)) == 1800
    answer = printed(
        **{**BASE, "quantity": "1200"},
        leverage="10",
        hedge={"quantity": "3000", "entry": "10000"},
    )
    assert any("the net position of 1800 contracts" in step for step in answer["steps"])


def test_nothing_goes_unless_both_prices_breach() -> None:
    assert triggered(Fraction(0), Fraction(-1, 10))
    assert not triggered(Fraction(-1, 10), Fraction(1, 100))
    low = printed(**BASE, leverage="10", mark="9000", ema="9950")
    assert any("not both at or below 0: it stays" in step for step in low["steps"])
    gone = printed(**BASE, leverage="10", mark="9000", ema="9001")
    assert any("both are at or below 0: liquidated" in step for step in gone["steps"])
    assert gone["margin_ratio"].startswith("-")
    assert gone["margin_ratio_ema"].startswith("-")


def test_margins_of_both_legs_add_up() -> None:
    # support.hbfile.net 900001259343: 1,000 long and 800 short at 9,500 and 20x need 0.9473 BTC
    # (the page cuts) before the venue began to net them in June 2020.
    answer = printed(
        **{**BASE, "entry": "9500", "maintenance": "0.2"},
        leverage="20",
        hedge={"quantity": "800", "entry": "9500"},
    )
    assert answer["initial_margin"].startswith("0.9473")


@pytest.mark.parametrize(
    ("face", "entry", "last", "margin"), [("100", "4800", "5000", "0.02"), ("10", "4", "5", "2")]
)
def test_used_margin_at_the_latest_price(face: str, entry: str, last: str, margin: str) -> None:
    # huobi.com 900000106086: 10 contracts at 10x need 0.02 BTC at 5,000, and 2 EOS at 5.
    answer = printed(
        **{**BASE, "quantity": "10", "face": face, "entry": entry, "mark": last},
        maintenance="0.1",
        leverage="10",
    )
    assert answer["initial_margin"] == margin


def test_the_factor_over_the_leverage() -> None:
    # twyeya.com/help/385: factor / leverage = 12.5 % / 10 for 1,200 long and 3,000 short.
    answer = printed(
        **{**BASE, "quantity": "1200", "maintenance": "0.125"},
        leverage="10",
        hedge={"quantity": "3000", "entry": "10000"},
    )
    assert Decimal(answer["maintenance_margin"]) == Decimal("0.0125") * 42


def test_the_account_of_the_websocket_page() -> None:
    # api.hbdm.com, topic "accounts": margin_static 1.7355…, margin_position 0.3302… at 5x, factor
    # 0.03 and profit 0.0180… are 148 contracts; liquidation_price and risk_rate are the venue's.
    used, static = Decimal("0.33021635865066457"), Decimal("1.7355318016108807")
    mark = 14800 / (5 * used)
    entry = 14800 / (14800 / mark + Decimal("0.0180272601553096"))
    request = {**BASE, "quantity": "148", "entry": str(entry), "mark": str(mark)}
    request |= {"collateral": str(static), "leverage": "5"}
    assert unrounded("liquidation_price", 9, **request) == Decimal("4373.089742505")
    assert unrounded("margin_ratio", 12, **request) == Decimal("5.280333712514")
    assert printed(**request)["initial_margin"] == "0.33021636"
