"""Open positions and the append-only entries that move them.

A position is `(quantity, cost)`: signed contracts, and their cost in minor units of the settlement
asset. It equals the sum of its entries, as a balance equals the sum of its ledger entries.
`position_entry` is list-partitioned by batch exactly like `ledger_entry` (see
`migrations/sql/0002_ledger.sql`).
"""

from django.db import models

from exchange.models.accounts import Account
from exchange.models.contracts import Contract


class Position(models.Model):
    """What an account holds of a contract now. Written only by the posting services."""

    # Checked in sets by the entries' trigger and by the seal, not row by row.
    account = models.ForeignKey(
        Account, models.PROTECT, db_constraint=False, db_index=False, related_name="positions"
    )
    contract = models.ForeignKey(
        Contract, models.PROTECT, db_constraint=False, related_name="positions"
    )
    quantity = models.BigIntegerField(default=0)
    cost = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)

    class Meta:
        db_table = "position"
        constraints = [
            models.UniqueConstraint(fields=["account", "contract"], name="position_once"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.contract_id}: {self.quantity}"


class PositionEntry(models.Model):
    """One signed movement of a position. Quantities of a batch sum to zero per contract."""

    pk = models.CompositePrimaryKey("batch_id", "seq")
    batch = models.ForeignKey(
        "exchange.Batch", models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    seq = models.BigIntegerField()
    journal = models.ForeignKey(
        "exchange.Journal", models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    account = models.ForeignKey(Account, models.DO_NOTHING, db_constraint=False, related_name="+")
    contract = models.ForeignKey(Contract, models.DO_NOTHING, db_constraint=False, related_name="+")
    quantity = models.BigIntegerField()
    cost = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "position_entry"

    def __str__(self) -> str:
        return f"{self.batch_id}.{self.seq}: {self.quantity}"
