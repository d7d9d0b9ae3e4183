"""The calculator's contract: what it takes, what it refuses, what it says."""

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.margin.ruleset import LESS_ADJUSTMENT_FACTOR
from exchange.domain.margin_quote import QuoteRefused, quote
from exchange.domain.rules import RulesUnknown, margin_rules, names

BASE: dict[str, Any] = {
    "rules": "bybit-inverse",
    "side": "long",
    "quantity": "10000",
    "entry": "8000",
    "collateral": "0.5",
    "mode": "cross",
    "maintenance": "0.005",
}


def test_a_short_without_leverage_is_never_bankrupt() -> None:
    request = {**BASE, "rules": "kraken-inverse", "mode": "isolated", "side": "short"}
    answer = quote({**request, "leverage": "1", "collateral": "1.25"})
    assert answer["bankruptcy_price"] is None
    assert answer["liquidation_price"] is None
    assert any("never liquidated" in step for step in answer["steps"])


@pytest.mark.parametrize("rules", names())
def test_a_price_of_a_tiny_coin_is_not_rounded_away(rules: str) -> None:
    kind = margin_rules(rules).contracts[0]
    request = {"rules": rules, "side": "long", "quantity": "1000", "entry": "0.00001234"}
    answer = quote(
        {**request, "contract": kind, "leverage": "10", "mode": "isolated", "maintenance": "0.01"}
    )
    unrounded = Decimal(answer["unrounded"]["liquidation_price"])
    assert abs(Decimal(answer["liquidation_price"]) / unrounded - 1) < Decimal("0.001")


def test_isolated_margin_follows_from_the_leverage() -> None:
    request = {**BASE, "mode": "isolated", "leverage": "50"}
    del request["collateral"]
    derived = quote(request)
    given_outright = quote({**request, "collateral": "0.025"})
    assert derived["liquidation_price"] == given_outright["liquidation_price"]
    assert any("0.025 (the initial margin at entry)" in step for step in derived["steps"])


def test_isolated_needs_collateral_or_leverage() -> None:
    request = {**BASE, "mode": "isolated"}
    del request["collateral"]
    with pytest.raises(QuoteRefused, match="or leverage, from which the margin follows"):
        quote(request)


def test_contracts_times_face() -> None:
    by_face = quote({**BASE, "quantity": "100", "face": "100"})
    assert by_face["liquidation_price"] == quote(BASE)["liquidation_price"]
    assert "Size: 100 contracts x face 100 = 10000." in by_face["steps"]


def test_figures_that_are_not_defined_are_null() -> None:
    answer = quote(BASE)
    for figure in ("pnl", "margin_ratio", "initial_margin"):
        assert answer[figure] is None
        assert answer["unrounded"][figure] is None


def test_collateral_that_covers_everything_is_explained() -> None:
    answer = quote({**BASE, "side": "short", "collateral": "1.3"})
    assert answer["liquidation_price"] is None
    assert any("never liquidated" in step for step in answer["steps"])


def test_a_position_already_below_maintenance_is_explained() -> None:
    answer = quote({**BASE, "collateral": "0.001"})
    assert any("liquidated at once" in step for step in answer["steps"])


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("rules", ["bybit-inverse", "bybit-linear"])
def test_signs_of_a_sum_are_not_doubled(rules: str, side: str) -> None:
    rest = {"maintenance_margin": "1", "unrealised_pnl": "-2"}
    answer = quote({**BASE, "rules": rules, "side": side, "others": [rest]})
    assert not any("+ -" in step or "- -" in step for step in answer["steps"])


def test_a_deduction_of_another_tier_is_explained() -> None:
    answer = quote({**BASE, "deduction": "1"})
    assert any("that of a larger position" in step for step in answer["steps"])


def test_the_mark_gives_profit_and_ratio() -> None:
    answer = quote({**BASE, "mark": "10000", "leverage": "5"})
    assert answer["pnl"] == "0.25"
    assert answer["initial_margin"] == "0.25"
    # maintenance 0.00625 / equity 0.75
    assert answer["margin_ratio"] == "0.0083"
    assert answer["effective_leverage"] == "1.33"


MEANT = [
    # rules, symbol, collateral, kind taken, why
    ("okx", "", "0.000002", "inverse", "this one fits the collateral best"),
    ("okx", "", "400", "linear", "this one fits the collateral best"),
    ("okx", "BTC-USDT", "0.000002", "linear", "settled in USDT"),
    ("okx", "", "", "linear", "no inverse contract is below 10 USD"),
    ("bitmex", "", "", "inverse", "the first kind bitmex covers"),
    ("okx", "BTC-USD", "", "inverse", "settled in its coin"),
    ("kucoin", "XBTUSDM", "", "inverse", "settled in its coin"),
    ("phemex", "BTC", "", "inverse", "the first kind phemex covers"),
]


