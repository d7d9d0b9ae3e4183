"""Handing the messages of a campaign to the mail server, each at most once.

A campaign is cut into shards by message id, and each shard has at most one live sender, held by an
advisory lock that dies with it. A chunk is claimed by one commit that is on disk before its first
message leaves. Each message is then committed as `sending` before the mail server sees it and as
`sent` after the server took it, without waiting for the disk: those commits survive the death of
the sender, and the claim tells which could be lost should PostgreSQL itself crash.

So when a sender dies, exactly one message of its shard is in doubt; when the database crashes, one
chunk. What is in doubt is never sent again by a machine: the next sender finds it, knows that
nobody else can be at it, and leaves it `held` for a person.
"""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import connection, transaction
from django.utils import timezone

from backoffice import remedy_words
from backoffice.models import Campaign, Incident, Message, Plan
from backoffice.services import audit, letters, locks, nudges
from exchange.faults import reach

SHARDS = 2
SETTLE = Plan.Remedy.SETTLE
CHUNK = 500
IN_DOUBT = "The sender died while handing it over; whether it left is not known."
CARE_LANE = "A hold was placed on this customer."
SWEEP_MAX = 20
NO_LETTER = letters.Letter(subject="", text="", html="")

CLAIM = """
    UPDATE message SET claimed_at = clock_timestamp()
    WHERE id IN (SELECT id FROM message
                 WHERE campaign_id = %(campaign)s AND state = 'queued'
                   AND id %% %(shards)s = %(shard)s
                 ORDER BY id LIMIT %(chunk)s)
    RETURNING id
"""
# The last one is marked sent, and the next one taken and its words kept, by one statement, so each
# costs one commit. Taking fails when the campaign is paused or the customer is in the care lane.
STEP = """
    WITH stepped AS (
        UPDATE message AS m
        SET state = CASE m.id WHEN %(done)s THEN 'sent' ELSE 'sending' END,
            sent_at = CASE m.id WHEN %(done)s THEN clock_timestamp() END,
            attempts = m.attempts + CASE m.id WHEN %(done)s THEN 0 ELSE 1 END
        WHERE (m.id = %(done)s AND m.state = 'sending')
           OR (m.id = %(next)s AND m.state = 'queued'
               AND EXISTS (SELECT FROM campaign c
                           WHERE c.id = m.campaign_id AND c.state = 'sending')
               AND EXISTS (SELECT FROM reachable_customer r WHERE r.id = m.customer_id))
        RETURNING m.id, m.attempts
    ), kept AS (
        INSERT INTO kept_letter (message_id, attempt, subject, text, handed_at)
        SELECT id, attempts, %(subject)s, %(text)s, clock_timestamp()
        FROM stepped WHERE id = %(next)s
    )
    SELECT id FROM stepped
"""
# Dead senders' messages. All of the database's processes start anew after a crash, so one that
# keeps its pages tells since when commits cannot have been lost.
DOUBTFUL = """
    UPDATE message SET state = 'held', error = %(why)s
    WHERE campaign_id = %(campaign)s AND id %% %(shards)s = %(shard)s
      AND (state = 'sending' OR (state = 'queued' AND claimed_at <= (
           SELECT coalesce(min(backend_start), 'infinity') FROM pg_stat_activity
           WHERE backend_type = 'checkpointer')))
"""
# What a chunk of letters says, an asset a row; the goodwill is the plan's own leg.
CONTENT = """
    SELECT m.id, m.email, m.language, c.name, a.code AS account, s.code AS asset, s.decimals,
           e.futures_before, e.futures_delta, e.funding_before, e.funding_delta,
           e.receivable_delta, e.reversed_pnl, e.reversed_fees, e.paid, e.moved_out,
           e.positions_changed
    FROM message m
    JOIN exchange_customer c ON c.id = m.customer_id
    JOIN exchange_account a ON a.id = m.account_id
    JOIN plan_effect e ON e.plan_id = %(plan)s AND e.account_id = m.account_id
    JOIN exchange_asset s ON s.id = e.asset_id
    WHERE m.id = ANY (%(ids)s)
    ORDER BY m.id, s.code
"""


