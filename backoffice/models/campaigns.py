"""Messages to customers: a frozen audience, one row a recipient, nothing sent twice.

Nobody in the care lane is in any audience: every sender reads the view `reachable_customer`
(`migrations/sql/0003_reachable.sql`), and the claim of a message reads it again.
"""

from django.db import models

from backoffice.models.incidents import Incident
from backoffice.models.people import Person
from exchange.models import Account, Customer


class CareHold(models.Model):
    """A named person keeps this customer off every automatic path until they release the hold."""

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="care_holds")
    reason = models.CharField(max_length=200)
    placed_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    placed_at = models.DateTimeField(auto_now_add=True)
    released_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "care_hold"
        constraints = [
            models.UniqueConstraint(
                fields=["customer"],
                condition=models.Q(released_at__isnull=True),
                name="care_hold_open_once",
            ),
            models.CheckConstraint(
                condition=models.Q(released_at__isnull=True, released_by__isnull=True)
                | models.Q(released_at__isnull=False, released_by__isnull=False),
                name="care_hold_release_is_named",
            ),
        ]

    def __str__(self) -> str:
        return f"hold on {self.customer_id}"


class Campaign(models.Model):
    """One message template sent to one frozen audience."""

    class State(models.TextChoices):
        DRAFT = "draft"
        APPROVED = "approved"
        SENDING = "sending"
        PAUSED = "paused"
        SENT = "sent"

    class Kind(models.TextChoices):
        ADJUSTMENT = "adjustment", "Your account was adjusted"
        GOODWILL = "goodwill", "Goodwill payment"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="campaigns")
    key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=8, choices=State, default=State.DRAFT)
    plan = models.ForeignKey("backoffice.Plan", models.PROTECT, related_name="campaigns")
    audience = models.IntegerField(default=0)
    audience_digest = models.CharField(max_length=64, blank=True, default="")
    held_back = models.IntegerField(default=0, help_text="Left out: in the care lane.")
    maker = models.ForeignKey(Person, models.PROTECT, related_name="+")
    approver = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    approved_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "campaign"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approver__isnull=True) | ~models.Q(approver=models.F("maker")),
                name="campaign_second_person",
            )
        ]

    def __str__(self) -> str:
        return self.key


class Message(models.Model):
    """One customer's message in one campaign, with its own state."""

    class State(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        HELD = "held"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="messages")
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="messages")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    email = models.EmailField()
    language = models.CharField(max_length=8)
    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        db_table = "message"
        constraints = [
            models.UniqueConstraint(fields=["campaign", "account"], name="message_once"),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "id"],
                condition=models.Q(state__in=["queued", "sending"]),
                name="message_open",
            ),
            models.Index(fields=["campaign", "id"], name="message_in_order"),
            models.Index(fields=["customer"], name="message_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.customer_id}: {self.state}"


class KeptLetter(models.Model):
    """The words of a message as they were handed to the mail server, an attempt a row.

    Append only: the words of the desk change, what a customer was told does not.
    """

    message = models.ForeignKey(Message, models.PROTECT, related_name="letters", db_index=False)
    attempt = models.PositiveSmallIntegerField()
    subject = models.TextField()
    text = models.TextField()
    handed_at = models.DateTimeField()

    class Meta:
        db_table = "kept_letter"
        constraints = [
            models.UniqueConstraint(fields=["message", "attempt"], name="kept_letter_once"),
        ]

    def __str__(self) -> str:
        return f"{self.message_id} at attempt {self.attempt}"
