"""A sender killed at any step of handing a message over: no message goes twice, at most the one in
its hands is left for a person, and the next sender sends the rest."""

import re
from collections import Counter

import pytest
from django.utils import timezone

from backoffice.celery import app
from backoffice.models import Campaign, Message, Plan
from backoffice.services import campaigns, care, plans, sending
from exchange.models import Account, Customer
from tests.backoffice.services import remedy
from tests.backoffice.services.conftest import World, execute, ledger_account, make_world, payment
from tests.chaos.cutting import crash
from tests.desk import WAIT_SECONDS_MAX, Desk, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.usefixtures("default_queue")]

CUSTOMERS = 40
BOUNCES = 3
FRESH = "fresh-sender"


def crowd(world: World) -> None:
    """More customers, some of whose addresses the mail server refuses for good."""
    for n in range(4, CUSTOMERS):
        domain = "bounce.example" if n < 4 + BOUNCES else "customers.example"
        customer = Customer.objects.create(
            venue=world.venue, code=f"C{n}", name=f"Customer {n}", email=f"c{n}@{domain}"
        )
        account = Account.objects.create(
            venue=world.venue, customer=customer, code=f"A{n:05d}", tape_index=n
        )
        ledger_account(world.venue, world.btc, "futures", account=account)


def paid(world: World, units: int) -> Plan:
    """An executed plan that paid everyone."""
    everyone = payment([units] * CUSTOMERS)
    return execute(world, remedy.approved(world, everyone, remedy="goodwill"))


@pytest.fixture(scope="module")
def world(desk: Desk) -> World:
    made = make_world()
    crowd(made)
    desk.mail_server()
    desk.worker(FRESH)
    return made


def arrived(desk: Desk, campaign: Campaign) -> Counter[str]:
    """How often each message of the campaign lies in the catcher's folder."""
    found: Counter[str] = Counter()
    for file in desk.mail():
        match = re.search(rb"^Message-ID:\s*(<[^>]+>)", file.read_bytes(), re.MULTILINE)
        if match and match[1].decode().startswith(f"<{campaign.key}."):
            found[match[1].decode()] += 1
    return found


@pytest.mark.parametrize(("step", "delivered"), [("message.claimed", 0), ("message.accepted", 1)])
def test_no_message_goes_twice(desk: Desk, world: World, step: str, delivered: int) -> None:
    plan = paid(world, 1000 + delivered)
    lane = care.place(customer=world.customers[2], by=world.person("sana"), reason="asked to")
    campaign = campaigns.freeze(plan=plan, kind="adjustment", by=world.person("sana"))
    assert (campaign.audience, campaign.held_back) == (CUSTOMERS - 1, 1)
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    queue = f"doomed-{step}"
    app.conf.task_default_queue = queue
    campaigns.start(campaign=campaign, by=world.person("sana"))
    doomed = desk.worker(queue, die_at=step)
    assert doomed.wait(WAIT_SECONDS_MAX) == -9, desk.log(f"worker-{queue}")
    assert sum(arrived(desk, campaign).values()) == delivered
    assert Message.objects.filter(campaign=campaign, state="sending").count() == 1

    app.conf.task_default_queue = FRESH
    assert sending.sweep() == sending.SHARDS
    wait_until(
        lambda: Campaign.objects.get(pk=campaign.pk).state == Campaign.State.SENT,
        f"the campaign is sent: {desk.log('worker-' + FRESH)}",
    )
    states = Counter(campaign.messages.values_list("state", flat=True))
    assert states == {"held": 1, "failed": BOUNCES, "sent": CUSTOMERS - 2 - BOUNCES}
    mail = arrived(desk, campaign)
    assert set(mail.values()) == {1}
    assert mail.total() == states["sent"] + delivered
    held = campaign.messages.get(state="held")
    assert (held.error, held.attempts) == (sending.IN_DOUBT, 1)
    assert (sending.message_id(campaign, held.pk) in mail) == bool(delivered)
    failed = campaign.messages.filter(state="failed").values_list("email", "error")
    assert all(address.endswith("@bounce.example") and "550" in why for address, why in failed)
    assert not campaign.messages.filter(customer=world.customers[2]).exists()
    care.release(hold=lane, by=world.person("sana"))


def test_two_senders_do_not_share_a_message(desk: Desk, world: World) -> None:
    plan = paid(world, 77)
    campaign = campaigns.freeze(plan=plan, kind="adjustment", by=world.person("sana"))
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    desk.worker(FRESH)
    app.conf.task_default_queue = FRESH
    campaigns.start(campaign=campaign, by=world.person("sana"))
    for _ in range(5):
        sending.sweep()
    wait_until(
        lambda: Campaign.objects.get(pk=campaign.pk).state == Campaign.State.SENT, "it is sent"
    )
    mail = arrived(desk, campaign)
    assert (len(mail), mail.total()) == (CUSTOMERS - BOUNCES, CUSTOMERS - BOUNCES)
    assert plans.sweep() == 0


def test_a_crash_of_the_database_leaves_a_claimed_chunk_to_a_person(
    desk: Desk, world: World
) -> None:
    """Commits of the last moment may be lost with the server, so what was claimed before it
    started anew may have left; what was not claimed has not."""
    plan = paid(world, 5)
    campaign = campaigns.freeze(plan=plan, kind="goodwill", by=world.person("sana"))
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    app.conf.task_default_queue = "nobody"
    campaigns.start(campaign=campaign, by=world.person("sana"))
    claimed = list(campaign.messages.order_by("pk").values_list("pk", flat=True)[:7])
    Message.objects.filter(pk__in=claimed).update(claimed_at=timezone.now())
    crash()
    sent = sum(
        sending.send_shard(campaign_id=campaign.pk, shard=shard) for shard in range(sending.SHARDS)
    )
    held = campaign.messages.filter(state="held").order_by("pk")
    assert list(held.values_list("pk", flat=True)) == claimed
    assert set(held.values_list("error", flat=True)) == {sending.IN_DOUBT}
    assert sent == campaign.messages.filter(state="sent").count()
    assert sent == CUSTOMERS - len(claimed) - campaign.messages.filter(state="failed").count()
