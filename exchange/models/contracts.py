"""What can be owned and what can be traded: venues, assets and contracts.

A venue is one exchange's books. A drill is a venue of its own, so rehearsal money can never meet
real money: every account, contract and ledger account belongs to exactly one venue.
"""

from django.db import models


class Venue(models.Model):
    """One set of books. `is_drill` venues are watermarked on every screen."""

    code = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    zone = models.CharField(max_length=64, default="UTC")
    rules = models.CharField(max_length=40, help_text="Name of the margin rule set.")
    is_drill = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Asset(models.Model):
    """A currency. Amounts are integers in units of 10**-decimals."""

    id = models.SmallAutoField(primary_key=True)
    code = models.CharField(max_length=16, unique=True)
    decimals = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decimals__lte=18), name="asset_decimals_at_most_18"
            )
        ]

    def __str__(self) -> str:
        return self.code


class Contract(models.Model):
    """A derivative whose value in its settlement asset is a function of one price.

    `tape_index` is the contract's number on its tape; prices are integer multiples of `tick`.
    """

    class Kind(models.TextChoices):
        INVERSE = "inverse"
        LINEAR = "linear"
        QUANTO = "quanto"

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="contracts")
    symbol = models.CharField(max_length=40)
    kind = models.CharField(max_length=8, choices=Kind)
    underlying = models.CharField(max_length=16)
    settle = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    face = models.DecimalField(max_digits=30, decimal_places=12)
    tick = models.DecimalField(max_digits=30, decimal_places=12)
    lot = models.BigIntegerField(default=1)
    expires_at = models.DateTimeField(null=True, blank=True)
    tape_index = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "symbol"], name="contract_symbol_once"),
            models.UniqueConstraint(fields=["venue", "tape_index"], name="contract_index_once"),
            models.CheckConstraint(
                condition=models.Q(face__gt=0, tick__gt=0, lot__gt=0),
                name="contract_sizes_positive",
            ),
        ]

    def __str__(self) -> str:
        return self.symbol
