"""The calculator's contract: what it takes, what it refuses, what it says."""

import json
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"rules": ""}, "rules", "rules is missing"),
    ({"rules": "bybit"}, "rules", "no rule set 'bybit'; there are: okex-2018, okx"),
    ({"side": "buy"}, "side", "side must be one of long, short"),
    ({"mode": None}, "mode", "mode is missing"),
    ({"mode": "portfolio"}, "mode", "one of cross, isolated, fixed"),
    ({"quantity": "-1"}, "quantity", "above zero; side says the direction"),
    ({"entry": "0"}, "entry", "entry must be above zero"),
    ({"entry": 8000.5}, "entry", "decimal number in quotation marks"),
    ({"entry": "8,000"}, "entry", "must be a decimal number, not '8,000'"),
    ({"entry": "8,000"}, "entry", "write 8000"),
    ({"leverage": "50x"}, "leverage", "write 50"),
    ({"entry": "NaN"}, "entry", "finite"),
    ({"entry": "1e99999999"}, "entry", "at most 40 digits"),
    ({"collateral": None}, "collateral", "bybit-inverse needs collateral"),
    ({"collateral": "-0.1"}, "collateral", "must not be below zero"),
    ({"maintenance": None}, "maintenance", "bybit-inverse needs maintenance"),
    ({"maintenance": "0.5%"}, "maintenance", "decimal number, not '0.5%'; write 0.005"),
    ({"maintenance": "half"}, "maintenance", "decimal number, not 'half'"),
    ({"maintenance": "5"}, "maintenance", "fraction of 1"),
    ({"maintenance": None, "deduction": "50"}, "maintenance", "without maintenance"),
    ({"taker_fee": "1"}, "taker_fee", "fraction of 1"),
    ({"leverage": "0"}, "leverage", "above zero"),
    ({"colateral": "1"}, "colateral", "did you mean collateral?"),
    ({"takerfee": "1"}, "takerfee", "did you mean taker_fee?"),
    ({"balance": "1"}, "balance", "did you mean collateral?"),
    ({"wallet_balance": "1"}, "wallet_balance", "did you mean collateral?"),
    ({"mmr": "0.01"}, "mmr", "did you mean maintenance?"),
    ({"fee": "0.01"}, "fee", "did you mean taker_fee?"),
    ({"size": "1"}, "size", "did you mean quantity?"),
    ({"cum": "1"}, "cum", "did you mean deduction?"),
    ({"contract": ["inverse"]}, "contract", "one of inverse, linear, quanto"),
    ({"contract": {}}, "contract", "one of inverse, linear, quanto"),
    ({"symbol": [1]}, "symbol", "must be a short text"),
    ({"others": 0}, "others", "must be a list"),
    ({"hedge": {}}, "hedge.quantity", "is missing"),
    ({"contract": "linear"}, "contract", "bybit-inverse covers inverse contracts only"),
    ({"ema": "7900"}, "ema", "looks at one price only"),
    ({"others": "none"}, "others", "must be a list"),
    ({"others": [{"side": "long"}]}, "others[1].mark", "mark is missing"),
    ({"others": [{"unrealised_pnl": "1"}]}, "others[1].maintenance_margin", "is missing"),
    ({"others": [{"sid": "long"}]}, "sid", "did you mean side?"),
    ({"mode": "isolated", "others": [{}]}, "others", "belongs to a cross account"),
    ({"hedge": {"entry": "8100"}}, "hedge.quantity", "hedge.quantity is missing"),
    ({"rules": "bitmex", "contract": "quanto"}, "face", "bitmex needs face"),
    ({"rules": "deribit-linear", "maintenance": None, "symbol": "DOGE"}, "symbol", "BTC, SOL"),
]


@pytest.mark.parametrize(("change", "field", "sentence"), REFUSED)
def test_a_refusal_names_its_field(change: dict[str, Any], field: str, sentence: str) -> None:
    request = {key: value for key, value in {**BASE, **change}.items() if value is not None}
    if field.startswith("others[1].mark"):
        request["others"] = [{"side": "long", "quantity": "1", "entry": "1", "maintenance": "0.01"}]
    with pytest.raises(QuoteRefused) as refusal:
        quote(request)
    assert refusal.value.field == field
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    "change",
    [
        {"side": "Long", "mode": "CROSS", "contract": "Inverse"},
        {"rules": " Bybit_Inverse "},
        {"quantity": 10000, "entry": Decimal("8000.0"), "collateral": " 0.50 "},
        {"leverage": "", "others": [], "hedge": None, "symbol": "", "contract": ""},
        {"quantity": "100", "face": "100"},
    ],
)
def test_the_same_asked_in_another_spelling(change: dict[str, Any]) -> None:
    asked, plain = quote({**BASE, **change}), quote(BASE)
    for figure in ("liquidation_price", "bankruptcy_price", "maintenance_margin"):
        assert asked[figure] == plain[figure]


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


def test_the_mark_gives_profit_and_ratio() -> None:
    answer = quote({**BASE, "mark": "10000", "leverage": "5"})
    assert answer["pnl"] == "0.25"
    assert answer["initial_margin"] == "0.25"
    # maintenance 0.00625 / equity 0.75
    assert answer["margin_ratio"] == "0.0083"
    assert answer["effective_leverage"] == "1.33"


MEANT = [
    # rules, symbol, collateral, kind taken, why
    ("okx", "", "0.000002", "inverse", "only this one fits the collateral"),
    ("okx", "", "400", "linear", "only this one fits the collateral"),
    ("okx", "BTC-USDT", "0.000002", "linear", "settled in USDT"),
    ("okx", "", "", "inverse", "the first kind okx covers"),
    ("kucoin", "", "", "linear", "the first kind kucoin covers"),
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


def test_isolated_margin_follows_from_the_venues_own_initial_rate() -> None:
    answer = quote(
        {
            "rules": "deribit-linear",
            "side": "long",
            "quantity": "25",
            "entry": "100000",
            "mode": "isolated",
        }
    )
    assert answer["initial_margin"] == "53125"
    assert any("53125 (the initial margin at entry)" in step for step in answer["steps"])


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


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["long", "cross", "isolated", "inverse", "linear", "1e40", "-1", "BTCUSDT"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["side", "quantity", "entry", "mark"]), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
KEYS = [
    "rules", "side", "quantity", "entry", "mode", "collateral", "leverage", "maintenance",
    "deduction", "face", "taker_fee", "mark", "others", "contract", "symbol", "tick", "hedge",
    "ema", "nonsense",
]  # fmt: skip


@given(st.sampled_from(names()), st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=5))
def test_whatever_is_sent_is_answered_or_refused(name: str, change: dict[str, Any]) -> None:
    request = {**BASE, "rules": name, "leverage": "10", **change}
    with suppress(QuoteRefused):
        json.dumps(quote(request), allow_nan=False)
