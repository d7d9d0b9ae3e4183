"""Passkeys that sign decisions, what they were asked to sign, and what was answered.

A passkey's key and owner never change, its counter never goes back, and a removed one is kept. A
challenge is written before it is signed and never changed; it is spent by a row of its own
(`migrations/sql/0005_passkeys.sql`). Bytes are base64url without padding, as in WebAuthn's JSON.
"""

from django.db import models

from backoffice.models.people import Person, Role
from backoffice.models.remedies import Plan


class Passkey(models.Model):
    """A key pair of an officer's device; the desk has its public half."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="passkeys")
    name = models.CharField(max_length=60)
    credential_id = models.CharField(max_length=1364, unique=True)
    public_key = models.TextField(help_text="COSE key (RFC 9052).")
    sign_count = models.BigIntegerField()
    transports = models.JSONField(default=list)
    code_step = models.BigIntegerField(help_text="The one-time code it was registered with.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "passkey"
        constraints = [
            models.UniqueConstraint(fields=["person", "code_step"], name="passkey_code_once"),
            models.CheckConstraint(
                condition=models.Q(sign_count__gte=0), name="passkey_sign_count_counts"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApprovalChallenge(models.Model):
    """What an officer was asked to sign: one decision on one digest, for a few minutes."""

    person = models.ForeignKey(Person, models.PROTECT, related_name="+")
    plan = models.ForeignKey(Plan, models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)
    decision = models.CharField(max_length=7, help_text="approve, reject, open or second.")
    role = models.CharField(max_length=8, choices=Role.Name)
    nonce = models.CharField(max_length=43, unique=True, help_text="32 random bytes.")
    expires_at = models.DateTimeField(help_text="A whole second.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "approval_challenge"

    def __str__(self) -> str:
        return f"{self.person_id} {self.decision} {self.plan_id} until {self.expires_at}"


class SpentChallenge(models.Model):
    """A challenge that has decided something: never twice."""

    challenge = models.OneToOneField(ApprovalChallenge, models.PROTECT, related_name="spent")
    passkey = models.ForeignKey(Passkey, models.PROTECT, related_name="+")
    spent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "spent_challenge"

    def __str__(self) -> str:
        return f"{self.challenge_id} by {self.passkey_id}"
