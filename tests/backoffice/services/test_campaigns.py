"""Messages: who gets one, what it says, that a second person let it go, that none goes twice."""

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from backoffice.models import Campaign, CareHold, KeptLetter, Message, Plan
from backoffice.queries import campaigns as queries
from backoffice.services import campaigns, care, sending
from backoffice.services.refusals import NotAllowed, Refused, Stale
from tests.backoffice.services.conftest import BTC, World, compute, execute, run_sql


@pytest.fixture
def done(world: World) -> Plan:
    return execute(world, compute(world, [BTC // 10, BTC // 5, 12_345_678]))


def freeze(world: World, plan: Plan, kind: str = "adjustment") -> Campaign:
    return campaigns.freeze(plan=plan, kind=kind, by=world.person("sana"))


def send(world: World, campaign: Campaign) -> int:
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    campaigns.start(campaign=campaign, by=world.person("sana"))
    return sum(
        sending.send_shard(campaign_id=campaign.pk, shard=shard) for shard in range(sending.SHARDS)
    )


def hold(world: World, number: int) -> CareHold:
    return care.place(
        customer=world.customers[number], by=world.person("sana"), reason="said so on the telephone"
    )


def test_everyone_affected_gets_one_message(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    assert (campaign.audience, campaign.held_back) == (3, 0)
    assert send(world, campaign) == 3
    assert queries.states(campaign) == {
        "queued": 0, "sending": 0, "sent": 3, "failed": 0, "held": 0,
    }  # fmt: skip
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SENT
    assert sorted(message.to[0] for message in mail.outbox) == [
        "c0@customers.example", "c1@customers.example", "c2@customers.example",
    ]  # fmt: skip


def test_a_message_says_the_ledgers_numbers(world: World, done: Plan) -> None:
    send(world, freeze(world, done))
    english = next(m for m in mail.outbox if m.to == ["c2@customers.example"])
    assert english.subject == "Your futures account A00002: a goodwill payment"
    assert "Dear Customer 2," in english.body
    assert "  Futures wallet before, BTC: 3.00000000 BTC\n" in english.body
    assert "  Paid to you: +0.12345678 BTC\n" in english.body
    assert "  Change of your futures wallet: +0.12345678 BTC\n" in english.body
    assert "  Futures wallet after, BTC: 3.12345678 BTC\n" in english.body
    chinese = next(m for m in mail.outbox if m.to == ["c1@customers.example"])
    assert "尊敬的 Customer 1：" in chinese.body
    assert "  合约钱包，调整后（BTC）: 2.20000000 BTC\n" in chinese.body
    (html, kind), *_ = english.alternatives
    assert (kind, "3.12345678 BTC" in html) == ("text/html", True)


def test_a_goodwill_letter_says_what_was_paid(world: World, done: Plan) -> None:
    send(world, freeze(world, done, "goodwill"))
    english = next(m for m in mail.outbox if m.to == ["c0@customers.example"])
    assert "  Goodwill paid, BTC: +0.10000000 BTC\n" in english.body
    assert "  Futures wallet after, BTC: 1.10000000 BTC\n" in english.body


def test_a_message_has_one_identity(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    send(world, campaign)
    sent = sorted(message.extra_headers["Message-ID"] for message in mail.outbox)
    rows = Message.objects.filter(campaign=campaign).values_list("pk", flat=True)
    assert sent == sorted(sending.message_id(campaign, pk) for pk in rows)


def test_sending_again_sends_nothing(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    send(world, campaign)
    for shard in range(sending.SHARDS):
        assert sending.send_shard(campaign_id=campaign.pk, shard=shard) == 0
    assert len(mail.outbox) == 3
    with pytest.raises(Stale):
        campaigns.start(campaign=campaign, by=world.person("sana"))


def test_the_care_lane_is_in_no_audience(world: World, done: Plan) -> None:
    hold(world, 1)
    campaign = freeze(world, done)
    assert (campaign.audience, campaign.held_back) == (2, 1)
    send(world, campaign)
    assert "c1@customers.example" not in [message.to[0] for message in mail.outbox]


def test_a_hold_placed_later_stops_the_message(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    hold(world, 1)
    assert send(world, campaign) == 2
    held = Message.objects.get(campaign=campaign, customer=world.customers[1])
    assert (held.state, held.error, held.attempts) == ("held", sending.CARE_LANE, 0)
    assert "c1@customers.example" not in [message.to[0] for message in mail.outbox]


def test_a_released_hold_lets_a_person_send(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    lane = hold(world, 1)
    send(world, campaign)
    message = Message.objects.get(campaign=campaign, customer=world.customers[1])
    with pytest.raises(Refused, match="care lane"):
        campaigns.requeue(message=message, by=world.person("sana"), reason="asked for it")
    care.release(hold=lane, by=world.person("sana"))
    campaigns.requeue(message=message, by=world.person("sana"), reason="asked for it")
    campaign.refresh_from_db()
    assert (message.state, campaign.state, campaign.finished_at) == ("queued", "sending", None)
    shard = message.pk % sending.SHARDS
    assert sending.send_shard(campaign_id=campaign.pk, shard=shard) == 1
    assert mail.outbox[-1].to == ["c1@customers.example"]
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.SENT


def test_a_letter_is_kept_as_it_left(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    send(world, campaign)
    kept = {
        row.message.email: (row.attempt, row.subject, row.text)
        for row in KeptLetter.objects.select_related("message")
    }
    assert kept == {sent.to[0]: (1, sent.subject, sent.body) for sent in mail.outbox}
    assert len(kept) == campaign.audience


@pytest.mark.parametrize(
    "statement", ["UPDATE kept_letter SET text = ''", "DELETE FROM kept_letter",
                  "TRUNCATE kept_letter"],
)  # fmt: skip
def test_a_kept_letter_stays(world: World, done: Plan, statement: str) -> None:
    send(world, freeze(world, done))
    before = list(KeptLetter.objects.values())
    with pytest.raises(IntegrityError, match="kept_letter"):
        run_sql(statement)
    assert list(KeptLetter.objects.values()) == before


def test_what_is_in_doubt_is_held_for_a_person(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    campaigns.start(campaign=campaign, by=world.person("sana"))
    lost = Message.objects.filter(campaign=campaign).order_by("pk").first()
    Message.objects.filter(pk=lost.pk).update(state="sending", attempts=1)  # a sender died here
    for shard in range(sending.SHARDS):
        sending.send_shard(campaign_id=campaign.pk, shard=shard)
    lost.refresh_from_db()
    assert (lost.state, lost.error) == ("held", sending.IN_DOUBT)
    assert len(mail.outbox) == 2


def test_a_paused_campaign_sends_nothing(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    campaigns.start(campaign=campaign, by=world.person("sana"))
    campaigns.pause(campaign=campaign, by=world.person("sana"))
    for shard in range(sending.SHARDS):
        assert sending.send_shard(campaign_id=campaign.pk, shard=shard) == 0
    assert mail.outbox == []
    campaigns.start(campaign=campaign, by=world.person("sana"))
    for shard in range(sending.SHARDS):
        sending.send_shard(campaign_id=campaign.pk, shard=shard)
    assert len(mail.outbox) == 3


def test_a_second_person_lets_it_go(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    with pytest.raises(NotAllowed):
        campaigns.approve(campaign=campaign, by=world.person("sana"))
    with pytest.raises(Stale):
        campaigns.start(campaign=campaign, by=world.person("sana"))
    for shard in range(sending.SHARDS):
        assert sending.send_shard(campaign_id=campaign.pk, shard=shard) == 0
    assert mail.outbox == []


def test_nothing_is_told_before_it_is_done(world: World) -> None:
    plan = compute(world, [5])
    with pytest.raises(Refused, match="not executed"):
        freeze(world, plan)
    assert not Campaign.objects.exists()


def test_there_is_one_campaign_of_a_kind(world: World, done: Plan) -> None:
    freeze(world, done)
    with pytest.raises(Stale):
        freeze(world, done)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE message SET state = 'sent'",
        "UPDATE message SET state = 'sending'",
        "UPDATE message SET customer_id = (SELECT max(id) FROM exchange_customer)",
        "DELETE FROM message",
        "TRUNCATE message CASCADE",
        "UPDATE campaign SET state = 'sending'",
        "UPDATE campaign SET state = 'approved', approver_id = maker_id",
        "UPDATE campaign SET state = 'approved'",
        "UPDATE campaign SET maker_id = (SELECT max(id) FROM backoffice_person)",
        "DELETE FROM campaign",
        "DELETE FROM care_hold",
        "UPDATE care_hold SET reason = 'other'",
        "INSERT INTO message (campaign_id, customer_id, account_id, email, language, state,"
        " attempts, error) SELECT c.id, k.id, a.id, k.email, 'en', 'queued', 0, ''"
        " FROM campaign c, exchange_customer k JOIN exchange_account a ON a.customer_id = k.id"
        " WHERE k.code = 'C3'",
    ],
)
def test_sql_cannot_bypass_it(world: World, done: Plan, statement: str) -> None:
    hold(world, 3)
    campaign = freeze(world, done)
    before = (list(Message.objects.values()), list(Campaign.objects.values()))
    with pytest.raises(IntegrityError):
        run_sql(statement)
    assert (list(Message.objects.values()), list(Campaign.objects.values())) == before
    assert campaign.audience == 3


def test_an_audience_cannot_grow(world: World, done: Plan) -> None:
    campaign = freeze(world, done)
    campaigns.approve(campaign=campaign, by=world.person("mira"))
    with pytest.raises(IntegrityError, match="frozen"), transaction.atomic():
        Message.objects.create(
            campaign=campaign, customer=world.customers[3], account=world.accounts[3],
            email="x@customers.example", language="en",
        )  # fmt: skip
