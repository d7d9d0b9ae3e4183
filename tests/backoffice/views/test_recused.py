"""What whoever is recused does not see: who voted, how, how many; on no page and in no filter."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import Plan
from backoffice.services import approvals, break_glass
from backoffice.services.second_factor import Code
from tests.backoffice.services.conftest import BTC, World, compare, propose, tie
from tests.backoffice.views.conftest import signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db
PAGES = ("plan", "plan-decide", "plan-break-glass", "plan-execution")


@pytest.fixture
def plan(world: World) -> Plan:
    """A plan that Ravi approved and Noor rejected, after Lena opened a break-glass."""
    plan = propose(world, [BTC // 10], remedy="socialise")
    for handle, decision in (("ravi", "approve"), ("noor", "reject")):
        if decision == "reject":
            break_glass.open_glass(
                plan=plan, by=world.person("lena"), reason="fay is on a boat",
                proof=Code(world.code("lena")),
            )  # fmt: skip
        approvals.decide(
            plan=plan, by=world.person(handle), decision=decision,
            reason="not at this price" if decision == "reject" else "",
            proof=Code(world.code(handle)),
        )  # fmt: skip
    return plan


@pytest.fixture
def recused(world: World) -> Client:
    """Chen, whose sibling would lose in a remedy that was only compared."""
    tie(world, "chen")
    compare(world, {3: -5})
    return signed_in("chen")


@pytest.mark.parametrize("name", PAGES)
def test_no_page_of_the_plan_tells_the_votes(plan: Plan, recused: Client, name: str) -> None:
    at = reverse(name, args=[plan.pk])
    shown, others = text(recused.get(at)), text(signed_in("fay").get(at))
    for vote in ("Ravi Menon", "Noor Haddad", "Lena Brandt", "not at this price", "boat", "/ 1 "):
        assert vote not in shown
    assert recused.get(at).status_code == 200
    if name != "plan-execution":
        assert "Recused" in shown
        assert "/ 1 " in others
    if name == "plan":
        assert "Ravi Menon" in others
        assert "not at this price" in others


def test_no_list_counts_them(world: World, recused: Client) -> None:
    plan = propose(world, [BTC])
    approvals.decide(
        plan=plan, by=world.person("ravi"), decision="approve", proof=Code(world.code("ravi"))
    )
    (waiting,) = cells(recused.get(reverse("approvals")), "waiting")
    (listed,) = cells(recused.get(reverse("incident-plans", args=[world.incident.slug])), "plans")
    assert (waiting[3], listed[2]) == ("Recused", "Recused")
    (waiting,) = cells(signed_in("fay").get(reverse("approvals")), "waiting")
    assert waiting[3] == "1 / 2"


def test_the_audit_chain_keeps_them_back(plan: Plan, recused: Client) -> None:
    subject = f"plan:{plan.pk}"
    rows = cells(recused.get(reverse("audit")), "event-sheet")
    kept = [row for row in rows if row[2] == "About a plan of an incident you are recused from."]
    told = cells(signed_in("fay").get(reverse("audit"), {"subject": subject}), "event-sheet")
    assert {row[3] for row in told} == {
        "plan.proposed", "plan.approve", "plan.reject", "break_glass.opened",
    }  # fmt: skip
    assert len(kept) == len(told)
    assert not {"plan.approve", "plan.reject", "break_glass.opened"} & {
        row[3] for row in rows if len(row) > 4
    }
    for query in ({"subject": subject}, {"action": "plan.approve"}, {"action": "break_glass"}):
        assert "No event matches" in text(recused.get(reverse("audit"), query))


def test_events_of_other_incidents_are_shown(plan: Plan, world: World) -> None:
    rows = cells(signed_in("chen").get(reverse("audit"), {"action": "plan.approve"}), "event-sheet")
    assert [row[2] for row in rows] == ["Ravi Menon"]
