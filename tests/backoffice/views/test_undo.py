"""Undoing a plan in the browser: asked for with a reason, and found from either side."""

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Computation, Plan
from backoffice.services import computations
from exchange.services import ledger
from tests.backoffice.services.conftest import (
    BTC,
    START,
    World,
    close_gates,
    compute,
    execute,
    executed,
)
from tests.backoffice.views.conftest import expected, matrix, signed_in
from tests.backoffice.views.reading import text

pytestmark = pytest.mark.django_db


@pytest.fixture
def done(world: World) -> Plan:
    return execute(world, compute(world, [5, 6, 7]))


def made(client: Client, plan: Plan) -> Plan:
    """Asked for in the browser, computed by a worker."""
    assert ask(client, plan).url == reverse("incident-plans", args=[plan.incident.slug])
    row = computations.run(computation_id=Computation.objects.latest("pk").pk)
    assert row.state == Computation.State.DONE, row.message
    return Plan.objects.get(remedy="undo")


def ask(client: Client, plan: Plan, reason: str = "The share was wrong."):  # noqa: ANN201
    return client.post(reverse("plan-undo", args=[plan.pk]), {"reason": reason})


def test_it_is_asked_for_on_a_reconciled_plan(world: World, done: Plan, analyst: Client) -> None:
    assert "Undo this plan" in text(analyst.get(reverse("plan", args=[done.pk])))
    new = made(analyst, done)
    page = text(analyst.get(reverse("plan", args=[new.pk])))
    told = f"This plan posts the opposite of plan {done.pk} (Goodwill payment). Because: The share"
    for name in ("plan", "plan-decide", "plan-break-glass"):
        assert told in text(signed_in("fay").get(reverse(name, args=[new.pk])))
    assert "Withdrawals Open to be closed before it is executed" in page
    before = text(analyst.get(reverse("plan", args=[done.pk])))
    assert f"Plan {new.pk} undoes this plan; it is computed." in before
    assert "Undo this plan" not in before
    close_gates(world)
    executed(world, new)
    after = text(analyst.get(reverse("plan", args=[done.pk])))
    assert f"Undone Plan {new.pk} posted the opposite of this plan." in after


@pytest.mark.parametrize("page", ["plan", "plan-effects", "plan-legs", "plan-positions",
                                  "plan-decide", "plan-execution"])  # fmt: skip
def test_every_page_of_an_undo_is_shown(done: Plan, analyst: Client, page: str) -> None:
    assert analyst.get(reverse(page, args=[made(analyst, done).pk])).status_code == 200


def test_it_is_refused_in_words(world: World, done: Plan, analyst: Client) -> None:
    events = AuditEvent.objects.count()
    answer = ask(analyst, done, reason=" ")
    assert (answer.status_code, "Say why it is undone" in text(answer)) == (422, True)
    other = compute(world, [1])
    answer = ask(analyst, other)
    assert answer.status_code == 409
    assert "This plan is computed; only a reconciled plan is undone." in text(answer)
    assert "Undo this plan" not in text(analyst.get(reverse("plan", args=[other.pk])))
    assert not Computation.objects.exists()
    assert AuditEvent.objects.count() == events


def test_what_the_books_refuse_is_said_where_it_is_followed(
    world: World, done: Plan, analyst: Client
) -> None:
    """What account 0 was paid it has moved on, with all it had."""
    out = BTC + 5
    legs = [(world.futures[0].pk, world.btc.pk, -out), (world.custody.pk, world.btc.pk, out)]
    with transaction.atomic():
        ledger.post(venue=world.venue, key="out", reason="out", effective_at=START, legs=legs)
    answer = ask(analyst, done)
    computations.run(computation_id=Computation.objects.latest("pk").pk)
    words = f"Plan {done.pk} cannot be undone: wallets would end below zero: the futures wallet of"
    assert f"{words} A00000 holds 0.00000000 BTC" in text(analyst.get(answer.url))
    assert not Plan.objects.filter(remedy="undo").exists()


def test_the_roles_that_may_ask(done: Plan) -> None:
    found = matrix(lambda client: ask(client, done, reason="").status_code)
    assert found == expected("analyst", "finance", done=422)
