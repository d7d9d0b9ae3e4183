"""`manage.py margin`: the JSON on the screen, one sentence and exit code 2 when refused."""

import json
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from exchange.domain.margin_quote import quote

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
ROOT = Path(__file__).parents[3]


def test_it_prints_the_quote() -> None:
    out = StringIO()
    call_command("margin", json.dumps(REQUEST), stdout=out)
    answer = json.loads(out.getvalue())
    assert answer == quote(REQUEST)
    assert (answer["bankruptcy_price"], answer["liquidation_price"]) == ("5719.00", "5739.50")


def test_bare_numbers_stay_exact() -> None:
    out = StringIO()
    call_command(
        "margin",
        '{"rules":"bybit-inverse","side":"long","quantity":10000,"entry":8000,"collateral":0.5,'
        '"mode":"cross","maintenance":0.005,"taker_fee":0.00075}',
        stdout=out,
    )
    assert json.loads(out.getvalue()) == quote(REQUEST)


def test_it_lists_the_rule_sets() -> None:
    out = StringIO()
    call_command("margin", "--list", stdout=out)
    assert "bybit-inverse      Bybit inverse contracts (version 1)" in out.getvalue()
    assert "bybit-inverse-2026 Bybit inverse contracts, pages of 2026" in out.getvalue()


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("{", "the request is not JSON"),
        ("[1]", "a quote request is an object"),
        (json.dumps({**REQUEST, "colateral": "1"}), "did you mean collateral?"),
    ],
)
def test_it_refuses_in_one_sentence(argument: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as refusal:
        call_command("margin", argument)
    assert refusal.value.returncode == 2


def test_a_refusal_ends_with_exit_code_2_and_prints_nothing() -> None:
    ended = subprocess.run(
        [sys.executable, "manage.py", "margin", '{"rules": "ftx"}'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "side is missing" in ended.stderr
