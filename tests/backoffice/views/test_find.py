"""The palette's search: what is found, by whom, as JSON and as a page."""

from django.test import Client
from django.urls import reverse

from tests.backoffice.services.conftest import BTC, World, compute
from tests.backoffice.views.market import Market
from tests.backoffice.views.reading import cells, text

JSON = {"Accept": "application/json"}


def test_it_answers_the_palette(market: Market, analyst: Client) -> None:
    answer = analyst.get(reverse("find"), {"q": "A-ann"}, headers=JSON)
    assert answer.json() == [
        {"label": "A-ann", "hint": "Ann, testex", "group": "Accounts",
         "url": reverse("account", args=[market.account("A-ann").pk])}
    ]  # fmt: skip


def test_it_finds_incidents_by_title(market: Market, analyst: Client) -> None:
    answer = analyst.get(reverse("find"), {"q": "off the"}, headers=JSON).json()
    assert [(hit["label"], hit["hint"]) for hit in answer] == [
        ("BTC0629 off the index", "testex"), ("BTC0629 off the index", "rehearsal"),
    ]  # fmt: skip


def test_it_finds_an_address_only_whole(market: Market, analyst: Client) -> None:
    found = {
        words: len(analyst.get(reverse("find"), {"q": words}, headers=JSON).json())
        for words in ("ann@example.org", "ann@example", "@example.org")
    }
    assert found == {"ann@example.org": 1, "ann@example": 0, "@example.org": 0}


def test_it_finds_a_plan_by_the_head_of_its_digest(world: World, analyst: Client) -> None:
    plan = compute(world, [BTC])
    answer = analyst.get(reverse("find"), {"q": plan.digest[:8].upper()}, headers=JSON)
    assert answer.json() == [
        {"label": f"Goodwill payment #{plan.pk}", "hint": "BTC0629 off the index",
         "group": "Plans", "url": reverse("plan", args=[plan.pk])}
    ]  # fmt: skip


def test_it_finds_a_plan_by_its_number(world: World, analyst: Client) -> None:
    plan = compute(world, [BTC])
    for words in (f"plan {plan.pk}", f"Plan{plan.pk}", f"#{plan.pk}"):
        first, *_others = analyst.get(reverse("find"), {"q": words}, headers=JSON).json()
        assert first["url"] == reverse("plan", args=[plan.pk])
    assert analyst.get(reverse("find"), {"q": f"plan {plan.pk + 1}"}, headers=JSON).json() == []


def test_one_letter_finds_nothing(market: Market, analyst: Client) -> None:
    assert analyst.get(reverse("find"), {"q": "A"}, headers=JSON).json() == []


def test_it_is_a_page_without_a_script(market: Market, analyst: Client) -> None:
    page = analyst.get(reverse("find"), {"q": "A-h"})
    assert cells(page, "hits") == [["A-hal", "Accounts", "Hal, testex"]]
    assert "Nothing found" in text(analyst.get(reverse("find"), {"q": "zzz"}))


def test_it_asks_twice(market: Market, analyst: Client, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(5):  # session, person, standing, incidents, accounts
        analyst.get(reverse("find"), {"q": "A-"}, headers=JSON)