def send_shard(*, campaign_id: int, shard: int) -> int:
    """Send what is queued in the shard until it is empty or paused; returns how many were sent.

    Does nothing while another sender is at the shard. Raises OSError or SMTPException when the
    mail server cannot be reached or hangs up; what was not claimed stays queued.
    """
    sent = 0
    with locks.held(locks.CAMPAIGN, campaign_id * SHARDS + shard) as mine:
        if not mine:
            return 0
        campaign = Campaign.objects.select_related(
            "incident__venue", "incident__contract", "plan"
        ).get(pk=campaign_id)
        _hold_doubtful(campaign, shard)
        with _commits_not_awaited():
            while ids := _claim_chunk(campaign, shard):
                sent += _send_chunk(campaign, ids)
                if not _may_go_on(campaign):
                    break
    finish(campaign_id=campaign_id)
    return sent


def finish(*, campaign_id: int) -> bool:
    """Mark the campaign sent when nothing is queued or on its way; True when this call did it."""
    with transaction.atomic():
        rows = (
            Campaign.objects.filter(pk=campaign_id, state=Campaign.State.SENDING)
            .exclude(messages__state__in=[Message.State.QUEUED, Message.State.SENDING])
            .update(state=Campaign.State.SENT, finished_at=timezone.now())
        )
        if rows:
            audit.record(by=None, action="campaign.sent", subject=f"campaign:{campaign_id}")
    return bool(rows)


def sweep() -> int:
    """Nudge the shards of campaigns being sent that no sender is at; returns how many."""
    ids = Campaign.objects.filter(state=Campaign.State.SENDING).values_list("pk", flat=True)
    idle = [
        (pk, shard)
        for pk in ids[:SWEEP_MAX]
        for shard in range(SHARDS)
        if not locks.taken(locks.CAMPAIGN, pk * SHARDS + shard)
    ]
    for pk, shard in idle:
        nudges.now(nudges.SEND_SHARD, pk, shard)
    return len(idle)