@pytest.mark.parametrize(("rules", "symbol", "collateral", "kind", "why"), MEANT)
def test_the_kind_of_contract_is_taken_and_said(
    rules: str, symbol: str, collateral: str, kind: str, why: str
) -> None:
    request = {
        "rules": rules,
        "side": "long",
        "quantity": "1",
        "entry": "20000",
        "leverage": "50",
        "collateral": collateral,
        "symbol": symbol,
        "mode": "isolated",
        "maintenance": "0.005",
    }
    answer = quote(request)
    assert answer["contract"] == kind
    assert why in answer["steps"][1]
    said = quote({**request, "contract": kind})
    assert said["liquidation_price"] == answer["liquidation_price"]
    assert "is taken as" not in " ".join(said["steps"])


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize("mode", ["cross", "isolated"])
@pytest.mark.parametrize("name", names())
def test_the_ratio_reaches_its_limit_at_the_liquidation_price(
    name: str, mode: str, side: str
) -> None:
    less_factor = margin_rules(name).ratio == LESS_ADJUSTMENT_FACTOR
    request = {
        "rules": name,
        "side": side,
        "mode": mode,
        "quantity": "10000",
        "entry": "8000",
        "leverage": "10",
        "maintenance": "0.1" if less_factor else "0.005",
        "taker_fee": "0.00075",
    }
    if mode == "cross":
        request["collateral"] = quote({**request, "mode": "isolated"})["initial_margin"]
    price = quote(request)["unrounded"]["liquidation_price"]
    answer = quote({**request, "mark": price})
    assert round(Decimal(answer["unrounded"]["margin_ratio"]), 15) == (0 if less_factor else 1)


def test_what_is_spent_has_no_ratio_and_is_said_to_be_liquidated() -> None:
    answer = quote({**BASE, "taker_fee": "0.00075", "mark": "5000"})
    assert answer["margin_ratio"] is None
    assert answer["steps"][-1] == (
        "Margin ratio ((maintenance + closing fee) / equity): nothing is left, so it is liquidated."
    )


def test_a_tick_can_be_named() -> None:
    assert quote({**BASE, "tick": "0.01"})["bankruptcy_price"] == "5714.29"


def test_integers_and_decimals_are_exact_too() -> None:
    typed = {**BASE, "quantity": 10000, "entry": Decimal("8000"), "collateral": Decimal("0.5")}
    assert quote(typed)["unrounded"] == quote(BASE)["unrounded"]


def test_the_answer_is_plain_json() -> None:
    assert json.loads(json.dumps(quote(BASE))) == quote(BASE)


def test_every_rule_set_is_named_versioned_and_sourced() -> None:
    expected = {
        "okex-2018", "okx", "bitmex", "binance-usdm", "binance-coinm", "bybit-inverse",
        "bybit-linear", "kraken-inverse", "kucoin", "phemex", "deribit-linear", "huobi-2018",
        "hyperliquid",
    }  # fmt: skip
    assert expected <= set(names())
    for name in names():
        rules = margin_rules(name)
        assert rules.name == name
        assert rules.version
        assert all(source.startswith("https://") for source in rules.sources)
    with pytest.raises(RulesUnknown, match="no rule set 'ftx'"):
        margin_rules("ftx")


@given(
    name=st.sampled_from(names()),
    side=st.sampled_from(["long", "short"]),
    mode=st.sampled_from(["cross", "isolated"]),
    quantity=st.integers(1, 10**9),
    entry=st.integers(1, 10**7),
    collateral=st.integers(0, 10**9),
    leverage=st.sampled_from(["10", "20"]),
    mark=st.integers(1, 10**7),
)
def test_every_rule_set_answers_and_is_rounded_to_its_tick(
    name: str,
    side: str,
    mode: str,
    quantity: int,
    entry: int,
    collateral: int,
    leverage: str,
    mark: int,
) -> None:
    answer = quote(
        {
            "rules": name,
            "side": side,
            "mode": mode,
            "quantity": str(quantity),
            "entry": f"{entry / 100:.2f}",
            "collateral": f"{collateral}e-4",
            "leverage": leverage,
            "maintenance": "0.01",
            "taker_fee": "0.0006",
            "mark": f"{mark / 100:.2f}",
        }
    )
    exact, rounded = answer["unrounded"]["liquidation_price"], answer["liquidation_price"]
    assert (exact is None) == (rounded is None)
    if rounded is not None:
        tick = margin_rules(name).rounding.tick(Fraction(entry, 100))
        assert abs(Fraction(rounded) - Fraction(exact)) <= Fraction(tick)
        assert Fraction(rounded) % Fraction(tick) == 0
    assert all(step.endswith((".", "…")) for step in answer["steps"])
