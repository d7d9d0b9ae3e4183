"""The audit log: one hash chain, serialised by its head row, append only.

Each event's hash covers a version byte, its number, time, actor, action, subject, data and the
hash before it, so removing or changing one breaks every later hash. No personal data goes in:
people are ids, customers are references.
"""

from django.db import models

from backoffice.models.people import Person


class AuditEvent(models.Model):
    """One thing someone did. Written in the transaction that did it."""

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    actor = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    data = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "audit_event"
        indexes = [models.Index(fields=["subject", "number"], name="audit_subject")]

    def __str__(self) -> str:
        return f"{self.number} {self.action} {self.subject}"


class AuditHead(models.Model):
    """The single row that every writer locks, so that the chain cannot fork."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    number = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        db_table = "audit_head"
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="audit_head_single"),
        ]

    def __str__(self) -> str:
        return f"{self.number}"
