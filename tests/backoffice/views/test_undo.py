"""Undoing a plan in the browser: asked for with a reason, and found from either side."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Plan
from tests.backoffice.services.conftest import World, compute, execute
from tests.backoffice.views.conftest import expected, matrix
from tests.backoffice.views.reading import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(world: World) -> Plan:
    return execute(world, compute(world, [5, 6, 7]))


def ask(client: Client, plan: Plan, reason: str = "The share was wrong."):  # noqa: ANN201
    return client.post(reverse("plan-undo", args=[plan.pk]), {"reason": reason})


def test_it_is_asked_for_on_a_reconciled_plan(world: World, done: Plan, analyst: Client) -> None:
    assert "Undo this plan" in text(analyst.get(reverse("plan", args=[done.pk])))
    answer = ask(analyst, done)
    made = Plan.objects.get(remedy="undo")
    assert answer.url == reverse("plan", args=[made.pk])
    page = text(analyst.get(answer.url))
    assert f"Plan {made.pk} is computed. Nothing is moved yet." in page
    assert f"This plan posts the opposite of plan {done.pk} (Goodwill payment)." in page
    assert "The share was wrong." in page
    assert "Withdrawals Open to be closed before it is executed" in page
    before = text(analyst.get(reverse("plan", args=[done.pk])))
    assert f"Plan {made.pk} undoes this plan; it is computed." in before
    assert "Undo this plan" not in before


@pytest.mark.parametrize("page", ["plan", "plan-effects", "plan-legs", "plan-positions",
                                  "plan-decide", "plan-execution"])  # fmt: skip
def test_every_page_of_an_undo_is_shown(done: Plan, analyst: Client, page: str) -> None:
    ask(analyst, done)
    made = Plan.objects.get(remedy="undo")
    assert analyst.get(reverse(page, args=[made.pk])).status_code == 200


def test_it_is_refused_in_words(world: World, done: Plan, analyst: Client) -> None:
    events = AuditEvent.objects.count()
    answer = ask(analyst, done, reason=" ")
    assert (answer.status_code, "Say why it is undone" in text(answer)) == (422, True)
    other = compute(world, [1])
    answer = ask(analyst, other)
    assert answer.status_code == 409
    assert "This plan is computed; only a reconciled plan is undone." in text(answer)
    assert "Undo this plan" not in text(analyst.get(reverse("plan", args=[other.pk])))
    assert not Plan.objects.filter(remedy="undo").exists()
    assert AuditEvent.objects.count() == events


def test_the_roles_that_may_ask(done: Plan) -> None:
    found = matrix(lambda client: ask(client, done, reason="").status_code)
    assert found == expected("analyst", "finance", done=422)
