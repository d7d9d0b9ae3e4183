"""The audit chain in the desk: newest first, filtered, checked, the care lane withheld."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent
from backoffice.services import care
from exchange.queries import keyset
from tests.backoffice.services.conftest import BTC, World, compute, without_triggers
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db


def test_the_pages_are_for_staff(world: World) -> None:
    assert matrix(getting("audit")) == expected()
    assert matrix(getting("audit-check")) == expected()


def test_events_are_listed_newest_first(world: World, analyst: Client) -> None:
    care.place(customer=world.customers[0], by=world.person("sana"), reason="x")
    rows = cells(analyst.get(reverse("audit")), "event-sheet")
    numbers = [int(row[0].replace(",", "")) for row in rows]
    assert numbers == sorted(numbers, reverse=True)
    assert len(numbers) == AuditEvent.objects.count()
    opened = next(row for row in rows if len(row) > 3 and row[3] == "incident.opened")
    assert opened[2] == "Mira Okafor"
    assert opened[4] == f"incident:{world.incident.pk}"
    assert "tape" in opened[5]


def test_the_care_lane_is_withheld(world: World) -> None:
    hold = care.place(customer=world.customers[0], by=world.person("sana"), reason="x")
    subject = f"customer:{hold.customer_id}"
    for who in ("analyst", "risk", "finance"):
        client = signed_in(who)
        newest = cells(client.get(reverse("audit")), "event-sheet")[0]
        assert newest[2] == "Only those who care for people see what this was."
        assert "No event matches" in text(client.get(reverse("audit"), {"subject": subject}))
        assert "No event matches" in text(client.get(reverse("audit"), {"action": "care"}))
    for who in ("support", "legal"):
        found = cells(signed_in(who).get(reverse("audit"), {"subject": subject}), "event-sheet")
        assert [row[3] for row in found] == ["care.placed"]


def test_events_are_filtered_by_subject_and_action(world: World, analyst: Client) -> None:
    plan = compute(world, [BTC])
    client = signed_in("analyst")
    client.post(reverse("plan-propose", args=[plan.pk]), {"hours": 4})
    for query in ({"subject": f"plan:{plan.pk}"}, {"action": "plan.pro"}):
        (row,) = cells(analyst.get(reverse("audit"), query), "event-sheet")
        assert row[3:5] == ["plan.proposed", f"plan:{plan.pk}"]


def test_pages_follow_each_other(
    world: World, analyst: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "LIMIT", 3)
    found, after = [], ""
    for _ in range(10):
        page = analyst.get(reverse("audit"), {"after": after})
        found += [int(row[0]) for row in cells(page, "event-sheet")]
        after = page.context["page"].after
        if not after:
            break
    assert found == list(AuditEvent.objects.order_by("-number").values_list("number", flat=True))
    assert analyst.get(reverse("audit"), {"after": "x"}).status_code == 404


def test_the_chain_is_checked_to_its_end(world: World, analyst: Client) -> None:
    page = analyst.get(reverse("audit"))
    assert "Not checked to its end" in text(page)
    assert f'hx-get="{reverse("audit-check")}"' in page.content.decode()
    part = analyst.get(reverse("audit-check"), headers={"HX-Request": "true"})
    assert "Chain verified" in text(part)
    assert 'hx-trigger="load"' not in part.content.decode(), "asking has an end"
    assert "Chain verified" in text(analyst.get(reverse("audit")))
    care.place(customer=world.customers[0], by=world.person("sana"), reason="x")
    assert "Not checked to its end" in text(analyst.get(reverse("audit")))


def test_a_changed_event_shows(world: World, analyst: Client) -> None:
    without_triggers("audit_event", "UPDATE audit_event SET action = 'nothing' WHERE number = 2")
    shown = text(analyst.get(reverse("audit-check")))
    assert "Broken" in shown
    assert "Event 2: the content changed" in shown


def test_a_page_costs_the_same_however_long(
    world: World, analyst: Client, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(6):  # session, person, standing, recusals, events, head
        analyst.get(reverse("audit"))
