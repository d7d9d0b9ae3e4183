"""The chart's numbers, exactly, and the contract they are of."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.views.incident_chart import _tick
from tests.backoffice.views.market import Market

START = 1522357200


def _chart(client: Client, market: Market, **query: str) -> dict[str, object]:
    return client.get(reverse("incident-chart", args=[market.incident.slug]), query).json()


def test_it_gives_every_second_of_a_short_tape(market: Market, analyst: Client) -> None:
    assert _chart(analyst, market) == {
        "zone": "Asia/Hong_Kong", "tick_units": 1, "decimals": 2,
        "time": [START, START + 1, START + 2, START + 3],
        "mark": [650_001] * 4, "index": [650_001] * 4,
        "window": {"start": START + 2, "end": START + 3},
        "cutoffs": [{"label": "Effective", "time": START + 1},
                    {"label": "Announced", "time": START + 2}],
        "liquidations": {"time": [START + 1], "price": [640_050], "quantity": [10]},
        "cascade": {"seconds": 10, "time": [START], "contracts": [10]},
    }  # fmt: skip


def test_it_gives_another_contract_when_asked(market: Market, analyst: Client) -> None:
    chart = _chart(analyst, market, contract="ETH0629")
    assert (chart["decimals"], chart["mark"], chart["cascade"]) == (3, [400_001] * 4, None)
    assert chart["liquidations"] == {"time": [], "price": [], "quantity": []}


def test_it_does_not_know_a_contract_of_another_venue(market: Market, analyst: Client) -> None:
    url = reverse("incident-chart", args=[market.incident.slug])
    assert analyst.get(url, {"contract": "XBTUSD"}).status_code == 404


@pytest.mark.parametrize(
    ("tick", "written"), [("0.01", (1, 2)), ("0.05", (5, 2)), ("0.5", (5, 1)), ("10", (10, 0))]
)
def test_a_tick_is_units_of_decimals(tick: str, written: tuple[int, int]) -> None:
    assert _tick(Decimal(tick)) == written
