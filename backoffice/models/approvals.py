"""Decisions on a plan, each by one person, bound to the plan's digest.

The database refuses a decision by the maker, by someone without the role, by someone tied to an
affected account, on another digest, after expiry, or twice (`migrations/sql/0002_approvals.sql`).
"""

from django.db import models

from backoffice.models.people import Person, Role
from backoffice.models.remedies import Plan


class Approval(models.Model):
    """One officer's decision with the second factor that proved it was them. Append only."""

    class Decision(models.TextChoices):
        APPROVE = "approve"
        REJECT = "reject"

    class Method(models.TextChoices):
        TOTP = "totp", "Authenticator code"
        PASSKEY = "passkey", "Passkey"

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="approvals")
    officer = models.ForeignKey(Person, models.PROTECT, related_name="approvals")
    role = models.CharField(max_length=8, choices=Role.Name)
    decision = models.CharField(max_length=7, choices=Decision)
    reason = models.CharField(max_length=300, blank=True, default="")
    digest = models.CharField(max_length=64)
    method = models.CharField(max_length=7, choices=Method)
    evidence = models.JSONField(default=dict, help_text="TOTP step, or the passkey's assertion.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "approval"
        constraints = [
            models.UniqueConstraint(fields=["plan", "officer"], name="approval_officer_once"),
            models.CheckConstraint(
                condition=models.Q(decision="approve") | ~models.Q(reason=""),
                name="approval_reject_has_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.officer_id} {self.decision} {self.plan_id}"
