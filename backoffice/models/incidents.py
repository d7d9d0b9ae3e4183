"""An incident: what happened, when, and which doors of the exchange are closed meanwhile."""

from django.db import models

from backoffice.models.people import Person
from exchange.models import Contract, Tape, Venue


class Incident(models.Model):
    """One event under investigation. Status is one axis; the gates are two others.

    Two cut-offs are kept, because two were public on 30 March 2018: the one announced (05:00) and
    the one in effect, the instant of the last trade kept (04:47:54).
    """

    class Status(models.TextChoices):
        TRIAGE = "triage"
        DECLARED = "declared"
        CONTAINED = "contained"
        REMEDY = "remedy"
        CLOSED = "closed"

    class Severity(models.IntegerChoices):
        CRITICAL = 1
        MAJOR = 2
        MINOR = 3

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=160)
    venue = models.ForeignKey(Venue, models.PROTECT, related_name="incidents")
    tape = models.ForeignKey(Tape, models.PROTECT, related_name="incidents")
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+")
    status = models.CharField(max_length=9, choices=Status, default=Status.TRIAGE)
    severity = models.PositiveSmallIntegerField(choices=Severity, default=Severity.CRITICAL)
    summary = models.TextField(blank=True, default="")
    zone = models.CharField(max_length=64, default="UTC")
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    announced_cutoff = models.DateTimeField()
    effective_cutoff = models.DateTimeField()
    commander = models.ForeignKey(Person, models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "incident"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(window_end__gt=models.F("window_start"))
                & models.Q(effective_cutoff__lte=models.F("announced_cutoff")),
                name="incident_times_in_order",
            )
        ]

    def __str__(self) -> str:
        return self.title


class TimelineEntry(models.Model):
    """One dated line of the incident's story, computed from the tape or written by a person."""

    class Source(models.TextChoices):
        TAPE = "tape", "Computed from the tape"
        DESK = "desk", "Recorded by the desk"
        PERSON = "person", "Written by a person"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="timeline")
    at = models.DateTimeField(help_text="When it was effective.")
    recorded_at = models.DateTimeField(auto_now_add=True)
    source = models.CharField(max_length=6, choices=Source)
    key = models.CharField(max_length=80)
    text = models.CharField(max_length=400)
    author = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    public = models.BooleanField(default=False)

    class Meta:
        db_table = "timeline_entry"
        constraints = [
            models.UniqueConstraint(fields=["incident", "key"], name="timeline_key_once"),
        ]

    def __str__(self) -> str:
        return self.text


class Gate(models.Model):
    """A closed door: trading of a contract (or of all), or withdrawals; open at `lifted_at`."""

    class Kind(models.TextChoices):
        MARKET = "market", "Trading"
        WITHDRAWALS = "withdrawals", "Withdrawals"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="gates")
    kind = models.CharField(max_length=11, choices=Kind)
    contract = models.ForeignKey(
        Contract, models.PROTECT, null=True, blank=True, help_text="Empty: all of the venue."
    )
    reason = models.CharField(max_length=200)
    owner = models.ForeignKey(Person, models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(Person, models.PROTECT, null=True, blank=True, related_name="+")
    lifted_reason = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        db_table = "gate"
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "kind", "contract"],
                condition=models.Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="gate_closed_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} closed: {self.reason}"


class GateProlongation(models.Model):
    """An officer's decision that a gate stays closed for longer; writing it moves the gate's expiry
    (`migrations/sql/0011_prolonged_gates.sql`)."""

    gate = models.ForeignKey(Gate, models.PROTECT, related_name="prolongations")
    officer = models.ForeignKey(Person, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    expires_before = models.DateTimeField()
    expires_at = models.DateTimeField()
    decided_at = models.DateTimeField(auto_now_add=True, help_text="The database's clock.")

    class Meta:
        db_table = "gate_prolongation"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("expires_before")),
                name="gate_prolongation_is_longer",
            ),
            models.CheckConstraint(
                condition=models.Q(reason__regex=r"\S"), name="gate_prolongation_has_a_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gate_id} until {self.expires_at}: {self.reason}"
