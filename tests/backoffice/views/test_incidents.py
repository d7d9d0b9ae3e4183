"""The list of incidents and the overview of one, by exact values."""

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import AuditEvent, Incident, TimelineEntry
from backoffice.services import approvals, people
from backoffice.services.second_factor import Code
from tests.backoffice.services.conftest import PAID, World, close_gates, propose, tie
from tests.backoffice.views.conftest import ROLES, expected, getting, matrix, signed_in
from tests.backoffice.views.market import Market
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db


def test_the_list_shows_verdicts_gates_and_windows(market: Market, analyst: Client) -> None:
    rows = cells(analyst.get(reverse("incidents")), "incident-sheet")
    assert rows[0] == [
        "BTC0629 off the index Critical, Testex Drill", "Triage",
        "2018-03-29 21:00:02 UTC 2018-03-30 05:00:02 HKT", "Trading", "Open", "1", "0", "0", "–",
        "Mira Okafor",
    ]  # fmt: skip
    assert [row[0] for row in rows[1:]] == ["BTC0629 off the index Critical, Rehearsal Drill"]


def test_the_list_shows_closed_gates(world: World, analyst: Client) -> None:
    close_gates(world)
    (row,) = cells(analyst.get(reverse("incidents")), "incident-sheet")
    assert row[3:5] == ["Halted", "Closed"]


def test_the_list_is_filtered_by_status_and_title(world: World, analyst: Client) -> None:
    listed = {
        query: "off the index" in text(analyst.get(f"{reverse('incidents')}?{query}"))
        for query in ("status=triage", "status=closed", "q=OFF", "q=ether", "status=nonsense")
    }
    assert listed == {
        "status=triage": True, "status=closed": False, "q=OFF": True, "q=ether": False,
        "status=nonsense": True,
    }  # fmt: skip


def test_the_list_costs_the_same_however_long(
    world: World, analyst: Client, django_assert_num_queries: object
) -> None:
    for number in range(3):
        Incident.objects.create(
            **{
                field.attname: getattr(world.incident, field.attname)
                for field in Incident._meta.fields
                if field.attname not in ("id", "slug")
            },
            slug=f"copy-{number}",
        )
    with django_assert_num_queries(8):  # session, person, standing, and five of the page
        assert len(cells(analyst.get(reverse("incidents")), "incident-sheet")) == 4


def test_an_officer_is_told_first_what_waits_for_their_decision(world: World) -> None:
    plan = propose(world, PAID)  # of risk and finance, made by the analyst
    words = f"A plan waits for your decision Plan {plan.pk}: Goodwill payment"

    def told() -> list[str]:
        pages = {who: text(signed_in(who).get(reverse("incidents"))) for who in ROLES.values()}
        return [who for who, shown in pages.items() if words in shown]

    assert told() == ["risk", "finance"]
    assert "0 of 2 approvals. To be decided and executed until" in text(
        signed_in("risk").get(reverse("incidents"))
    )
    chen = world.person("chen")
    code = Code(people.demo_code(chen.email))
    approvals.decide(plan=plan, by=chen, decision="approve", proof=code, role="risk")
    assert told() == ["finance"]
    tie(world, "fay", account=0)
    assert told() == []


def test_a_swap_gets_the_rows_alone(world: World, analyst: Client) -> None:
    page = analyst.get(reverse("incidents"), headers={"HX-Request": "true"})
    assert page.content.decode().strip().startswith('<div id="incidents">')
    assert "HX-Request" in page["Vary"]


def test_a_place_that_no_page_gave_out_is_not_found(world: World, analyst: Client) -> None:
    assert analyst.get(reverse("incidents"), {"after": "1; drop"}).status_code == 404


def test_the_overview_sums_it_up(market: Market, analyst: Client) -> None:
    page = text(analyst.get(reverse("incident", args=[market.incident.slug])))
    for words in (
        "Lowest trade 6,300.25 BTC0629 Under the index 3.1 % in that second",
        "Index at that second 6,500.01",
        "Closed by force 1 positions, all contracts Contracts taken over 10",
        "Accounts on the tape 4 6 fills",
        "Due only at the printed price 0 0.0 % Not due 1 100.0 % Missed 0 0.0 %",
        "Low of BTC0629: 6,300.25 Computed from the tape · public",
        "Effective cut-off 2018-03-29 21:00:01 UTC 2018-03-30 05:00:01 HKT",
        market.record.digest,
        "21:00:00 UTC 05:00:00 HKT 6,500.01 6,500.01 0.0 % 10",
    ):
        assert words in page


def test_the_overview_marks_a_drill(market: Market, analyst: Client) -> None:
    page = analyst.get(reverse("incident", args=[market.incident.slug])).content.decode()
    assert 'class="drill"' in page


def test_the_overview_needs_no_facts(world: World, analyst: Client) -> None:
    """A tape that is not in the store and was never computed: dashes, not a failure."""
    page = analyst.get(reverse("incident", args=[world.incident.slug]))
    assert "Lowest trade – BTC0629 Under the index – in that second" in text(page)


@pytest.mark.parametrize("name", ["incident", "incident-chart", "incident-gates"])
def test_pages_of_an_incident_are_the_staffs(market: Market, name: str) -> None:
    assert matrix(getting(name, market.incident.slug)) == expected()


def test_another_address_is_not_found(world: World, analyst: Client) -> None:
    assert analyst.get(reverse("incident", args=["none"])).status_code == 404


def test_it_takes_the_status_a_step_on(world: World, analyst: Client) -> None:
    answer = analyst.post(
        reverse("incident-status", args=[world.incident.slug]), {"to": "declared"}, follow=True
    )
    assert Incident.objects.get(pk=world.incident.pk).status == "declared"
    assert "The incident is now: Declared" in text(answer)


@pytest.mark.parametrize(
    ("to", "why"),
    [("remedy", "cannot become remedy from where it is"), ("lost", "There is no such status.")],
)
def test_it_refuses_a_step_that_is_not_next(
    world: World, analyst: Client, to: str, why: str
) -> None:
    before = AuditEvent.objects.count(), TimelineEntry.objects.count()
    answer = analyst.post(
        reverse("incident-status", args=[world.incident.slug]), {"to": to}, follow=True
    )
    assert why in text(answer)
    assert Incident.objects.get(pk=world.incident.pk).status == "triage"
    assert (AuditEvent.objects.count(), TimelineEntry.objects.count()) == before


def test_the_status_is_the_analysts_and_the_risk_officers(world: World) -> None:
    def ask(client: Client) -> int:
        return client.post(
            reverse("incident-status", args=[world.incident.slug]), {"to": "nowhere"}
        ).status_code

    assert matrix(ask) == expected("analyst", "risk", done=302)
    assert Incident.objects.get(pk=world.incident.pk).status == "triage"


def test_a_status_is_not_changed_by_reading(world: World) -> None:
    url = reverse("incident-status", args=[world.incident.slug])
    assert signed_in("analyst").get(url).status_code == 405
