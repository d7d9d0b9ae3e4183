"""Under every rule set: the price printed is where the account's health reaches nothing."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.domain.margin.case import open_case, work_out
from exchange.domain.margin.health import health, search_liquidation_price
from exchange.domain.margin.position import QUANTO
from exchange.domain.margin.request import read_request
from exchange.domain.margin.ruleset import CROSS, ISOLATED
from exchange.domain.rules import margin_rules, names

CENTS = st.integers(100, 10**7).map(lambda cents: f"{cents / 100:.2f}")


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    mode = draw(st.sampled_from([CROSS, ISOLATED]))
    request: dict[str, Any] = {
        "side": draw(st.sampled_from(["long", "short"])),
        "mode": mode,
        "quantity": str(draw(st.integers(1, 10**7))),
        "entry": draw(CENTS),
        "leverage": draw(st.sampled_from(["5", "10", "20", "50"])),
        "maintenance": draw(st.sampled_from(["0", "0.004", "0.01", "0.1"])),
        "taker_fee": draw(st.sampled_from(["0", "0.0006"])),
    }
    if mode == CROSS:
        request["collateral"] = draw(CENTS)
        request["others"] = [
            {"maintenance_margin": "1.5", "unrealised_pnl": draw(st.sampled_from(["-3", "0", "4"]))}
        ]
    return request


KINDS = [(name, kind) for name in names() for kind in margin_rules(name).contracts]


@pytest.mark.parametrize(("name", "kind"), KINDS)
@given(request=requests())
def test_closed_form_equals_search(name: str, kind: str, request: dict[str, Any]) -> None:
    asked = {**request, "rules": name, "contract": kind, "face": "0.001" if kind == QUANTO else ""}
    case = open_case(read_request(asked), margin_rules(name))
    found = work_out(case).liquidation_price
    searched = search_liquidation_price(case.account)
    if found is None:
        assert searched is None
    else:
        assert health(case.account, found) == 0
        assert searched is not None
        assert abs(found - searched) <= Fraction(1, 10**12) * found


@pytest.mark.parametrize("name", names())
@given(request=requests(), quantity=st.integers(1, 10**7), entry=CENTS)
def test_a_hedged_account_has_no_health_left_at_its_price(
    name: str, request: dict[str, Any], quantity: int, entry: str
) -> None:
    hedged = {**request, "rules": name, "mode": CROSS, "collateral": "1000"}
    hedged["hedge"] = {"quantity": str(quantity), "entry": entry}
    case = open_case(read_request(hedged), margin_rules(name))
    found = work_out(case).liquidation_price
    assert found is None or health(case.account, found) == 0
