"""Accounts: found by key, shown with everything, the address only to those who say why."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, CareHold
from tests.backoffice.services.conftest import World
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.market import Market, open_market
from tests.backoffice.views.reading import cells, csv, text


def _codes(client: Client, market: Market, **query: str) -> list[str]:
    page = client.get(reverse("incident-accounts", args=[market.incident.slug]), query)
    return [row[0] for row in cells(page, "account-sheet")] if b"<tbody>" in page.content else []


def test_the_list_shows_wallets_and_closes(market: Market, analyst: Client) -> None:
    page = analyst.get(reverse("incident-accounts", args=[market.incident.slug]))
    assert cells(page, "account-sheet") == [
        ["A-ann", "Ann", "a•••@e•••.org", "fixed 20×", "–", "0.11721899 BTC", "–", "1"],
        ["A-hal", "Hal", "h•••@e•••.org", "cross 10×", "hedger", "5.49999000 BTC", "–", "–"],
        ["A-mo", "Mo", "m•••@e•••.org", "cross 10×", "market_maker api", "100.00784128 BTC", "–",
         "–"],
        ["FUND", "insurance", "–", "cross 10×", "–", "19.99751393 BTC", "–", "–"],
        ["outside", "house", "–", "cross 1×", "–", "–", "–", "–"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ({"q": "A-"}, ["A-ann", "A-hal", "A-mo"]),
        ({"q": "Ha"}, ["A-hal"]),
        ({"q": "HAL@example.org"}, ["A-hal"]),
        ({"q": "hal@example"}, []),
        ({"q": "@"}, []),
        ({"q": "%"}, []),
        ({"kind": "insurance"}, ["FUND"]),
        ({"tag": "api"}, ["A-mo"]),
        ({"tag": "market_maker", "q": "A-h"}, []),
    ],
)
def test_the_list_is_searched(
    market: Market, analyst: Client, query: dict[str, str], codes: list[str]
) -> None:
    assert _codes(analyst, market, **query) == codes


def test_the_list_costs_the_same_however_long(
    market: Market, analyst: Client, django_assert_num_queries: object
) -> None:
    _codes(analyst, market)  # the tags of a venue are kept from the first time on
    with django_assert_num_queries(9):
        assert len(_codes(analyst, market)) == 5


def test_the_page_shows_everything(market: Market, analyst: Client) -> None:
    page = analyst.get(reverse("account", args=[market.account("A-ann").pk]))
    assert cells(page, "wallets") == [["Futures wallet", "BTC", "0.11721899 BTC", "2"]]
    assert cells(page, "positions") == [["BTC0629", "0 flat", "0.00000000 BTC", "2"]]
    assert cells(page, "closes")[0][:5] == [
        "BTC0629", "Not due", "+10 long", "6,400.50", "0.00365408 BTC",
    ]  # fmt: skip
    assert [row[:3] for row in cells(page, "ledger")] == [
        ["trading", "Futures wallet", "−0.00623779 BTC"],
        ["opening", "Futures wallet", "+0.12345678 BTC"],
    ]
    assert cells(page, "fill-sheet") == [
        ["3", "2018-03-29 21:00:01 UTC 2018-03-30 05:00:01 HKT", "BTC0629", "−10", "6,400.50",
         "0.00000000 BTC", "Takeover", "2"]
    ]  # fmt: skip
    assert "ann@example.org" not in page.content.decode()


def test_it_costs_the_same_however_much_it_did(
    market: Market, analyst: Client, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(15):
        analyst.get(reverse("account", args=[market.account("A-mo").pk]))


def test_a_house_account_has_no_customer(market: Market) -> None:
    page = text(signed_in("support").get(reverse("account", args=[market.account("FUND").pk])))
    assert "Insurance, cross 10×" in page
    assert "E-mail" not in page


def test_it_needs_no_incident(world: World, bundle: Path) -> None:
    market = open_market(bundle, venue="imported", incident=False)
    page = signed_in("analyst").get(reverse("account", args=[market.account("A-hal").pk]))
    assert page.status_code == 200
    assert [row[2:5] for row in cells(page, "fill-sheet")] == [["BTC0629", "+3", "6,500.00"]]


def test_it_says_when_the_tape_is_not_here(world: World, analyst: Client) -> None:
    page = text(analyst.get(reverse("account", args=[world.accounts[0].pk])))
    assert "The tape is not here" in page
    assert "Futures wallet BTC 1.00000000 BTC" in page


def test_fills_go_on_by_key(market: Market, analyst: Client) -> None:
    url = reverse("account-fills", args=[market.account("A-mo").pk])
    assert [row[0] for row in cells(analyst.get(url), "fill-sheet")] == ["2", "6"]
    assert [row[0] for row in cells(analyst.get(url, {"after": "2"}), "fill-sheet")] == ["6"]
    swap = analyst.get(url, headers={"HX-Request": "true"})
    assert swap.content.decode().strip().startswith('<div id="fills">')


def test_the_files_are_exact(market: Market, analyst: Client) -> None:
    fills = csv(analyst.get(reverse("account-fills-csv", args=[market.account("A-mo").pk])))
    assert fills[1:] == [
        ["2", "2018-03-29T21:00:00.100000+00:00", "BTC0629", "sell", "3", "6500.00", "-0.00000500",
         "BTC", "maker", "trade", "1"],
        ["6", "2018-03-29T21:00:02+00:00", "BTC0629", "buy", "10", "6300.25", "0.00000000", "BTC",
         "maker", "trade", "3"],
    ]  # fmt: skip
    entries = csv(analyst.get(reverse("account-ledger-csv", args=[market.account("A-hal").pk])))
    assert [(row[3], row[4], row[5]) for row in entries[1:]] == [
        ("transfers", "funding", "-1.50000000"), ("transfers", "futures", "0.50000000"),
        ("transfers", "funding", "-0.50000000"), ("transfers", "funding", "2.00000000"),
        ("trading", "futures", "-0.00001000"), ("opening", "futures", "5.00000000"),
    ]  # fmt: skip


def _reveal(client: Client, market: Market, code: str, reason: str, **headers: str) -> object:
    url = reverse("account-contact", args=[market.account(code).pk])
    return client.post(url, {"reason": reason}, headers=headers)


def test_it_reveals_the_address_and_keeps_why(market: Market) -> None:
    page = _reveal(signed_in("support"), market, "A-ann", "She asked us to call back")
    assert "ann@example.org" in text(page)
    event = AuditEvent.objects.get(action="contact.revealed")
    assert (event.actor.display_name, event.subject, event.data) == (
        "Sana Lindqvist", f"account:{market.account('A-ann').pk}",
        {"reason": "She asked us to call back"},
    )  # fmt: skip


@pytest.mark.parametrize("reason", ["", "   ", "because"])
def test_it_reveals_nothing_without_a_reason(market: Market, reason: str) -> None:
    before = AuditEvent.objects.count()
    page = _reveal(signed_in("legal"), market, "A-ann", reason)
    assert page.status_code == 422
    assert "ann@example.org" not in page.content.decode()
    assert AuditEvent.objects.count() == before


def test_only_two_roles_see_addresses(market: Market) -> None:
    before = AuditEvent.objects.count()

    def ask(client: Client) -> int:
        return _reveal(client, market, "A-ann", "").status_code

    assert matrix(ask) == expected("support", "legal", done=422)
    assert AuditEvent.objects.count() == before


def test_the_care_lane_is_shown_to_two_roles(market: Market, world: World) -> None:
    account = market.account("A-ann")
    CareHold.objects.create(
        customer=account.customer, reason="In distress", placed_by=world.person("sana")
    )
    seen = {
        who: "care lane" in text(signed_in(who).get(reverse("account", args=[account.pk])))
        for who in ("support", "legal", "analyst", "risk", "finance")
    }
    assert seen == {
        "support": True, "legal": True, "analyst": False, "risk": False, "finance": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["account", "account-fills", "account-fills-csv", "account-ledger-csv"]
)
def test_they_are_the_staffs(market: Market, name: str) -> None:
    assert matrix(getting(name, market.account("A-mo").pk)) == expected()


def test_the_list_is_the_staffs(world: World) -> None:
    assert matrix(getting("incident-accounts", world.incident.slug)) == expected()
