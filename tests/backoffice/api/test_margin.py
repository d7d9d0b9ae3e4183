"""`POST /api/v1/margin/quote`: the same answer as the service, open to anyone, throttled."""

import json
from typing import Any

import pytest
from django.test import Client

from backoffice.api.margin import BODY_BYTES_MAX, QuoteThrottle
from exchange.domain.margin_quote import quote

pytestmark = pytest.mark.usefixtures("clean_cache")

URL = "/api/v1/margin/quote"
REQUEST = {
    "rules": "bybit-inverse",
    "side": "long",
    "quantity": "10000",
    "entry": "8000",
    "collateral": "0.5",
    "mode": "cross",
    "maintenance": "0.005",
    "taker_fee": "0.00075",
}


def post(body: Any, content_type: str = "application/json") -> Any:
    text = body if isinstance(body, str | bytes) else json.dumps(body)
    # No sign-in and no CSRF token: the calculator changes nothing.
    return Client(enforce_csrf_checks=True).post(URL, text, content_type=content_type)


def test_it_answers_anyone_with_the_services_answer() -> None:
    response = post(REQUEST)
    assert response.status_code == 200
    assert response.json() == quote(REQUEST)
    assert response.json()["liquidation_price"] == "5739.50"


def test_bare_numbers_stay_exact() -> None:
    response = post({**REQUEST, "collateral": 0.5, "maintenance": 0.005, "taker_fee": 0.00075})
    assert response.json() == quote(REQUEST)


@pytest.mark.parametrize(
    ("body", "field", "sentence"),
    [
        ({**REQUEST, "colateral": "1"}, "colateral", "did you mean collateral?"),
        ({**REQUEST, "\ud800": "1"}, "\\ud800", "has an unknown key"),
        ('{"side": "long", "side": "short"}', "side", "side is given twice; leave one."),
        ({**REQUEST, "rules": "ftx"}, "rules", "no rule set 'ftx'"),
        ([REQUEST], "", "an object of named values"),
    ],
)
def test_it_refuses_naming_the_field(body: Any, field: str, sentence: str) -> None:
    response = post(body)
    assert response.status_code == 400
    assert response.json()["field"] == field
    assert sentence in response.json()["detail"]
    assert not response.json()["detail"].endswith("?.")


@pytest.mark.parametrize("body", ["{", b"\xff", "[" * 100_000])
def test_it_refuses_what_is_not_json(body: str | bytes) -> None:
    response = post(body)
    assert response.status_code == 400
    assert "not JSON" in response.json()["detail"]


def test_it_refuses_a_body_without_end() -> None:
    response = post("[" + " " * BODY_BYTES_MAX + "]")
    assert response.status_code == 400
    assert "larger than" in response.json()["detail"]


def test_it_refuses_other_types_and_methods() -> None:
    assert post("rules=okx", "application/x-www-form-urlencoded").status_code == 415
    assert Client().get(URL).status_code == 405


def test_it_is_throttled_by_address() -> None:
    allowed, _ = QuoteThrottle().parse_rate(QuoteThrottle.rate)
    codes = [post(REQUEST).status_code for _ in range(allowed + 1)]
    assert codes == [200] * allowed + [429]


def test_its_schema_describes_the_request_and_the_refusal() -> None:
    from drf_spectacular.generators import SchemaGenerator

    operation = SchemaGenerator().get_schema(request=None, public=True)["paths"][URL]["post"]
    assert operation["operationId"] == "margin_quote"
    assert set(operation["responses"]) == {"200", "400", "415", "429"}
    assert "security" not in operation
