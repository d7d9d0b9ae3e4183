"""`GET /api/v1/adjustments`: by token, page by page, as JSON and CSV; customers read their own."""

import csv
import io
import warnings
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from backoffice.api.feed import FeedThrottle
from backoffice.feed_columns import COLUMNS
from backoffice.models import ApiToken, AuditEvent, Event, Person
from backoffice.services import tokens
from backoffice.services.refusals import NotAllowed, Refused, Stale
from exchange.models import Account
from exchange.tape import store
from tests.backoffice.services.adjusted import FIRST, computed
from tests.backoffice.services.conftest import World, close_gates, executed, run_sql
from tests.backoffice.views.market import Market, open_market

pytestmark = pytest.mark.django_db
URL = "/api/v1/adjustments"
MINE = "/api/v1/me/adjustments"


@pytest.fixture
def market(world: World, market: Market) -> Market:
    """A market whose rollback of all six fills is executed."""
    close_gates(market)
    executed(world, computed(market, "rollback", FIRST))
    return market


@pytest.fixture
def token(world: World, market: Market) -> str:
    return made_token(world, market)


def made_token(world: World, market: Market, name: str = "engine") -> str:
    _, token = tokens.make(venue=market.record.venue, name=name, by=world.person("fay"))
    return token


def get(token: str, url: str = URL, accept: str = "application/json", **query: Any) -> HttpResponse:
    headers = {"Authorization": f"Bearer {token}", "Accept": accept}
    return Client().get(url, query, headers=headers)


def test_a_token_reads_the_feed_of_its_venue(token: str) -> None:
    answer = get(token)
    assert answer.status_code == 200
    page = answer.json()
    assert [row["OrigExecID"] for row in page["adjustments"]] == ["1", "2", "3", "4", "5", "6"]
    assert {row["ExecType"] for row in page["adjustments"]} == {"H"}
    assert page["more"] is False
    assert answer["Makewhole-Next"] == page["next"]
    assert page["next"] in answer["Link"]
    assert answer["Link"].endswith('rel="next"')
    assert "private" in answer["Cache-Control"]
    assert "Authorization" in answer["Vary"]


def test_polling_goes_on_where_the_last_page_ended(token: str) -> None:
    first = get(token, limit=4).json()
    assert (len(first["adjustments"]), first["more"]) == (4, True)
    second = get(token, after=first["next"], limit=4).json()
    assert (len(second["adjustments"]), second["more"]) == (2, False)
    third = get(token, after=second["next"], limit=4).json()
    assert (third["adjustments"], third["next"], third["more"]) == ([], second["next"], False)


def test_nothing_new_is_not_sent_again(world: World, market: Market, token: str) -> None:
    first = get(token)
    end = first.json()["next"]
    empty = get(token, after=end)
    again = Client().get(
        URL, {"after": end},
        headers={"Authorization": f"Bearer {token}", "If-None-Match": empty["ETag"]},
    )  # fmt: skip
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", empty["ETag"])
    other = get(token, after=end, accept="text/csv")
    assert other["ETag"] != empty["ETag"]
    assert first["ETag"] != empty["ETag"]
    # Another token of the venue reads the same, a page that has grown is another one.
    assert get(made_token(world, market, "ledger"), after=end)["ETag"] == empty["ETag"]
    assert get(token, limit=2)["ETag"] != get(token, limit=3)["ETag"]


def test_it_is_filtered_by_account_and_contract(token: str) -> None:
    mo = get(token, account="A-mo").json()["adjustments"]
    assert [row["OrigExecID"] for row in mo] == ["2", "6"]
    assert get(token, contract="ETH0629").json()["adjustments"] == []
    assert len(get(token, contract="BTC0629", account="FUND").json()["adjustments"]) == 2


def rows_of(answer: HttpResponse) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.mark.parametrize("by", ["address", "accept"])
def test_as_csv(token: str, by: str) -> None:
    answer = get(token, f"{URL}.csv") if by == "address" else get(token, accept="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    found = rows_of(answer)
    assert tuple(found[0]) == COLUMNS
    page = get(token).json()
    assert [{k: v for k, v in row.items() if v} for row in found] == [
        {key: value for key, value in row.items() if value is not None}
        for row in page["adjustments"]
    ]
    assert answer["Makewhole-Next"] == page["next"]


def test_a_cell_of_the_csv_runs_nothing(market: Market, token: str) -> None:
    Account.objects.filter(venue=market.record.venue, code="A-mo").update(code='=cmd|"/c calc"!A1')
    found = rows_of(get(token, f"{URL}.csv"))
    assert {row["Account"] for row in found if row["OrigExecID"] in "26"} == {'\'=cmd|"/c calc"!A1'}


def test_amounts_below_zero_stay_numbers(world: World, bundle: Path) -> None:
    market = open_market(bundle)
    close_gates(market)
    executed(world, computed(market, "reinstate", FIRST))
    found = rows_of(get(made_token(world, market), f"{URL}.csv"))
    (ann,) = [row for row in found if row["Account"] == "A-ann"]
    assert ann["Cost"].startswith("-0.1")
    assert ann["MsgType"] == "AM"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"after": "nonsense"}, "none that the feed gave out"),
        ({"limit": "0"}, "greater than or equal to 1"),
        ({"limit": "5001"}, "less than or equal to 5000"),
        ({"account": "nobody"}, "no account with this code"),
        ({"contract": "nothing"}, "no contract with this symbol"),
    ],
)
def test_it_refuses_in_words(token: str, query: dict[str, str], words: str) -> None:
    for url in (URL, f"{URL}.csv"):
        answer = get(token, url, **query)
        assert answer.status_code == 400
        if url == URL:
            assert words in answer.content.decode()


