"""Forced closes: what the venue recorded, what the rules say, and the receipt for the customer."""

from django.db import models

from exchange.models.accounts import Account
from exchange.models.contracts import Contract
from exchange.models.tapes import Tape


class Liquidation(models.Model):
    """One forced close of one position, recorded or missed, with its verdict.

    Times are instants of the tape; prices are ticks; `receipt` holds the sum as decimal strings so
    that a customer reads exactly what was computed.
    """

    class Verdict(models.TextChoices):
        DUE_BOTH = "due_both", "Due under both prices"
        DUE_PRINTED_ONLY = "due_printed_only", "Due only at the printed price"
        NOT_DUE = "not_due", "Not due"
        MISSED = "missed", "Missed"

    tape = models.ForeignKey(Tape, models.PROTECT, related_name="liquidations")
    account = models.ForeignKey(Account, models.PROTECT, related_name="liquidations")
    contract = models.ForeignKey(Contract, models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=16, choices=Verdict)
    recorded_at = models.DateTimeField(null=True, help_text="Null when missed.")
    due_printed_at = models.DateTimeField(null=True)
    due_fair_at = models.DateTimeField(null=True)
    quantity = models.BigIntegerField(help_text="Signed contracts taken over, or still open.")
    price_ticks = models.BigIntegerField(null=True, help_text="Take-over price; null when missed.")
    printed_ticks = models.BigIntegerField()
    fair_ticks = models.BigIntegerField()
    equity_printed = models.BigIntegerField()
    maintenance_printed = models.BigIntegerField()
    equity_fair = models.BigIntegerField()
    maintenance_fair = models.BigIntegerField()
    loss = models.BigIntegerField(
        help_text="Equity at the fair reference that the forced close took; 0 when due at both."
    )
    receipt = models.JSONField(default=dict)

    class Meta:
        db_table = "liquidation"
        indexes = [
            models.Index(fields=["tape", "verdict", "id"], name="liquidation_verdict"),
            models.Index(fields=["account"], name="liquidation_account"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tape", "account", "contract", "recorded_at"],
                nulls_distinct=False,
                name="liquidation_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.verdict}"
