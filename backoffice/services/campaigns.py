"""Writing to every affected customer once: a frozen audience, a second person, one row a message.

Who is written to is decided by one INSERT that reads `reachable_customer`, so nobody in the care
lane is in it; the claim of each message reads it again. Sending is `sending`.
"""

from django.db import connection, transaction
from django.utils import timezone

from backoffice.models import Campaign, CareHold, Message, Person, Plan, Role
from backoffice.services import audit, lifecycle, nudges
from backoffice.services.people import require
from backoffice.services.refusals import NotAllowed, Refused, Stale
from backoffice.services.sending import SHARDS

MAY_WRITE = (Role.Name.SUPPORT, Role.Name.ANALYST)
MAY_APPROVE = (Role.Name.ANALYST, Role.Name.RISK, Role.Name.FINANCE, Role.Name.LEGAL)
DONE = (Plan.State.EXECUTED, Plan.State.RECONCILED)

FREEZE = """
    INSERT INTO message (campaign_id, customer_id, account_id, email, language, state, attempts,
                         error)
    SELECT %(campaign)s, r.id, a.id, r.email, r.language, 'queued', 0, ''
    FROM (SELECT DISTINCT account_id FROM plan_effect WHERE plan_id = %(plan)s) AS e
    JOIN exchange_account a ON a.id = e.account_id
    JOIN reachable_customer r ON r.id = a.customer_id
    ORDER BY a.tape_index
"""
COUNT_AFFECTED = """
    SELECT count(DISTINCT e.account_id)
    FROM plan_effect e JOIN exchange_account a ON a.id = e.account_id
    WHERE e.plan_id = %s AND a.customer_id IS NOT NULL
"""
DIGEST = """
    SELECT encode(sha256(convert_to(coalesce(string_agg(a.code, ',' ORDER BY a.code), ''),
                                    'UTF8')), 'hex')
    FROM message m JOIN exchange_account a ON a.id = m.account_id WHERE m.campaign_id = %s
"""


def freeze(*, plan: Plan, kind: str, by: Person) -> Campaign:
    """Make the campaign of an executed plan and freeze its audience; four statements.

    One message an account that the plan changed. Raises NotAllowed, Refused while the plan is not
    executed, Stale when the campaign exists.
    """
    require(by, *MAY_WRITE)
    if plan.state not in DONE:
        raise Refused("Customers are told what was done: the plan is not executed yet.")
    key = f"{plan.incident.slug}-{kind}-{plan.pk}"
    if Campaign.objects.filter(key=key).exists():
        raise Stale("This campaign exists already.")
    with transaction.atomic(durable=True):
        campaign = Campaign.objects.create(
            incident=plan.incident, key=key, kind=Campaign.Kind(kind), plan=plan, maker=by
        )
        with connection.cursor() as cursor:
            cursor.execute(FREEZE, {"campaign": campaign.pk, "plan": plan.pk})
            audience = cursor.rowcount
            cursor.execute(COUNT_AFFECTED, [plan.pk])
            affected = cursor.fetchone()[0]
            cursor.execute(DIGEST, [campaign.pk])
            digest = cursor.fetchone()[0]
        campaign.audience, campaign.audience_digest = audience, digest
        campaign.held_back = affected - audience
        campaign.save(update_fields=["audience", "audience_digest", "held_back"])
        audit.record(
            by=by,
            action="campaign.frozen",
            subject=f"campaign:{campaign.pk}",
            data={"audience": audience, "held_back": campaign.held_back, "digest": digest},
        )
    return campaign


def approve(*, campaign: Campaign, by: Person) -> Campaign:
    """A second person lets the campaign go out. Raises NotAllowed for its maker, or Stale."""
    require(by, *MAY_APPROVE)
    if campaign.maker_id == by.pk:
        raise NotAllowed("A second person approves a campaign, not its maker.")
    with transaction.atomic(durable=True):
        lifecycle.step(
            campaign, Campaign.State.APPROVED, approver_id=by.pk, approved_at=timezone.now()
        )
        audit.record(
            by=by,
            action="campaign.approved",
            subject=f"campaign:{campaign.pk}",
            data={"audience": campaign.audience, "digest": campaign.audience_digest},
        )
    return campaign


def start(*, campaign: Campaign, by: Person) -> Campaign:
    """Begin sending, or go on after a pause; workers are nudged, one for each shard."""
    require(by, *MAY_WRITE, *MAY_APPROVE)
    with transaction.atomic(durable=True):
        # A campaign that was sent is opened again by `requeue` only.
        stored = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if stored.state == Campaign.State.SENT:
            raise Stale("This campaign is sent.")
        lifecycle.step(campaign, Campaign.State.SENDING)
        audit.record(by=by, action="campaign.started", subject=f"campaign:{campaign.pk}")
        for shard in range(SHARDS):
            nudges.after_commit(nudges.SEND_SHARD, campaign.pk, shard)
    return campaign


def pause(*, campaign: Campaign, by: Person) -> Campaign:
    """Stop before the next message. What is on its way goes out."""
    require(by, *MAY_WRITE, *MAY_APPROVE)
    with transaction.atomic(durable=True):
        lifecycle.step(campaign, Campaign.State.PAUSED)
        audit.record(by=by, action="campaign.paused", subject=f"campaign:{campaign.pk}")
    return campaign


def requeue(*, message: Message, by: Person, reason: str) -> Message:
    """A person decides that a held or failed message may go out after all.

    The one way a message is ever handed over a second time: by name, with a reason, in the audit.
    A campaign that was finished is open again until it is sent. Raises Refused for a customer in
    the care lane, whom no machine writes to.
    """
    require(by, *MAY_WRITE)
    if not reason.strip():
        raise Refused("Say how you know that it did not arrive.")
    if CareHold.objects.filter(customer=message.customer_id, released_at__isnull=True).exists():
        raise Refused("This customer is in the care lane: write to them yourself.")
    with transaction.atomic(durable=True):
        rows = Message.objects.filter(
            pk=message.pk, state__in=[Message.State.HELD, Message.State.FAILED]
        ).update(state=Message.State.QUEUED, error="", claimed_at=None)
        if rows != 1:
            raise Stale("That message is not held.")
        campaign = Campaign.objects.select_for_update().get(pk=message.campaign_id)
        if campaign.state == Campaign.State.SENT:
            lifecycle.step(campaign, Campaign.State.SENDING, finished_at=None)
        nudges.after_commit(nudges.SEND_SHARD, campaign.pk, message.pk % SHARDS)
        audit.record(
            by=by,
            action="message.requeued",
            subject=f"message:{message.pk}",
            data={"reason": reason[:200]},
        )
    message.refresh_from_db()
    return message
