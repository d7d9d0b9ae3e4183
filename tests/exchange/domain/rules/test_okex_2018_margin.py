"""okex-2018 in the calculator: the published liquidation of an EOS long."""

from decimal import Decimal

import pytest

from exchange.domain.margin_quote import QuoteRefused, quote
from tests.exchange.domain.rules.published import printed, unrounded

EOS = {
    "rules": "okex-2018",
    "side": "long",
    "quantity": "100",
    "face": "10",
    "entry": "5.00",
    "leverage": "10",
    "mode": "fixed",
}


def test_eos_long_is_closed_at_4_588() -> None:
    # mackhal.com/8391.html: about 4.588, with a factor of 10 %.
    answer = printed(**EOS, maintenance="0.1")
    assert answer["liquidation_price"] == "4.588"
    assert unrounded("liquidation_price", 4, **EOS, maintenance="0.1") == Decimal("4.5872")
    assert unrounded("bankruptcy_price", 4, **EOS, maintenance="0.1") == Decimal("4.5455")


@pytest.mark.parametrize(
    ("symbol", "leverage", "factor"),
    [("BTC", "10", "10"), ("BTC", "20", "20"), ("LTC", "10", "20"), ("LTC", "20", "40")],
)
def test_factor_follows_coin_and_leverage(symbol: str, leverage: str, factor: str) -> None:
    # bibobao.com/view/11913.
    answer = printed(**{**EOS, "symbol": symbol, "leverage": leverage})
    assert any(f"the adjustment factor is {factor} % for {symbol}" in s for s in answer["steps"])


@pytest.mark.parametrize("symbol", ["LTC-USD", "ltc/usd", "LTC-USD-180330", "LTCUSD"])
def test_a_contracts_name_tells_its_coin(symbol: str) -> None:
    answer = printed(**{**EOS, "symbol": symbol})
    assert any("the adjustment factor is 20 % for LTC at 10x" in step for step in answer["steps"])


def test_ratio_is_nil_at_the_liquidation_price() -> None:
    request = {**EOS, "maintenance": "0.1", "mode": "cross", "collateral": "20"}
    price = printed(**request)["unrounded"]["liquidation_price"]
    ratio = printed(**request, mark=price[:30])["margin_ratio"]
    assert Decimal(ratio) == 0


def test_the_other_positions_have_this_ones_leverage_unless_they_say_theirs() -> None:
    other = {
        "side": "short",
        "quantity": "50",
        "face": "10",
        "entry": "5",
        "mark": "5.1",
        "maintenance": "0.4",
    }
    request = {**EOS, "mode": "cross", "collateral": "30"}
    unsaid, same, twice = (
        printed(**request, others=[{**other, **said}])["liquidation_price"]
        for said in ({}, {"leverage": "10"}, {"leverage": "20"})
    )
    assert unsaid == same != twice


def test_unknown_leverage_is_refused() -> None:
    with pytest.raises(QuoteRefused, match="knows leverage 10 and 20, not 7") as refusal:
        quote({**EOS, "leverage": "7"})
    assert refusal.value.field == "leverage"


def test_leverage_is_needed() -> None:
    without = {key: value for key, value in EOS.items() if key != "leverage"}
    with pytest.raises(QuoteRefused, match="okex-2018 needs leverage"):
        quote(without)


@pytest.mark.parametrize(
    ("leverage", "factor", "lost"), [("10", "0.1", "0.9"), ("20", "0.2", "0.8")]
)
@pytest.mark.parametrize("side", ["long", "short"])
def test_the_share_of_the_margin_lost_at_the_close(
    side: str, leverage: str, factor: str, lost: str
) -> None:
    # academyokex.wpcomstaging.com/en/full-liquidation and the venue's own quiz: positions go when
    # the loss is 90 % of the margin at 10x, 80 % at 20x.
    request = {**EOS, "side": side, "leverage": leverage, "maintenance": factor}
    at = printed(**request)["unrounded"]["liquidation_price"]
    answer = printed(**request, mark=at)
    share = Decimal(answer["unrounded"]["pnl"]) / Decimal(answer["unrounded"]["initial_margin"])
    assert round(share, 12) == -Decimal(lost)


@pytest.mark.parametrize(("leverage", "ratio"), [("10", "0.9000"), ("20", "0.8000")])
def test_the_margin_ratio_of_a_fresh_position(leverage: str, ratio: str) -> None:
    # support.okex.com 360012639271, "existing formulae": (margin + UPL) / position margin - 10 %
    # at 10x, 20 % at 20x.
    answer = printed(**{**EOS, "symbol": "BTC", "leverage": leverage, "mark": EOS["entry"]})
    assert answer["margin_ratio"] == ratio
