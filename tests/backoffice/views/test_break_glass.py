"""Breaking the glass in the browser: the one page, and everywhere it is told."""

from datetime import timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from backoffice.models import AuditEvent, BreakGlass, BreakGlassReview, BreakGlassSecond, Plan
from backoffice.services import notices, people, plans
from tests.backoffice.services.conftest import BTC, World, propose
from tests.backoffice.services.test_break_glass import age
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import text
from tests.backoffice.views.test_metrics import TOKEN, read

pytestmark = pytest.mark.django_db
WHY = "the only legal officer cannot be reached"


@pytest.fixture
def plan(world: World) -> Plan:
    """A plan that wants risk, finance and legal, before the officers."""
    return propose(world, [BTC // 10], remedy="socialise")


def traces() -> tuple[int, ...]:
    models = (BreakGlass, BreakGlassSecond, BreakGlassReview, AuditEvent)
    return tuple(model.objects.count() for model in models)


def send(handle: str, plan: Plan, act: str, **changes: str) -> HttpResponse:
    """A step as the page sends it, as right as `changes` leave it."""
    sent = {"act": act, "digest": plan.digest, **changes}
    if act != "review":
        sent = {"code": people.demo_code(people.email_of(handle)), **sent}
    return signed_in(handle).post(reverse("plan-break-glass", args=[plan.pk]), sent)


def broken(plan: Plan) -> BreakGlass:
    assert send("chen", plan, "open", reason=WHY).status_code == 302
    assert send("ravi", plan, "second").status_code == 302
    return BreakGlass.objects.get()


def page(plan: Plan, handle: str = "fay") -> str:
    return text(signed_in(handle).get(reverse("plan-break-glass", args=[plan.pk])))


def test_the_page_is_for_staff(world: World, plan: Plan) -> None:
    assert matrix(getting("plan-break-glass", plan.pk)) == expected()


def test_it_is_opened_seconded_and_reviewed(world: World, plan: Plan) -> None:
    assert "Break the glass" in page(plan)
    assert "does not hold the role" in page(plan, "sana")
    send("chen", plan, "open", reason=WHY)
    assert "You opened it; somebody else has to second it." in page(plan, "chen")
    assert WHY in page(plan)
    assert "Second it" in page(plan)
    send("ravi", plan, "second")
    shown = page(plan)
    assert "The glass is broken for this plan" in shown
    assert "Any officer 0 / 2 Missing" in shown
    assert "You broke the glass; somebody who did not has to review it." in page(plan, "ravi")
    assert "Keep this review" in shown
    send("fay", plan, "review", outcome="justified", finding="lena was in the air")
    shown = page(plan)
    assert "lena was in the air" in shown
    assert "Keep this review" not in shown
    assert "The glass is broken for this plan" in shown
    plans.withdraw(plan=plan, by=world.person("mira"), reason="Another one is better.")
    assert "Any two officers of risk, finance or legal could decide on its digest" in page(plan)


@pytest.mark.parametrize(
    ("handle", "act", "changes", "status", "words"),
    [
        ("chen", "open", {"reason": ""}, 422, "This field is required"),
        ("chen", "open", {"reason": WHY, "code": "000000"}, 422, "not the code"),
        ("chen", "open", {"reason": WHY, "digest": "0" * 64}, 422, "not the plan that is here"),
        ("sana", "open", {"reason": WHY}, 403, "does not hold the role"),
        ("chen", "second", {}, 409, "Nothing is open"),
        ("lena", "review", {"outcome": "justified", "finding": "x"}, 409, "Nothing waits"),
        ("chen", "hammer", {}, 422, "nothing one can do here"),
    ],
)
def test_it_is_refused_by_name(
    plan: Plan, handle: str, act: str, changes: dict[str, str], status: int, words: str
) -> None:
    before = traces()
    answer = send(handle, plan, act, **changes)
    found = (answer.status_code, words in text(answer))
    assert found == (409 if "digest" in changes else status, True)
    assert traces() == before


@pytest.mark.parametrize(
    ("handle", "act", "changes", "status", "words"),
    [
        ("lena", "open", {"reason": WHY}, 409, "open already"),
        ("ravi", "review", {"outcome": "justified", "finding": "x"}, 403, "You broke the glass"),
        ("fay", "review", {"outcome": "justified", "finding": ""}, 422, "required"),
        ("fay", "review", {"outcome": "well", "finding": "x"}, 422, "valid choice"),
    ],
)
def test_a_broken_one_is_not_broken_again_or_reviewed_by_anyone(
    plan: Plan, handle: str, act: str, changes: dict[str, str], status: int, words: str
) -> None:
    broken(plan)
    before = traces()
    answer = send(handle, plan, act, **changes)
    assert (answer.status_code, words in text(answer)) == (status, True)
    assert traces() == before


def test_the_desk_is_told_until_it_is_reviewed(
    world: World, plan: Plan, settings: Settings, client: Client
) -> None:
    settings.METRICS_TOKEN = TOKEN

    def told() -> tuple[str, str, float, float]:
        home = text(signed_in("sana").get(reverse("incidents")))
        of_plan = text(signed_in("sana").get(reverse("plan", args=[plan.pk])))
        found = read(client)
        return (
            next((words for words in HOME if words in home), ""),
            next((words for words in ON_PLAN if words in of_plan), ""),
            found["makewhole_glasses_unreviewed"],
            found["makewhole_glasses_overdue"],
        )

    assert told() == ("", "", 0, 0)
    send("chen", plan, "open", reason=WHY)
    assert told() == (HOME[0], ON_PLAN[0], 0, 0)
    send("ravi", plan, "second")
    assert told() == (HOME[1], ON_PLAN[1], 1, 0)
    age(BreakGlass.objects.get(), timedelta(hours=24, seconds=1))
    assert told() == (HOME[2], ON_PLAN[2], 1, 1)
    send("fay", plan, "review", outcome="not_justified", finding="noor was at her desk")
    assert told() == ("", ON_PLAN[1], 0, 0)


HOME = (
    "An officer wants to break the glass",
    "A broken glass waits to be reviewed",
    "A broken glass was not reviewed in time",
)
ON_PLAN = (
    "An officer wants to break the glass for this plan",
    "The glass was broken for this plan",
    "The review of a broken glass is overdue",
)


def test_the_public_is_told_without_names(world: World, plan: Plan, client: Client) -> None:
    words = ("What happened", "More follows.")
    notices.publish(
        incident=world.incident, by=world.person("lena"), slug="first",
        texts={"en": words, "zh-hans": words},
    )  # fmt: skip
    at = reverse("notice", args=[world.incident.slug])
    assert "decided without its full quorum" not in text(client.get(at))
    assert "0 members of staff are recused." in text(client.get(at))
    row = broken(plan)
    send("fay", plan, "review", outcome="justified", finding="Lena Brandt was in the air")
    shown = client.get(at)
    assert "Socialise what is left: decided without its full quorum" in text(shown)
    assert "Justified" in text(shown)
    told = client.get(reverse("notice-json", args=[world.incident.slug])).json()
    assert told["recusals"] == 0
    (glass,) = told["break_glass"]
    assert (glass["remedy"], glass["digest"]) == ("socialise", row.digest)
    assert glass["outcome"] == "justified"
    for secret in ("Chen", "Ravi", "Fay", "Lena", WHY):
        assert secret not in text(shown)
        assert secret not in str(told)


def test_time_moves_it_on(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    send("chen", plan, "open", reason=WHY)
    later = timezone.now() + timedelta(minutes=31)
    monkeypatch.setattr("django.utils.timezone.now", lambda: later)
    assert "Lapsed" in page(plan)
    assert send("ravi", plan, "second").status_code == 409
