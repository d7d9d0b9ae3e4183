"""Breaking the glass: when a plan's quorum by role cannot be met in time, and what comes after.

One officer opens, another seconds within half an hour, and then any two officers decide on that
plan's digest. A third reviews it within a day. Each step is a row of its own, added and never
changed (`migrations/sql/0007_break_glass.sql`).
"""

from datetime import datetime, timedelta

from django.db import models

from backoffice.models.approvals import Approval
from backoffice.models.people import Person, Role
from backoffice.models.remedies import Plan

SECOND_WITHIN = timedelta(minutes=30)
REVIEW_WITHIN = timedelta(hours=24)


class BreakGlass(models.Model):
    """An officer says that the quorum cannot be met in time, and proves that it is them."""

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="break_glasses")
    officer = models.ForeignKey(Person, models.PROTECT, related_name="+")
    role = models.CharField(max_length=8, choices=Role.Name)
    reason = models.CharField(max_length=300)
    digest = models.CharField(max_length=64)
    method = models.CharField(max_length=7, choices=Approval.Method)
    evidence = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "break_glass"
        constraints = [
            models.CheckConstraint(condition=~models.Q(reason=""), name="break_glass_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.reason}"

    @property
    def lapses_at(self) -> datetime:
        """Until when it can be seconded."""
        return self.at + SECOND_WITHIN


class BreakGlassSecond(models.Model):
    """Another officer agrees, with a proof of their own: the glass is broken."""

    break_glass = models.OneToOneField(BreakGlass, models.PROTECT, related_name="second")
    officer = models.ForeignKey(Person, models.PROTECT, related_name="+")
    role = models.CharField(max_length=8, choices=Role.Name)
    method = models.CharField(max_length=7, choices=Approval.Method)
    evidence = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "break_glass_second"

    def __str__(self) -> str:
        return f"{self.break_glass_id} seconded"

    @property
    def review_due_at(self) -> datetime:
        """Until when it has to be reviewed."""
        return self.at + REVIEW_WITHIN


class BreakGlassReview(models.Model):
    """Somebody who had no part in it says whether it was right."""

    class Outcome(models.TextChoices):
        JUSTIFIED = "justified", "It was justified"
        NOT_JUSTIFIED = "not_justified", "It was not justified"

    break_glass = models.OneToOneField(BreakGlass, models.PROTECT, related_name="review")
    officer = models.ForeignKey(Person, models.PROTECT, related_name="+")
    role = models.CharField(max_length=8, choices=Role.Name)
    outcome = models.CharField(max_length=13, choices=Outcome)
    finding = models.CharField(max_length=1000)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "break_glass_review"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(finding=""), name="break_glass_review_has_finding"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.break_glass_id}: {self.outcome}"
