"""The feed on the desk: what was published, its records, and tokens that are shown once."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backoffice.feed_columns import COLUMNS
from backoffice.models import ApiToken, AuditEvent, Event, Person
from backoffice.services import feed, tokens
from exchange.queries import keyset
from exchange.tape import store
from tests.backoffice.services.adjusted import FIRST, computed, undo
from tests.backoffice.services.conftest import World, close_gates, compute, executed
from tests.backoffice.views.conftest import WHO, expected, getting, matrix, signed_in
from tests.backoffice.views.market import Market
from tests.backoffice.views.reading import cells, csv, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(world: World) -> Client:
    return signed_in("finance")


@pytest.fixture
def published(world: World, market: Market) -> Event:
    """A rollback of all six fills, executed."""
    close_gates(market)
    plan = executed(world, computed(market, "rollback", FIRST))
    return Event.objects.get(plan=plan, kind="plan.executed")


def make(client: Client, world: World, **changes: object) -> HttpResponse:
    given = {"venue": world.venue.pk, "name": "engine"}
    return client.post(reverse("token-make"), {**given, **changes})


def traces() -> tuple[object, ...]:
    return list(ApiToken.objects.values_list("pk", "revoked_at")), AuditEvent.objects.count()


def test_staff_see_it_and_two_roles_connect(world: World, published: Event) -> None:
    assert matrix(getting("feed")) == expected()
    assert matrix(getting("feed-records", published.pk)) == expected()
    assert matrix(lambda client: client.post(reverse("token-make"), {}).status_code) == (
        expected("risk", "finance", done=422)
    )
    row, _ = tokens.make(venue=world.venue, name="engine", by=world.person("fay"))
    revoke = reverse("token-revoke", args=[row.pk])
    assert matrix(lambda client: client.post(revoke).status_code) == (
        expected("risk", "finance", done=302)
    )


def test_the_list_names_what_was_published(published: Event, analyst: Client) -> None:
    (row,) = cells(analyst.get(reverse("feed")), "published")
    assert row[:4] == ["3", str(published.plan), "Plan executed", "testex"]
    assert row[6] in ("6", "being prepared")
    analyst.get(reverse("feed-records", args=[published.pk]))
    assert cells(analyst.get(reverse("feed")), "published")[0][6] == "6"


def test_the_records_read_as_the_feed_gives_them(
    world: World, published: Event, analyst: Client
) -> None:
    rows = cells(analyst.get(reverse("feed-records", args=[published.pk])), "record-sheet")
    assert len(rows) == 6
    assert rows[0] == [
        "MW3-0", "Trade cancel H", "1", "A-hal", "BTC0629", "buy", "3", "6500.00", "0", "–", "1",
        "20180329-21:00:00.100000",
    ]  # fmt: skip
    back = executed(world, undo(published.plan))
    event = Event.objects.get(plan=back, kind="plan.undone")
    page = analyst.get(reverse("feed-records", args=[event.pk]))
    assert cells(page, "record-sheet")[0][:3] == [
        f"MW{event.number}-0", "Trade, again F", "MW3-5",
    ]  # fmt: skip
    assert "takes back event 3" in text(page)


def test_positions_and_nothing_at_all_read_too(
    world: World, market: Market, analyst: Client
) -> None:
    close_gates(market)
    plan = executed(world, computed(market, "reinstate", FIRST))
    event = Event.objects.get(plan=plan, kind="plan.executed")
    rows = cells(analyst.get(reverse("feed-records", args=[event.pk])), "record-sheet")
    (ann,) = [row for row in rows if row[3] == "A-ann"]
    assert ann[:2] == [f"MW{event.number}-0", "Position AM"]
    assert (ann[6], ann[7], ann[8]) == ("0", "0.00000000 BTC", "10")
    assert any(row[8].startswith("−") or row[6].startswith("−") for row in rows)
    paid = executed(world, compute(world, [10, 20, 30]))
    event = Event.objects.get(plan=paid, kind="plan.executed")
    page = analyst.get(reverse("feed-records", args=[event.pk]))
    assert "This plan moved money only" in text(page)


def test_records_that_cannot_be_read_say_why(published: Event, analyst: Client) -> None:
    for file in store.folder().glob("*"):
        file.unlink()
    page = analyst.get(reverse("feed-records", args=[published.pk]))
    assert "The records cannot be read here" in text(page)
    assert "There is no tape" in text(page)


def test_the_records_are_paged(
    published: Event, analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "LIMIT", 4)
    at = reverse("feed-records", args=[published.pk])
    page = analyst.get(at)
    assert len(cells(page, "record-sheet")) == 4
    assert "after=4" in page.content.decode()
    assert [row[0] for row in cells(analyst.get(at, {"after": "4"}), "record-sheet")] == [
        "MW3-4", "MW3-5",
    ]  # fmt: skip
    assert analyst.get(at, {"after": "elsewhere"}).status_code == 404


def test_a_token_is_shown_once(world: World, finance: Client) -> None:
    answer = make(finance, world)
    (token,) = set(re.findall(r"mwk_[0-9a-f]{12}_[\w-]{43}", answer.content.decode()))
    assert "no-store" in answer["Cache-Control"]
    assert tokens.holder(token, "feed") == ApiToken.objects.get()
    assert token not in finance.get(reverse("feed")).content.decode()
    (row,) = cells(finance.get(reverse("feed")), "tokens")
    assert row[:3] == ["engine", "In use", "rehearsal"]


@pytest.mark.parametrize(
    ("changes", "words", "status"),
    [
        ({"name": " "}, "This field is required", 422),
        ({"venue": 0}, "Select a valid choice", 422),
    ],
)
def test_no_token_is_made_by_a_wrong_form(
    world: World, finance: Client, changes: dict[str, object], words: str, status: int
) -> None:
    before = traces()
    answer = make(finance, world, **changes)
    assert (answer.status_code, words in text(answer)) == (status, True)
    assert traces() == before


def test_a_name_is_used_once_and_a_token_ended_once(world: World, finance: Client) -> None:
    make(finance, world)
    before = traces()
    answer = make(finance, world)
    assert (answer.status_code, "is in use" in text(answer)) == (409, True)
    assert traces() == before
    revoke = reverse("token-revoke", args=[ApiToken.objects.get().pk])
    assert "opens nothing any more" in text(finance.post(revoke, follow=True))
    before = traces()
    assert "revoked already" in text(finance.post(revoke, follow=True))
    assert traces() == before
    assert make(finance, world).status_code == 200


def test_a_customer_downloads_their_own_records_and_no_others(
    market: Market, published: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = reverse("portal-adjustments")
    assert matrix(getting("portal-adjustments")) == {
        who: {"nobody": 302, "customer": 200}.get(who, 404) for who in WHO
    }
    assert csv(signed_in("customer").get(at)) == [list(COLUMNS)], "of another venue"
    monkeypatch.setattr(feed, "LIMIT_MAX", 1)
    client = Client()
    client.force_login(
        Person.objects.create_user("mo@customers.example", customer=market.account("A-mo").customer)
    )
    head, *rows = csv(client.get(at))
    of = [dict(zip(head, row, strict=True)) for row in rows]
    assert [(row["Account"], row["OrigExecID"]) for row in of] == [("A-mo", "2"), ("A-mo", "6")]
    assert 'href="/me/adjustments.csv"' in client.get(reverse("portal")).content.decode()
    for file in store.folder().glob("*"):
        file.unlink()
    assert client.get(at).status_code == 404


def test_the_list_costs_the_same_however_long(
    world: World, published: Event, finance: Client, django_assert_num_queries: object
) -> None:
    for name in ("a", "b", "c"):
        tokens.make(venue=world.venue, name=name, by=world.person("fay"))
    executed(world, undo(published.plan))
    # session, person, standing, published, tokens, and two for the venues of the form
    with django_assert_num_queries(7):
        finance.get(reverse("feed"))