def test_only_a_token_in_use_opens_it(world: World, market: Market, token: str) -> None:
    row = ApiToken.objects.get()
    wrong = token[:-1] + ("a" if token[-1] != "a" else "b")
    for text in ("", "x", wrong, token.removeprefix("mwk_"), f"mwk_{row.key}", f"xyz{token[3:]}"):
        answer = get(text)
        assert (answer.status_code, "WWW-Authenticate" in answer) == (401, True), text
    assert Client().get(URL).status_code == 401
    assert get(token, MINE).status_code in (401, 403)
    person = Client()
    person.force_login(world.person("chen"))
    assert person.get(URL).status_code == 401, "people have pages; the feed is for systems"
    tokens.revoke(token=row, by=world.person("chen"))
    assert get(token).status_code == 401
    with pytest.raises(Stale, match="revoked already"):
        tokens.revoke(token=row, by=world.person("chen"))
    with pytest.raises(IntegrityError, match="revoked for good"):
        run_sql("UPDATE api_token SET revoked_at = NULL, revoked_by_id = NULL")
    with pytest.raises(IntegrityError, match="append only"):
        run_sql("DELETE FROM api_token")


def test_a_token_is_kept_as_a_hash_and_its_use_is_noted(world: World, market: Market) -> None:
    with pytest.raises(NotAllowed):
        tokens.make(venue=market.record.venue, name="x", by=world.person("mira"))
    with pytest.raises(Refused, match="Name the system"):
        tokens.make(venue=market.record.venue, name=" ", by=world.person("fay"))
    token = made_token(world, market)
    with pytest.raises(Stale, match="in use"):
        made_token(world, market)
    row = ApiToken.objects.get()
    secret = token.split("_", 2)[2]
    assert secret not in " ".join(str(value) for value in ApiToken.objects.values_list()[0])
    assert row.last_used_at is None
    before = timezone.now()
    get(token)
    row.refresh_from_db()
    assert row.last_used_at >= before
    noted = row.last_used_at
    get(token)
    row.refresh_from_db()
    assert row.last_used_at == noted, "not written at every page"
    assert AuditEvent.objects.filter(action="token.made").count() == 1
    assert secret not in str(list(AuditEvent.objects.values_list("data", flat=True)))


def test_a_token_of_one_venue_reads_no_other(world: World, market: Market, token: str) -> None:
    _, elsewhere = tokens.make(venue=world.venue, name="engine", by=world.person("fay"))
    assert get(elsewhere).json()["adjustments"] == []
    assert get(elsewhere, account="A-mo").status_code == 400
    assert get(elsewhere, after=get(token).json()["next"]).status_code == 400


@pytest.fixture
def mo(market: Market) -> Client:
    client = Client()
    customer = market.account("A-mo").customer
    client.force_login(Person.objects.create_user("mo@customers.example", customer=customer))
    return client


def test_a_customer_reads_their_own_rows_and_no_others(market: Market, mo: Client) -> None:
    found = mo.get(MINE).json()["adjustments"]
    assert [row["OrigExecID"] for row in found] == ["2", "6"]
    assert {row["Account"] for row in found} == {"A-mo"}
    for query in ({"account": "FUND"}, {"account": "A-ann"}, {"account": "nobody"}):
        answer = mo.get(MINE, query)
        assert answer.status_code == 400
        assert "no account with this code" in answer.content.decode()
    assert len(mo.get(MINE, {"account": "A-mo"}).json()["adjustments"]) == 2
    assert [row["Account"] for row in rows_of(mo.get(MINE, headers={"Accept": "text/csv"}))] == [
        "A-mo", "A-mo",
    ]  # fmt: skip


def test_nobody_else_has_rows_of_their_own(world: World, market: Market, token: str) -> None:
    assert Client().get(MINE).status_code == 403
    staff = Client()
    staff.force_login(world.person("chen"))
    assert staff.get(MINE).status_code == 403
    stranger = Client()
    stranger.force_login(
        Person.objects.create_user("c0@customers.example", customer=world.customers[0])
    )
    assert stranger.get(MINE).json()["adjustments"] == []
    assert stranger.get(MINE, {"account": "A-mo"}).status_code == 400


def test_a_tape_that_is_elsewhere_is_said(token: str) -> None:
    for file in Path(store.folder()).glob("*"):
        file.unlink()
    answer = get(token)
    assert answer.status_code == 503
    assert "There is no tape" in answer.json()["detail"]


def test_a_page_costs_the_same_however_large(
    world: World, market: Market, token: str, django_assert_num_queries: Any
) -> None:
    get(token)
    # token, events, accounts, contracts
    for limit in (1, 6):
        with django_assert_num_queries(4):
            get(token, limit=limit)
    assert Event.objects.count() == 4


def test_a_client_in_a_loop_is_told(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FeedThrottle, "rate", "3/minute")
    assert [get(token).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_its_schema_is_whole_and_without_a_warning() -> None:
    from drf_spectacular.drainage import GENERATOR_STATS
    from drf_spectacular.generators import SchemaGenerator

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        GENERATOR_STATS.reset()
        schema = SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS
    operation = schema["paths"][URL]["get"]
    assert {p["name"] for p in operation["parameters"]} == {
        "after", "limit", "account", "contract", "format", "If-None-Match",
    }  # fmt: skip
    assert set(operation["responses"]["200"]["content"]) == {"application/json", "text/csv"}
    assert operation["security"] == [{"feedToken": []}]
    declared = schema["components"]["schemas"]["Adjustment"]["properties"]
    assert set(declared) == set(COLUMNS)
