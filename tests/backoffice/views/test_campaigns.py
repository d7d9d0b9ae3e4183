"""Campaigns in the desk: prepared, looked at, approved by a second person, sent, followed."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from backoffice.models import AuditEvent, Campaign, Message, Plan
from backoffice.services import campaigns, care, executions, sending
from exchange.models import Customer
from tests.backoffice.services.conftest import PAID, World, approve_all, propose
from tests.backoffice.views.conftest import expected, getting, matrix, signed_in
from tests.backoffice.views.reading import cells, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid(world: World) -> Plan:
    """An executed plan that pays 0.1, 0.2 and 0.3 BTC."""
    plan = propose(world, PAID)
    approve_all(plan)
    executions.request_execution(plan=plan, by=world.person("mira"))
    executions.execute(plan_id=plan.pk)
    return Plan.objects.get(pk=plan.pk)


@pytest.fixture
def campaign(world: World, paid: Plan) -> Campaign:
    return campaigns.freeze(plan=paid, kind="goodwill", by=world.person("sana"))


def traces() -> tuple[object, ...]:
    return (
        list(Campaign.objects.values_list("pk", "state", "approver")),
        list(Message.objects.order_by("pk").values_list("pk", "state")),
        AuditEvent.objects.count(),
    )


def test_an_executed_plan_waits_to_be_told(world: World, paid: Plan) -> None:
    support = signed_in("support")
    at = reverse("incident-messages", args=[world.incident.slug])
    assert f"Plan {paid.pk}: Goodwill payment, 3 accounts" in text(support.get(at))
    answer = support.post(
        reverse("campaign-prepare", args=[world.incident.slug]), {"plan": paid.pk}
    )
    made = Campaign.objects.get()
    assert answer.url == reverse("campaign", args=[made.pk])
    assert (made.kind, made.audience, made.held_back) == ("goodwill", 3, 0)
    (row,) = cells(support.get(at), "campaigns")
    assert row[:6] == [
        f"{made.pk}: Goodwill payment", "Draft", str(paid.pk), "3", "0", "Sana Lindqvist"
    ]  # fmt: skip


def test_preparing_is_refused(world: World, paid: Plan, campaign: Campaign) -> None:
    at = reverse("campaign-prepare", args=[world.incident.slug])
    before = traces()
    page = signed_in("support").post(at, {"plan": paid.pk}, follow=True)
    assert "This campaign exists already." in text(page)
    assert signed_in("support").post(at, {"plan": "x"}).status_code == 404
    assert matrix(lambda client: client.post(at, {"plan": 0}).status_code) == (
        expected("analyst", "support", done=404)
    )
    assert traces() == before


def test_the_pages_are_for_staff(world: World, campaign: Campaign) -> None:
    assert matrix(getting("incident-messages", world.incident.slug)) == expected()
    assert matrix(getting("campaign", campaign.pk)) == expected()
    assert matrix(getting("campaign-messages", campaign.pk)) == expected()
    assert matrix(getting("message", campaign.messages.first().pk)) == expected()


def test_it_shows_the_letters_at_the_extremes(analyst: Client, campaign: Campaign) -> None:
    shown = text(analyst.get(reverse("campaign", args=[campaign.pk])))
    assert "The largest gain A goodwill payment to your account A00002" in shown
    assert "Goodwill paid, BTC: +0.30000000 BTC" in shown
    assert "Simplified Chinese 您的账户 A00001 收到一笔补偿" in shown
    assert "The largest loss" not in shown


def test_a_second_person_approves_by_typing_the_count(analyst: Client, campaign: Campaign) -> None:
    at = reverse("campaign", args=[campaign.pk])
    assert "To confirm, type 3" in text(analyst.get(at))
    assert "A second person approves it" in text(signed_in("support").get(at))
    analyst.post(reverse("campaign-approve", args=[campaign.pk]), {"typed": "3"})
    campaign.refresh_from_db()
    assert (campaign.state, campaign.approver.display_name) == ("approved", "Mira Okafor")


def test_approving_is_refused(world: World, analyst: Client, campaign: Campaign) -> None:
    at = reverse("campaign-approve", args=[campaign.pk])
    before = traces()
    answer = analyst.post(at, {"typed": "4"})
    assert answer.status_code == 422
    assert "That is not the count. Nothing was done." in text(answer)
    assert signed_in("support").post(at, {"typed": "3"}).status_code == 403
    assert traces() == before
    made_by_analyst = world.person("sana").roles.create(name="risk")
    answer = signed_in("sana").post(at, {"typed": "3"})
    assert (answer.status_code, "not its maker" in text(answer)) == (403, True)
    made_by_analyst.delete()
    assert traces() == before


def test_it_is_sent_paused_and_gone_on_with(analyst: Client, campaign: Campaign) -> None:
    def post(verb: str) -> int:
        at = reverse(f"campaign-{verb}", args=[campaign.pk])
        return analyst.post(at, {"typed": "3"}).status_code

    def state() -> str:
        return Campaign.objects.get().state

    assert post("start") == 409, "nobody approved it"
    assert (post("approve"), post("start"), state()) == (302, 302, "sending")
    page = analyst.get(reverse("campaign", args=[campaign.pk]))
    assert "0 sent, 3 to go" in text(page)
    assert "load delay:1s" in page.content.decode()
    assert (post("pause"), state()) == (302, "paused")
    page = analyst.get(reverse("campaign", args=[campaign.pk]))
    assert "load delay" not in page.content.decode(), "polling has an end"
    assert (post("start"), state()) == (302, "sending")


def test_why_a_message_is_held_is_not_for_everyone(
    world: World, analyst: Client, campaign: Campaign
) -> None:
    message = campaign.messages.order_by("pk").first()
    care.place(customer=message.customer, by=world.person("sana"), reason="wrote to us")
    Message.objects.filter(pk=message.pk).update(
        state="held", error="A hold was placed on this customer."
    )
    for name, pk in (("campaign-messages", campaign.pk), ("message", message.pk)):
        seen = {
            who: "A hold was placed" in text(signed_in(who).get(reverse(name, args=[pk])))
            for who in ("analyst", "support", "risk", "finance", "legal")
        }
        assert seen == {
            "analyst": False, "support": True, "risk": False, "finance": False, "legal": True
        }  # fmt: skip
    assert "In the care lane" not in text(analyst.get(reverse("message", args=[message.pk])))


def test_a_held_message_is_queued_again_for_a_reason(analyst: Client, campaign: Campaign) -> None:
    message = campaign.messages.order_by("pk").first()
    at = reverse("message-requeue", args=[message.pk])
    before = traces()
    assert analyst.post(at, {"reason": "it bounced"}).status_code == 409, "it is not held"
    assert traces() == before
    Message.objects.filter(pk=message.pk).update(state="held", error="in doubt")
    before = traces()
    assert analyst.post(at, {"reason": " "}).status_code == 422
    assert signed_in("risk").post(at, {"reason": "x"}).status_code == 403
    assert traces() == before
    analyst.post(at, {"reason": "the server has no trace of it"})
    assert Message.objects.get(pk=message.pk).state == "queued"


def test_messages_are_listed_by_state_with_masked_addresses(
    analyst: Client, campaign: Campaign
) -> None:
    at = reverse("campaign-messages", args=[campaign.pk])
    rows = cells(analyst.get(at), "message-sheet")
    assert [row[1:5] for row in rows] == [
        ["Queued", "A00000", "c•••@c•••.example", "en"],
        ["Queued", "A00001", "c•••@c•••.example", "zh-hans"],
        ["Queued", "A00002", "c•••@c•••.example", "en"],
    ]
    assert "No message matches" in text(analyst.get(at, {"state": "sent"}))


def test_a_message_is_shown_as_it_is_sent(analyst: Client, campaign: Campaign) -> None:
    message = campaign.messages.get(account__code="A00001")
    page = text(analyst.get(reverse("message", args=[message.pk])))
    assert "尊敬的 Customer 1：" in page
    assert "+0.20000000 BTC" in page
    assert "c1@customers.example" not in page


def send(world: World, campaign: Campaign) -> None:
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    campaigns.start(campaign=campaign, by=world.person("sana"))
    for shard in range(sending.SHARDS):
        sending.send_shard(campaign_id=campaign.pk, shard=shard)


def test_a_sent_message_is_shown_as_it_was_sent(
    world: World, analyst: Client, campaign: Campaign
) -> None:
    message = campaign.messages.get(account__code="A00000")
    at = reverse("message", args=[message.pk])
    assert "as it would arrive" in text(analyst.get(at))
    send(world, campaign)
    Customer.objects.filter(pk=message.customer_id).update(name="Someone Else")
    for page, how in (
        (analyst.get(at), "as it was handed over"),
        (signed_in("customer").get(reverse("portal-letter", args=[message.pk])), "As it was sent"),
    ):
        assert how in text(page)
        assert "Dear Customer 0," in text(page)
        assert "Someone Else" not in page.content.decode()


def test_what_is_sent_is_not_paused(world: World, analyst: Client, campaign: Campaign) -> None:
    """The page that follows the sending takes the button away at its end."""
    at = reverse("campaign", args=[campaign.pk])
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    campaigns.start(campaign=campaign, by=world.person("sana"))
    gone = '<div id="campaign-pause" hidden hx-swap-oob="true"></div>'
    assert '<form id="campaign-pause"' in analyst.get(at).content.decode()
    assert gone not in analyst.get(at, headers={"HX-Request": "true"}).content.decode()
    for shard in range(sending.SHARDS):
        sending.send_shard(campaign_id=campaign.pk, shard=shard)
    assert '<form id="campaign-pause"' not in analyst.get(at).content.decode()
    assert gone in analyst.get(at, headers={"HX-Request": "true"}).content.decode()


def test_a_message_whose_words_were_not_kept_says_so(
    world: World, analyst: Client, campaign: Campaign
) -> None:
    """One that left before the desk kept them."""
    message = campaign.messages.get(account__code="A00000")
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    campaigns.start(campaign=campaign, by=world.person("sana"))
    for state in ("sending", "sent"):
        Message.objects.filter(pk=message.pk).update(
            state=state, attempts=1, sent_at=timezone.now()
        )
    desk = text(analyst.get(reverse("message", args=[message.pk])))
    assert "in today's words: those handed over were not kept" in desk
    customer = text(signed_in("customer").get(reverse("portal-letter", args=[message.pk])))
    assert "Its words were not kept" in customer
    assert "As we would write it today" in customer
    assert "As it was sent" not in customer


def test_a_poll_is_cheap(
    analyst: Client, campaign: Campaign, django_assert_num_queries: object
) -> None:
    with django_assert_num_queries(5):  # session, person, standing, campaign, states
        analyst.get(reverse("campaign", args=[campaign.pk]), headers={"HX-Request": "true"})


def test_the_pages_cost_the_same_however_many(
    world: World, analyst: Client, campaign: Campaign, django_assert_max_num_queries: object
) -> None:
    for most, name, key in (
        (8, "incident-messages", world.incident.slug),
        (10, "campaign", campaign.pk),
        (7, "campaign-messages", campaign.pk),
    ):
        with django_assert_max_num_queries(most):
            analyst.get(reverse(name, args=[key]))
