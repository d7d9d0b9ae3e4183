"""The machine-readable side of the desk: events in the order they were committed, and who reads.

An event is written in the transaction of what it tells of. Its number counts the events of its
venue without a gap, and is taken under a lock that is held until the commit: whoever has seen
number n has seen everything before it. Events are never changed or removed.
"""

import uuid

from django.db import models

from backoffice.models.incidents import Gate, Incident
from backoffice.models.people import Person
from backoffice.models.remedies import Plan
from exchange.models import Venue


class Event(models.Model):
    """Something other systems are told of. `payload` is what they are sent, always the same.

    An event that adjusts names its `source`, the plan whose records they are; `reversed` when they
    are taken back, and then `refers` is the event that is undone.
    """

    class Kind(models.TextChoices):
        PLAN_EXECUTED = "plan.executed", "Plan executed"
        PLAN_RECONCILED = "plan.reconciled", "Plan reconciled"
        PLAN_UNDONE = "plan.undone", "Plan undone"
        GATE_CLOSED = "gate.closed", "Gate closed"
        GATE_LIFTED = "gate.lifted", "Gate lifted"

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="+")
    number = models.BigIntegerField()
    key = models.UUIDField(default=uuid.uuid4, unique=True)
    kind = models.CharField(max_length=16, choices=Kind)
    at = models.DateTimeField()
    incident = models.ForeignKey(Incident, models.PROTECT, related_name="+")
    plan = models.ForeignKey(Plan, models.PROTECT, null=True, related_name="events")
    gate = models.ForeignKey(Gate, models.PROTECT, null=True, related_name="+")
    source = models.ForeignKey(Plan, models.PROTECT, null=True, related_name="+")
    reversed = models.BooleanField(default=False)
    refers = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    payload = models.JSONField()

    class Meta:
        db_table = "event"
        constraints = [
            models.UniqueConstraint(fields=["venue", "number"], name="event_number_once"),
            # A plan is executed, reconciled or undone once, whoever tries again.
            models.UniqueConstraint(fields=["plan", "kind"], name="event_of_plan_once"),
            # A gate is closed again, in words, whenever it is prolonged; it is lifted once.
            models.UniqueConstraint(
                fields=["gate"],
                condition=models.Q(kind="gate.lifted"),
                name="event_gate_lifted_once",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__startswith="plan.", plan__isnull=False, gate__isnull=True)
                | models.Q(kind__startswith="gate.", plan__isnull=True, gate__isnull=False),
                name="event_of_plan_or_gate",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["plan.executed", "plan.undone"], source__isnull=False)
                | models.Q(
                    kind__in=["plan.reconciled", "gate.closed", "gate.lifted"],
                    source__isnull=True,
                    reversed=False,
                ),
                name="event_adjusts_names_source",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.venue_id}.{self.number} {self.kind}"


class Publication(models.Model):
    """What the feed first said of a plan: how many records, and their digest.

    The records are derived and may be made again at any time, by a later version too; they are
    published again only if they are the same, because clients hold ids that count them.
    """

    plan = models.OneToOneField(Plan, models.PROTECT, primary_key=True, related_name="publication")
    records = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "publication"

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.records}"


class ApiToken(models.Model):
    """What a client system reads with. Of the token itself only its SHA-256 is kept."""

    class Scope(models.TextChoices):
        FEED = "feed", "Read the adjustment feed"

    name = models.CharField(max_length=80)
    venue = models.ForeignKey(Venue, models.PROTECT, related_name="+")
    scope = models.CharField(max_length=8, choices=Scope, default=Scope.FEED)
    key = models.CharField(max_length=16, unique=True, help_text="The part that may be shown.")
    hash = models.CharField(max_length=64, help_text="SHA-256 of the whole token.")
    created_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "api_token"
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "name"],
                condition=models.Q(revoked_at__isnull=True),
                name="api_token_name_once",
            ),
            models.CheckConstraint(
                condition=models.Q(revoked_at__isnull=True, revoked_by__isnull=True)
                | models.Q(revoked_at__isnull=False, revoked_by__isnull=False),
                name="api_token_revoked_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"
