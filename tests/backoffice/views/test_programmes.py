"""Goodwill in the desk: rules looked at, fixed, spread, and paid by a plan."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Award, Plan, Programme
from exchange.models import Liquidation
from exchange.queries import keyset
from tests.backoffice.services.conftest import BTC, START, World
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db
RULES = {
    "name": "Goodwill", "asset": "BTC", "percent": "10", "cap": "0.25", "de_minimis": "0",
    "budget": "1",
}  # fmt: skip
LOSSES = [BTC, 2 * BTC, 4 * BTC]


@pytest.fixture
def lost(world: World) -> World:
    """Accounts 0, 1 and 2 lost 1, 2 and 4 BTC to closes that were not due."""
    Liquidation.objects.bulk_create(
        Liquidation(
            tape=world.incident.tape, account=account, contract=world.contract,
            verdict="not_due", recorded_at=START, quantity=10, price_ticks=1, printed_ticks=1,
            fair_ticks=1, equity_printed=0, maintenance_printed=0, equity_fair=0,
            maintenance_fair=0, loss=loss,
        )
        for account, loss in zip(world.accounts, LOSSES, strict=False)
    )  # fmt: skip
    return world


@pytest.fixture
def officer(lost: World) -> Client:
    return signed_in("finance")


def traces() -> tuple[int, ...]:
    found = (Programme, Award, Plan, AuditEvent)
    return tuple(model.objects.count() for model in found)


def send(client: Client, world: World, step: str, **changes: str) -> HttpResponse:
    at = reverse("programme-make", args=[world.incident.slug])
    return client.post(at, {**RULES, "step": step, **changes})


def made(officer: Client, world: World, **changes: str) -> Programme:
    send(officer, world, "make", **changes)
    return Programme.objects.get()


def test_the_pages_are_for_staff(lost: World, officer: Client) -> None:
    programme = made(officer, lost)
    assert matrix(getting("incident-goodwill", lost.incident.slug)) == expected()
    assert matrix(getting("programme", programme.pk)) == expected()


def test_the_preview_writes_nothing(lost: World, officer: Client) -> None:
    before = traces()
    shown = text(send(officer, lost, "preview"))
    assert "What these rules would pay0.55000000 BTC to 3 accounts; the largest award" in shown
    assert "0.25000000 BTC, 1 meet the cap. Nothing is fixed yet." in shown
    assert "These rules pay more than the budget" in (
        text(send(officer, lost, "preview", budget="0.5"))
    )
    assert "Nobody would be paid" in text(send(officer, lost, "preview", de_minimis="0.26"))
    assert traces() == before


def test_the_rules_are_fixed_and_the_awards_shown(lost: World, officer: Client) -> None:
    programme = made(officer, lost)
    assert (programme.percent_bp, programme.cap, programme.budget) == (1000, BTC // 4, BTC)
    page = officer.get(reverse("programme", args=[programme.pk]))
    assert cells(page, "award-sheet") == [
        ["A00002", "4.00000000 BTC", "+0.25000000 BTC", "met"],
        ["A00001", "2.00000000 BTC", "+0.20000000 BTC", "–"],
        ["A00000", "1.00000000 BTC", "+0.10000000 BTC", "–"],
    ]
    shown = text(page)
    assert "Awards 3 Total 0.55000000 BTC Budget 1.00000000 BTC Left of it 0.45000000 BTC" in shown
    assert "0.1 to under 1 3 0.55000000 BTC" in shown
    (row,) = cells(
        officer.get(reverse("incident-goodwill", args=[lost.incident.slug])), "programmes"
    )
    assert row[:6] == [
        "Goodwill", "10.00 %", "0.25000000 BTC", "3", "0.55000000 BTC", "1.00000000 BTC"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"budget": "0.5"}, "more than the budget"),
        ({"de_minimis": "0.26"}, "Nobody would be paid"),
        ({"cap": "0"}, "a cap and a budget above zero"),
        ({"cap": "0.000000001"}, "BTC has fewer decimals than that."),
        ({"cap": "-1"}, "greater than or equal to 0"),
        ({"percent": "101"}, "less than or equal to 100"),
        ({"asset": "DOGE"}, "Select a valid choice"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_rules_are_refused(
    lost: World, officer: Client, changes: dict[str, str], words: str
) -> None:
    before = traces()
    answer = send(officer, lost, "make", **changes)
    assert (answer.status_code, words in text(answer)) == (422, True)
    assert traces() == before


def test_the_roles_that_make_one(lost: World) -> None:
    at = reverse("programme-make", args=[lost.incident.slug])
    assert matrix(lambda client: client.post(at, {}).status_code) == (
        expected("analyst", "finance", done=422)
    )


def test_it_pays_by_a_plan(lost: World, officer: Client) -> None:
    programme = made(officer, lost)
    at = reverse("programme-compute", args=[programme.pk])
    assert signed_in("risk").post(at).status_code == 403
    answer = officer.post(at)
    programme.refresh_from_db()
    assert answer.url == reverse("plan", args=[programme.plan_id])
    assert programme.plan.state == Plan.State.COMPUTED
    assert programme.plan.totals["total"] == 55_000_000
    before = traces()
    assert "has its plan already" in text(officer.post(at, follow=True))
    assert traces() == before


def test_pages_of_awards_follow_each_other(
    lost: World, officer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "LIMIT", 1)
    at = reverse("programme", args=[made(officer, lost).pk])
    found, after = [], ""
    for _ in range(3):
        page = officer.get(at, {"after": after})
        found += [row[0] for row in cells(page, "award-sheet")]
        after = page.context["page"].after
    assert (found, after) == (["A00002", "A00001", "A00000"], "")


def test_the_pages_cost_the_same_however_many(
    lost: World, officer: Client, django_assert_max_num_queries: object
) -> None:
    programme = made(officer, lost)
    with django_assert_max_num_queries(9):
        officer.get(reverse("incident-goodwill", args=[lost.incident.slug]))
    with django_assert_max_num_queries(9):
        officer.get(reverse("programme", args=[programme.pk]))
