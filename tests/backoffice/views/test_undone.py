"""What was undone says so wherever it is read: to its customer, at the desk, in public."""

import json

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.models import Award, Campaign, Plan, Programme
from backoffice.services import campaigns, findings, notices, plans, sending, undo
from tests.backoffice.services.conftest import BTC, World, close_gates, compute, execute, executed
from tests.backoffice.views.conftest import signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(world: World) -> Campaign:
    """Goodwill of 0.1 BTC that was paid, and whose letters were sent."""
    plan = execute(world, compute(world, [BTC // 10]))
    programme = Programme.objects.create(
        incident=world.incident, name="Goodwill", asset=world.incident.contract.settle,
        percent_bp=1000, cap=BTC, de_minimis=1, budget=BTC, maker=world.person("fay"),
    )  # fmt: skip
    Award.objects.create(programme=programme, account=world.accounts[0], loss=BTC, amount=BTC // 10)
    programme.plan = plan
    programme.save(update_fields=["plan"])
    campaign = campaigns.freeze(plan=plan, kind="goodwill", by=world.person("sana"))
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    campaigns.start(campaign=campaign, by=world.person("sana"))
    for shard in range(sending.SHARDS):
        sending.send_shard(campaign_id=campaign.pk, shard=shard)
    return campaign


@pytest.fixture
def undone(world: World, told: Campaign) -> Plan:
    plan = undo.compute_undo(plan=told.plan, by=world.person("mira"), reason="The share was wrong.")
    close_gates(world)
    return executed(world, plan)


def test_the_statement_says_what_was_taken_back(told: Campaign, undone: Plan) -> None:
    page = signed_in("customer").get(reverse("portal"))
    back, paid = page.context["changes"]
    assert (back.effect.plan_id, paid.undone_by) == (undone.pk, undone)
    shown = text(page)
    assert "What was taken back Goodwill payment" in shown
    assert shown.count("was posted the other way round, so it no longer counts.") == 1
    ((programme, *_),) = cells(page, "goodwill")
    assert programme.startswith("Goodwill Taken back ")
    assert "Taken back since" in shown
    assert "We paid this to your futures wallet as an apology." in shown
    assert "yours" not in shown


def test_a_letter_says_that_it_no_longer_holds(told: Campaign, undone: Plan) -> None:
    letter = told.messages.get()
    shown = text(signed_in("customer").get(reverse("portal-letter", args=[letter.pk])))
    assert "What this message tells you was posted the other way round" in shown


def test_the_list_of_plans_says_which_was_undone(
    world: World, told: Campaign, undone: Plan
) -> None:
    page = signed_in("analyst").get(reverse("incident-plans", args=[world.incident.slug]))
    assert [row[1] for row in cells(page, "plans")] == ["Reconciled", "Reconciled Undone"]


def test_nothing_says_so_before(told: Campaign) -> None:
    customer = signed_in("customer")
    for address in (reverse("portal"), reverse("portal-letter", args=[told.messages.get().pk])):
        assert "aken back" not in text(customer.get(address))


def test_the_desk_sees_it_on_every_page_of_it(
    world: World, told: Campaign, undone: Plan, analyst: Client
) -> None:
    posted = f"Plan {undone.pk} posted the opposite of plan {told.plan_id}."
    for address in (
        reverse("campaign", args=[told.pk]),
        reverse("message", args=[told.messages.get().pk]),
        reverse("programme", args=[told.plan.programme.pk]),
    ):
        assert posted in text(analyst.get(address))
    page = analyst.get(reverse("account", args=[world.accounts[0].pk]))
    assert [row[1] for row in cells(page, "effects")] == ["Reconciled", "Reconciled Undone"]
    assert [row[1] for row in cells(page, "awards")] == ["Reconciled Undone"]
    page = analyst.get(reverse("incident-goodwill", args=[world.incident.slug]))
    assert [row[6] for row in cells(page, "programmes")] == [f"{told.plan_id} Reconciled Undone"]


def test_a_remedy_that_was_undone_is_a_step_again(
    world: World, told: Campaign, analyst: Client, request: pytest.FixtureRequest
) -> None:
    at = reverse("incident", args=[world.incident.slug])
    assert "Done Compute a remedy" in text(analyst.get(at))
    request.getfixturevalue("undone")
    shown = text(analyst.get(at))
    assert "Done Compute a remedy" not in shown
    assert "Done Write to every customer it touched" not in shown


def test_goodwill_does_not_stand_in_for_a_remedy_that_was_undone(
    world: World, told: Campaign, analyst: Client
) -> None:
    at = reverse("incident", args=[world.incident.slug])
    close_gates(world)
    remedy = executed(world, compute(world, [5], remedy="bust"))
    assert "Done Execute and reconcile" in text(analyst.get(at))
    made = undo.compute_undo(plan=remedy, by=world.person("mira"), reason="The band was wrong.")
    executed(world, made)
    assert "Done Compute a remedy" not in text(analyst.get(at))


def test_a_plan_that_came_to_nothing_is_no_remedy(world: World, analyst: Client) -> None:
    at = reverse("incident", args=[world.incident.slug])
    plan = compute(world, [5], remedy="bust")
    assert "Done Compute a remedy" in text(analyst.get(at))
    plans.withdraw(plan=plan, by=world.person("mira"), reason="Another band.")
    assert "Done Compute a remedy" not in text(analyst.get(at))


def test_customers_are_told_of_an_undo(world: World, told: Campaign, undone: Plan) -> None:
    support = signed_in("support")
    at = reverse("campaign-prepare", args=[world.incident.slug])
    answer = support.post(at, {"plan": undone.pk})
    made = Campaign.objects.get(plan=undone)
    assert (answer.url, made.kind) == (reverse("campaign", args=[made.pk]), "adjustment")
    assert "an earlier change was taken back" in text(support.get(answer.url))


SINCE = "Undone since: what it tells was posted the other way round and no longer counts."


def publish(world: World, slug: str, english: str, chinese: str) -> None:
    notices.publish(
        incident=world.incident, slug=slug, by=world.person("sana"),
        texts={"en": (f"About {slug}", english), "zh-hans": (f"About {slug}", chinese)},
    )  # fmt: skip


@pytest.fixture
def announced(world: World, told: Campaign) -> None:
    """Three notices: of the plan, of what it pays, and of neither."""
    findings.of_plan(plan=told.plan)
    findings.of_programme(programme=told.plan.programme)
    publish(world, "plan", "Its digest is {{ plan_digest }}.", "{{ plan_digest }}")
    publish(world, "goodwill", "We paid {{ goodwill_total }}.", "{{ goodwill_total }}")
    publish(world, "trading", "Trading is closed.", "交易已暂停")


def public_marks(world: World) -> dict[str, tuple[int, bool]]:
    """How often the marks stand on each public page, and whether the notices' JSON has one."""
    client, slug = Client(), world.incident.slug
    addresses = {
        "now": reverse("notice", args=[slug]),
        "list": reverse("public"),
        "feed": reverse("notices-feed"),
        **{of: reverse("notice-version", args=[slug, of, 1]) for of in ("plan", "trading")},
    }
    found = {name: client.get(at).content.decode().count(SINCE) for name, at in addresses.items()}
    body = json.loads(client.get(reverse("notice-json", args=[slug])).content)
    marked = {row["notice"]: row["undone_at"] is not None for row in body["notices"]}
    return {**found, "json": marked}


def test_the_public_reads_beside_a_notice_that_it_was_undone(
    world: World, announced: None, request: pytest.FixtureRequest
) -> None:
    none = dict.fromkeys(("plan", "goodwill", "trading"), False)
    assert public_marks(world) == {
        "now": 0, "list": 0, "feed": 0, "plan": 0, "trading": 0, "json": none,
    }  # fmt: skip
    request.getfixturevalue("undone")
    assert public_marks(world) == {
        "now": 2, "list": 0, "feed": 2, "plan": 1, "trading": 0,
        "json": none | {"plan": True, "goodwill": True},
    }  # fmt: skip
    at = reverse("notice-version", args=[world.incident.slug, "plan", 1])
    assert "此后已撤销" in text(Client().get(at, headers={"accept-language": "zh-hans"}))


def test_telling_of_the_undo_is_a_step(
    world: World, announced: None, undone: Plan, analyst: Client
) -> None:
    """A version that is published later is not marked, though it cites the same facts."""
    at = reverse("incident", args=[world.incident.slug])
    assert "Done Tell the public what is known" not in text(analyst.get(at))
    page = analyst.get(reverse("desk-notice-version", args=[world.incident.slug, "plan", 1]))
    assert f"Plan {undone.pk} posted the opposite of plan {undone.batch.reverses.plan.pk}." in text(
        page
    )
    for slug in ("plan", "goodwill"):
        publish(world, slug, "We took {{ plan_digest }} back.", "{{ plan_digest }}")
    assert "Done Tell the public what is known" in text(analyst.get(at))
    assert SINCE not in text(Client().get(reverse("notice", args=[world.incident.slug])))
    titles = [row[0] for row in cells(analyst.get(f"{at}notices/"), "versions")]
    assert titles == [
        "About goodwill", "About plan", "About trading", "About goodwill Undone",
        "About plan Undone",
    ]  # fmt: skip
