"""The ledger: double entry, append only, enforced by PostgreSQL.

Invariants, each held by the database (`migrations/sql/0002_ledger.sql`), because everything here is
written in sets and no Python guard sees a set:

- the legs of a journal are written by one statement, number what the journal says, are non-zero and
  sum to zero per asset;
- entries and journals are never updated, deleted or truncated;
- a journal's key is unique; posting it again with the same content returns it, with other content
  is an error;
- a reversal names what it reverses, and a journal is reversed at most once;
- a balance equals the sum of its entries, a customer's wallet never goes below zero, and what a
  customer owes never above it;
- a batch above 0 is a plan: its entries are a partition, staged, sealed under a digest and attached
  whole or not at all.
"""

from django.db import models

from exchange.models.accounts import Account
from exchange.models.contracts import Asset, Contract, Venue


class LedgerAccount(models.Model):
    """A place where units of one asset can be. Positive: owed to its owner (house: owned)."""

    class Kind(models.TextChoices):
        FUTURES = "futures", "Futures wallet"
        FUNDING = "funding", "Funding wallet"
        RECEIVABLE = "receivable", "Owed to the house"
        CUSTODY = "custody", "Coins in custody"
        CLEARING = "clearing", "Clearing of a contract"
        FEES = "fees", "Trading fees"
        GOODWILL = "goodwill", "Goodwill expense"
        CAPITAL = "capital", "House capital"

    # No row-level foreign keys: a statement trigger checks the whole set by one join, venue and
    # settlement asset included, at a third of the cost (`migrations/sql/0002_ledger.sql`).
    venue = models.ForeignKey(
        Venue,
        models.PROTECT,
        db_constraint=False,
        db_index=False,  # the unique constraint begins with it
        related_name="ledger_accounts",
    )
    kind = models.CharField(max_length=10, choices=Kind)
    asset = models.ForeignKey(
        Asset, models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    account = models.ForeignKey(
        Account,
        models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="ledger_accounts",
    )
    contract = models.ForeignKey(
        Contract,
        models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )

    class Meta:
        db_table = "ledger_account"
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "kind", "asset", "account", "contract"],
                nulls_distinct=False,
                name="ledger_account_once",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    kind__in=["futures", "funding", "receivable"],
                    account__isnull=False,
                    contract__isnull=True,
                )
                | models.Q(kind="clearing", account__isnull=True, contract__isnull=False)
                | models.Q(
                    kind__in=["custody", "fees", "goodwill", "capital"],
                    account__isnull=True,
                    contract__isnull=True,
                ),
                name="ledger_account_owner_fits_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.account_id or self.contract_id or 'house'}:{self.asset_id}"


class Balance(models.Model):
    """The sum of a ledger account's entries, kept by the posting functions."""

    ledger_account = models.OneToOneField(
        LedgerAccount,
        models.PROTECT,
        primary_key=True,
        db_constraint=False,
        related_name="balance",
    )
    amount = models.BigIntegerField(default=0)
    sign = models.SmallIntegerField(
        help_text="1: never below zero (a customer's wallets); -1: never above (what one owes)."
    )
    version = models.BigIntegerField(default=0)

    class Meta:
        db_table = "balance"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sign__lte=0) | models.Q(amount__gte=0),
                name="balance_customer_wallet_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(sign__gte=0) | models.Q(amount__lte=0),
                name="balance_receivable_not_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ledger_account_id}: {self.amount}"


class Batch(models.Model):
    """A set of entries that lives and dies together. Id 0 is everyday postings.

    draft: legs may be staged; sealed: legs frozen, indexed and digested; posted: attached to the
    ledger; discarded: staging dropped, nothing was ever posted.
    """

    class State(models.TextChoices):
        DRAFT = "draft"
        SEALED = "sealed"
        POSTED = "posted"
        DISCARDED = "discarded"

    venue = models.ForeignKey(Venue, models.PROTECT, null=True, related_name="batches")
    key = models.CharField(max_length=120, unique=True)
    reason = models.CharField(max_length=40)
    state = models.CharField(max_length=9, choices=State, default=State.DRAFT)
    cash_legs = models.BigIntegerField(default=0)
    position_legs = models.BigIntegerField(default=0)
    cash_digest = models.CharField(max_length=64, blank=True, default="")
    position_digest = models.CharField(max_length=64, blank=True, default="")
    precondition_digest = models.CharField(max_length=64, blank=True, default="")
    effective_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sealed_at = models.DateTimeField(null=True)
    posted_at = models.DateTimeField(null=True)
    reverses = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="reversals"
    )

    class Meta:
        db_table = "batch"
        constraints = [
            # One that was discarded posted nothing, so it is no reversal.
            models.UniqueConstraint(
                fields=["reverses"],
                condition=~models.Q(state="discarded"),
                name="batch_reversed_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"


class Journal(models.Model):
    """One balanced event of the books. Append only."""

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="journals")
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="journals")
    key = models.CharField(max_length=160, unique=True)
    content_hash = models.CharField(max_length=64)
    reason = models.CharField(max_length=40)
    memo = models.CharField(max_length=240, blank=True, default="")
    legs = models.BigIntegerField()
    position_legs = models.BigIntegerField(default=0)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    reverses = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="reversed_by"
    )

    class Meta:
        db_table = "journal"

    def __str__(self) -> str:
        return self.key


class LedgerEntry(models.Model):
    """One signed leg of a journal. The table is list-partitioned by batch."""

    pk = models.CompositePrimaryKey("batch_id", "seq")
    batch = models.ForeignKey(Batch, models.DO_NOTHING, db_constraint=False, related_name="+")
    seq = models.BigIntegerField()
    journal = models.ForeignKey(Journal, models.DO_NOTHING, db_constraint=False, related_name="+")
    ledger_account = models.ForeignKey(
        LedgerAccount, models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    asset = models.ForeignKey(Asset, models.DO_NOTHING, db_constraint=False, related_name="+")
    amount = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "ledger_entry"

    def __str__(self) -> str:
        return f"{self.batch_id}.{self.seq}: {self.amount}"