def message_id(campaign: Campaign, message: int) -> str:
    """The Message-ID of a message: the same for the same message, whoever sends it."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return f"<{campaign.key}.{message}@{domain}>"


def occasion_of(incident: Incident, plan: Plan) -> letters.Occasion:
    """What all letters about a plan of an incident have in common."""
    steps = remedy_words.steps_of(plan.remedy, plan.parameters)
    settled = (step.parameters.get("contract", "") for step in steps if step.remedy == SETTLE)
    cutoff = plan.parameters.get("cutoff")
    return letters.Occasion(
        venue=incident.venue.name,
        contract=incident.contract.symbol,
        cutoff=datetime.fromisoformat(cutoff) if cutoff else incident.effective_cutoff,
        zone=incident.zone,
        address=f"{settings.PUBLIC_URL}/me/",
        remedies=tuple(step.remedy for step in steps),
        settled=next(settled, ""),
    )


def render(campaign: Campaign, ids: list[int]) -> dict[int, tuple[str, letters.Letter]]:
    """Message id -> (address, letter), from the plan's effects; one statement."""
    occasion = occasion_of(campaign.incident, campaign.plan)
    rows: dict[int, list[dict[str, Any]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(CONTENT, {"plan": campaign.plan_id, "ids": ids})
        names = [column.name for column in cursor.description]
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            rows.setdefault(row["id"], []).append(row)
    return {
        pk: (lines[0]["email"], _letter(campaign.kind, occasion, lines))
        for pk, lines in rows.items()
    }


def _letter(kind: str, occasion: letters.Occasion, rows: list[dict[str, Any]]) -> letters.Letter:
    first = rows[0]
    whom = {key: first[key] for key in ("name", "account", "language")}
    names = letters.AssetLines.__dataclass_fields__.keys() - {"goodwill"}
    paid = kind == Campaign.Kind.GOODWILL
    lines = [
        letters.AssetLines(
            **{name: row[name] for name in names}, goodwill=row["futures_delta"] if paid else 0
        )
        for row in rows
    ]
    if paid:
        return letters.goodwill(occasion=occasion, lines=lines, **whom)
    changed = sum(row["positions_changed"] for row in rows)
    return letters.adjustment(occasion=occasion, lines=lines, positions_changed=changed, **whom)


def _send_chunk(campaign: Campaign, ids: list[int]) -> int:
    """One connection to the mail server for the chunk; returns how many it took."""
    written = render(campaign, ids)
    server = get_connection()
    sent, last = 0, 0
    try:
        server.open()
        for pk in ids:
            address, letter = written[pk]
            taken = _step(done=last, take=pk, letter=letter)
            last = 0
            if not taken:
                if not _leave(campaign, pk):
                    break
                continue
            reach("message.claimed")
            if _hand_over(server, _mail(campaign, pk, address, letter), pk):
                last, sent = pk, sent + 1
            reach("message.accepted")
    finally:
        _step(done=last)
        Message.objects.filter(pk__in=ids, state=Message.State.QUEUED).update(claimed_at=None)
        server.close()
    return sent


def _hand_over(server: Any, mail: EmailMultiAlternatives, pk: int) -> bool:
    """True when the mail server took it. A refusal is final for this message; a connection that
    breaks leaves it in doubt, and is raised."""
    try:
        server.send_messages([mail])
    except smtplib.SMTPServerDisconnected:
        Message.objects.filter(pk=pk).update(state=Message.State.HELD, error=IN_DOUBT)
        raise
    except smtplib.SMTPException as error:
        Message.objects.filter(pk=pk).update(state=Message.State.FAILED, error=str(error)[:300])
        return False
    except OSError:
        Message.objects.filter(pk=pk).update(state=Message.State.HELD, error=IN_DOUBT)
        raise
    return True


def _mail(
    campaign: Campaign, pk: int, address: str, letter: letters.Letter
) -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives(
        letter.subject, letter.text, to=[address], headers={"Message-ID": message_id(campaign, pk)}
    )
    mail.attach_alternative(letter.html, "text/html")
    return mail


def _step(*, done: int, take: int = 0, letter: letters.Letter = NO_LETTER) -> bool:
    """Mark `done` sent, take `take` for sending and keep its letter; whether it was taken. 0 means
    none."""
    if not done and not take:
        return False
    words = {"subject": letter.subject, "text": letter.text}
    with connection.cursor() as cursor:
        cursor.execute(STEP, {"done": done, "next": take, **words})
        return take in {row[0] for row in cursor.fetchall()}


def _leave(campaign: Campaign, pk: int) -> bool:
    """A message that could not be claimed: hold it when its customer is in the care lane.

    False when the campaign is paused, so that the sender stops.
    """
    if not _may_go_on(campaign):
        return False
    Message.objects.filter(pk=pk, state=Message.State.QUEUED).update(
        state=Message.State.HELD, error=CARE_LANE
    )
    return True


def _may_go_on(campaign: Campaign) -> bool:
    return Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.SENDING).exists()


def _hold_doubtful(campaign: Campaign, shard: int) -> None:
    """We hold the shard's lock, so whoever left these is dead."""
    with connection.cursor() as cursor:
        cursor.execute(DOUBTFUL, {**_shard(campaign, shard), "why": IN_DOUBT})


def _claim_chunk(campaign: Campaign, shard: int) -> list[int]:
    """The next messages of the shard, claimed on disk; in order."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        cursor.execute(CLAIM, {**_shard(campaign, shard), "chunk": CHUNK})
        return sorted(row[0] for row in cursor.fetchall())


def _shard(campaign: Campaign, shard: int) -> dict[str, int]:
    return {"campaign": campaign.pk, "shard": shard, "shards": SHARDS}


@contextmanager
def _commits_not_awaited() -> Iterator[None]:
    """Commits of the block are durable a moment later, or with the next one that is awaited.

    Where we may not see since when the database runs, every commit is awaited instead.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'off', false) FROM pg_stat_activity"
            " WHERE backend_type = 'checkpointer' AND backend_start IS NOT NULL"
        )
    try:
        yield
    finally:
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("RESET synchronous_commit")
