"""The calculator's screen: the service's answer, without script, as a page or a fragment."""

from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from exchange.domain.margin_quote import quote
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import WHO, getting, matrix, signed_in

URL = "/margin/"
FILLED = {
    "rules": "bybit-inverse",
    "side": "long",
    "mode": "cross",
    "quantity": "10000",
    "entry": "8000",
    "collateral": "0.5",
    "maintenance": "0.005",
    "taker_fee": "0.00075",
}
HTMX = {"HTTP_HX_REQUEST": "true"}

pytestmark = pytest.mark.django_db


def get(filled: dict[str, str] | None = None, **headers: Any) -> Any:
    return Client().get(URL, filled or {}, **headers)


def test_it_shows_an_empty_form_to_anyone() -> None:
    response = get()
    page = response.content.decode()
    assert response.status_code == 200
    assert '<form class="form" method="get" action="/margin/"' in page
    assert "No position yet" in page


def test_everyone_may_use_it(world: World) -> None:
    assert matrix(getting("margin")) == dict.fromkeys(WHO, 200)


def test_staff_see_it_in_the_desk(world: World) -> None:
    rail = '<nav class="rail"'
    assert rail in signed_in("support").get(URL).content.decode()
    assert rail not in signed_in("customer").get(URL).content.decode()


def test_it_answers_without_script() -> None:
    page = get(FILLED).content.decode()
    answer = quote(FILLED)
    assert "<!doctype html>" in page
    for figure in ("liquidation_price", "bankruptcy_price", "maintenance_margin"):
        assert answer[figure] in page
        assert answer["unrounded"][figure] in page
    assert answer["steps"][1] in page
    assert page.count("<li>") >= len(answer["steps"])


def test_the_fragment_is_the_same_result_alone() -> None:
    fragment = get(FILLED, **HTMX).content.decode()
    assert "<!doctype html>" not in fragment
    assert fragment.strip().startswith('<section class="calculator-result" id="margin-result"')
    assert fragment.strip() in get(FILLED).content.decode()
    assert 'data-announce="Liquidation price 5739.50"' in fragment


def test_other_positions_are_given_as_sums() -> None:
    filled = {
        "rules": "binance-usdm",
        "side": "long",
        "mode": "cross",
        "quantity": "3683.979",
        "entry": "1456.84",
        "collateral": "1535443.01",
        "maintenance": "0.10",
        "deduction": "135365",
        "others_maintenance": "71200.81144",
        "others_profit": "-56354.57",
    }
    assert "1153.26" in get(filled).content.decode()


def test_an_opposite_leg_and_a_second_price_are_unfolded_where_they_are_given() -> None:
    filled = {**FILLED, "rules": "huobi-2018", "face": "100", "leverage": "10", "mark": "7000"}
    filled |= {"maintenance": "0.08", "ema": "7900", "hedge_quantity": "40", "hedge_entry": "7950"}
    page = get(filled).content.decode()
    assert '<details class="act" open>' in page
    assert '<details class="act">' in get(FILLED).content.decode()
    asked = {key: text for key, text in filled.items() if not key.startswith("hedge_")}
    answer = quote({**asked, "hedge": {"quantity": "40", "entry": "7950"}})
    assert answer["liquidation_price"] in page
    assert escape(answer["steps"][-1]) in page


@pytest.mark.parametrize(
    ("change", "sentence", "field"),
    [
        ({"collateral": ""}, "bybit-inverse needs collateral", "id_collateral"),
        ({"entry": "-1"}, "entry must be above zero.", "id_entry"),
        (
            {"mode": "isolated", "others_profit": "1"},
            "others belongs to a cross account",
            "id_others_maintenance",
        ),
        ({"others_profit": "x"}, "must be a decimal number", "id_others_profit"),
        ({"hedge_quantity": "1"}, "hedge.entry is missing", "id_hedge_entry"),
        ({"ema": "7900"}, "looks at one price only", "id_ema"),
        ({"quantity": ""}, "This field is required.", "id_quantity"),
    ],
)
def test_a_refusal_stands_beside_its_field(
    change: dict[str, str], sentence: str, field: str
) -> None:
    response = get({**FILLED, **change})
    page = response.content.decode()
    assert response.status_code == 422
    assert sentence in page
    assert f'<a href="#{field}">' in page
    assert "Liquidation price" not in page


def test_each_input_that_lacks_is_named_beside_its_field() -> None:
    page = get({**FILLED, "mode": "isolated", "collateral": "", "maintenance": ""}).content.decode()
    for field in ("collateral", "maintenance"):
        assert f'<a href="#id_{field}">' in page
        assert f"bybit-inverse needs {field}: " in page


def test_a_refused_fragment_says_why() -> None:
    response = get({**FILLED, "collateral": ""}, **HTMX)
    assert response.status_code == 422
    assert 'href="#id_collateral"' in response.content.decode()


def test_nothing_typed_is_printed_as_markup() -> None:
    page = get({**FILLED, "symbol": "<b>x</b>", "maintenance": "<i>"}).content.decode()
    assert "<b>x</b>" not in page
    assert "<i>" not in page


def test_it_only_answers_get() -> None:
    assert Client().post(URL, FILLED).status_code == 405
