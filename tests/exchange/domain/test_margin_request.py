"""What the calculator takes and what it refuses: every refusal names the field and the fix."""

import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.margin_quote import QuoteRefused, parse, quote
from exchange.domain.rules import names

BASE: dict[str, Any] = {
    "rules": "bybit-inverse",
    "side": "long",
    "quantity": "10000",
    "entry": "8000",
    "collateral": "0.5",
    "mode": "cross",
    "maintenance": "0.005",
}
OTHER = {"side": "long", "quantity": "1", "entry": "1", "mark": "1", "maintenance": "0.01"}
DUE = "others[2].maintenance_margin"
SUMS = {"maintenance_margin": "1", "unrealised_pnl": "0"}

REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"rules": ""}, "rules", "rules is missing: the name of a rule set, such as bybit-inverse"),
    ({"rules": ["okx"]}, "rules", "rules must be the name of a rule set"),
    ({"quantity": None}, "quantity", "quantity is missing: contracts where face is given"),
    ({"side": 1}, "side", "side must be one of long, short, not 1"),
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
    ({"maintenance": "-0.005"}, "maintenance", "0 or above, and below 1"),
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
    ({"symbol": "BTC\ud800USD"}, "symbol", "must be a short text, such as BTCUSDT"),
    ({"\ud800": "1"}, "\\ud800", "has an unknown key"),
    ({"others": 0}, "others", "must be a list"),
    ({"hedge": {}}, "hedge.quantity", "is missing"),
    ({"contract": "linear"}, "contract", "bybit-inverse covers inverse contracts only"),
    ({"ema": "7900"}, "ema", "looks at one price only"),
    ({"others": "none"}, "others", "must be a list"),
    ({"others": [{**OTHER, "mark": ""}]}, "others[1].mark", "mark is missing: its present price"),
    ({"others": [{"side": "long"}]}, "others[1].quantity", "others[1].entry is missing: the av"),
    ({"others": [{"unrealised_pnl": "1"}]}, "others[1].maintenance_margin", "is missing"),
    ({"others": [{"sid": "long"}]}, "others[1].sid", "others[1] has an unknown key 'sid'; did you"),
    ({"others": ["x"]}, "others", "others[1] must be an object, one of positions with their mark"),
    ({"others": [{}] * 201}, "others", "at most 200 positions; give the rest as sums"),
    ({"others": [{**OTHER, "maintenance": None}]}, "others[1].maintenance", "others[1]: bybit-in"),
    ({"others": [{**OTHER, "contract": "linear"}]}, "others[1].contract", "inverse contracts only"),
    ({"others": [SUMS, {**SUMS, "maintenance_margin": "-1"}]}, DUE, "must not be below zero"),
    ({"others": [{"maintenance_margin": "1"}]}, "others[1].unrealised_pnl", "zero for a loss"),
    ({"hedge": {"quantity": "1", "entry": "1", "mark": "1"}}, "hedge.mark", "known are quantity"),
    ({"mode": "isolated", "others": [{}]}, "others", "leave it out or write mode: cross"),
    ({"hedge": {"entry": "8100"}}, "hedge.quantity", "hedge.quantity is missing"),
    ({"rules": "bitmex", "contract": "quanto"}, "face", "bitmex needs face"),
    ({"rules": "deribit-linear", "maintenance": None, "symbol": "DOGE"}, "symbol", "BTC, SOL"),
]


@pytest.mark.parametrize(("change", "field", "sentence"), REFUSED)
def test_a_refusal_names_its_field(change: dict[str, Any], field: str, sentence: str) -> None:
    request = {key: value for key, value in {**BASE, **change}.items() if value is not None}
    with pytest.raises(QuoteRefused) as refusal:
        quote(request)
    assert refusal.value.field == field
    assert sentence in refusal.value.sentence
    assert refusal.value.sentence.encode()[-1:] in b".?"


LACKING: list[tuple[str, dict[str, Any], list[str]]] = [
    ("okex-2018", {"mode": "cross"}, ["leverage", "collateral"]),
    ("huobi-2018", {"mode": "cross", "symbol": "ETH"}, ["leverage", "maintenance", "collateral"]),
    ("bybit-linear", {"mode": "isolated"}, ["maintenance", "collateral"]),
    ("bybit-linear", {"mode": "isolated", "leverage": "10"}, ["maintenance"]),
    ("bitmex", {"mode": "cross", "contract": "quanto"}, ["face", "maintenance", "collateral"]),
    ("kraken-inverse", {"mode": "isolated"}, ["maintenance"]),
    ("deribit-linear", {"mode": "cross"}, ["collateral"]),
]


@pytest.mark.parametrize(("name", "given_too", "lacking"), LACKING)
def test_all_that_a_rule_set_lacks_is_named_at_once(
    name: str, given_too: dict[str, Any], lacking: list[str]
) -> None:
    request = {"rules": name, "side": "long", "quantity": "100", "entry": "8000", **given_too}
    with pytest.raises(QuoteRefused) as refusal:
        quote(request)
    assert refusal.value.field == lacking[0]
    assert re.findall(r"(?:needs|and) (\w+):", refusal.value.sentence) == lacking
    stand_ins = {"leverage": "10", "maintenance": "0.01", "collateral": "1", "face": "1"}
    quote({**request, **{key: stand_ins[key] for key in lacking}})


def test_all_missing_keys_are_named_at_once() -> None:
    with pytest.raises(QuoteRefused) as refusal:
        quote({"rules": "okx", "mode": "cross", "quantity": ""})
    assert refusal.value.field == "side"
    missing = [part.split(" is missing: ")[0] for part in str(refusal.value).split("; ")]
    assert missing == ["side", "quantity", "entry"]


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


NOT_JSON = ["", "{", "{'side': 'long'}", "[" * 100_000, b"\xff", '{"entry": 8e}']


@pytest.mark.parametrize("text", NOT_JSON)
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(QuoteRefused, match="^the request is not JSON: "):
        parse(text)


def test_json_numbers_stay_as_they_are_printed() -> None:
    text = json.dumps(BASE).replace('"10000"', "1e4").replace('"0.005"', "0.005")
    assert parse(text) == {**BASE, "quantity": "1e4"}
    assert quote(parse(text)) == quote(BASE)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e99999999999999999999", "9" * 5000])
def test_a_number_beyond_reason_names_its_field(number: str) -> None:
    with pytest.raises(QuoteRefused) as refusal:
        quote(parse(json.dumps(BASE).replace('"8000"', number)))
    assert refusal.value.field == "entry"


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(QuoteRefused, match="^side is given twice; leave one$") as refusal:
        parse('{"side": "long", "side": "short"}')
    assert refusal.value.field == "side"


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
