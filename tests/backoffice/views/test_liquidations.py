"""Forced closes: rows, totals, filters, the receipt and the CSV, by exact values."""

from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from exchange.models import Liquidation
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.market import Market, open_market
from tests.backoffice.views.reading import cells, csv, text


def _list(client: Client, market: Market, **query: str) -> object:
    return client.get(reverse("incident-liquidations", args=[market.incident.slug]), query)


def test_it_shows_the_close_and_its_totals(market: Market, analyst: Client) -> None:
    page = _list(analyst, market)
    assert cells(page, "totals") == [["Not due", "1", "1", "10", "0.00365408 BTC"]]
    assert cells(page, "closes") == [
        ["A-ann", "Not due", "BTC0629", "+10 long", "6,400.50", "6,500.01", "6,500.01",
         "0.00365408 BTC", "2018-03-29 21:00:01 UTC 2018-03-30 05:00:01 HKT",
         "Receipt A-ann, BTC0629"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"verdict": "not_due"}, True),
        ({"verdict": "missed"}, False),
        ({"contract": "BTC0629"}, True),
        ({"contract": "ETH0629"}, False),
        ({"account": "A-a"}, True),
        ({"account": "nn"}, True),
        ({"account": "A-m"}, False),
        ({"account": "%"}, False),
        ({"verdict": "not_due", "contract": "ETH0629"}, False),
    ],
)
def test_it_is_filtered(
    market: Market, analyst: Client, query: dict[str, str], found: bool
) -> None:
    page = text(_list(analyst, market, **query))
    assert ("Receipt A-ann, BTC0629" in page) is found
    assert ("No forced close matches" in page) is not found


def test_it_goes_on_by_key(market: Market, analyst: Client) -> None:
    only = market.close
    same = {f.attname: getattr(only, f.attname) for f in only._meta.fields if f.attname != "id"}
    times = [only.recorded_at.replace(microsecond=number + 1) for number in range(54)]
    Liquidation.objects.bulk_create(Liquidation(**same | {"recorded_at": at}) for at in times)
    first = _list(analyst, market)
    assert len(cells(first, "closes")) == 50
    assert "50 rows on this page Next" in text(first)
    last = sorted(Liquidation.objects.values_list("pk", flat=True))[49]
    second = _list(analyst, market, after=str(last))
    assert len(cells(second, "closes")) == 5
    assert "5 rows on this page First page" in text(second)


def test_it_costs_the_same_however_many(
    market: Market, analyst: Client, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(9):
        _list(analyst, market)


def test_a_place_that_no_page_gave_out_is_not_found(market: Market, analyst: Client) -> None:
    assert _list(analyst, market, after="x").status_code == 404


def test_the_file_is_exact(market: Market, analyst: Client) -> None:
    url = reverse("liquidations-csv", args=[market.incident.slug])
    head, row = csv(analyst.get(url))
    assert dict(zip(head, row, strict=True)) == {
        "account": "A-ann", "contract": "BTC0629", "verdict": "not_due",
        "recorded_at": "2018-03-29T21:00:01+00:00", "due_printed_at": "", "due_fair_at": "",
        "quantity": "10", "takeover_price": "6400.50", "printed_mark": "6500.01",
        "fair_mark": "6500.01", "equity_printed": "0.00365408", "maintenance_printed": "0.00150000",
        "equity_fair": "0.00365408", "maintenance_fair": "0.00150000", "lost": "0.00365408",
        "asset": "BTC",
    }  # fmt: skip


def test_the_file_holds_what_was_chosen(market: Market, analyst: Client) -> None:
    url = reverse("liquidations-csv", args=[market.incident.slug])
    assert len(csv(analyst.get(f"{url}?{urlencode({'verdict': 'missed'})}"))) == 1, "the head alone"


def test_the_receipt_shows_the_sum(market: Market, analyst: Client) -> None:
    page = analyst.get(reverse("liquidation", args=[market.close.pk]))
    assert cells(page, "receipt") == [
        ["Price of the contract", "6,500.01", "6,500.01"],
        ["Equity", "0.00365408", "0.00365408"],
        ["Maintenance margin", "0.00150000", "0.00150000"],
        ["Equity over maintenance", "2.4360", "2.4360"],
        ["Closed at or below", "1.0000", "1.0000"],
        ["Due since", "not due", "not due"],
    ]
    assert cells(page, "prints") == [
        ["21:00:00.100000 UTC 05:00:00.100000 HKT", "6,500.00", "3"],
        ["21:00:01.000000 UTC 05:00:01.000000 HKT", "6,400.50", "10"],
    ]
    assert market.record.digest in page.content.decode()


def test_a_receipt_needs_no_incident(world: World, bundle: Path) -> None:
    market = open_market(bundle, venue="imported", incident=False)
    page = signed_in("risk").get(reverse("liquidation", args=[market.close.pk]))
    assert "Receipt of a forced close" in text(page)


def test_they_are_the_staffs(market: Market) -> None:
    slug = market.incident.slug
    assert matrix(getting("incident-liquidations", slug)) == expected()
    assert matrix(getting("liquidations-csv", slug)) == expected()
    assert matrix(getting("liquidation", market.close.pk)) == expected()
