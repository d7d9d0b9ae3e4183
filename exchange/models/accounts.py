"""Who trades: customers and their trading accounts."""

from django.db import models

from exchange.models.contracts import Venue


class Customer(models.Model):
    """A person or firm with a relationship to the exchange; owns accounts, receives messages."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        CHINESE = "zh-hans", "简体中文"

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="customers")
    code = models.CharField(max_length=64)
    name = models.CharField(max_length=160)
    email = models.EmailField()
    language = models.CharField(max_length=8, choices=Language, default=Language.ENGLISH)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "code"], name="customer_code_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """A trading account. House accounts have no customer; `tape_index` is its row on the tape."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer"
        INSURANCE = "insurance"
        HOUSE = "house"

    class MarginMode(models.TextChoices):
        CROSS = "cross"
        FIXED = "fixed"

    venue = models.ForeignKey(Venue, models.PROTECT, related_name="accounts")
    customer = models.ForeignKey(
        Customer, models.PROTECT, related_name="accounts", null=True, blank=True
    )
    code = models.CharField(max_length=64)
    kind = models.CharField(max_length=9, choices=Kind, default=Kind.CUSTOMER)
    margin_mode = models.CharField(max_length=5, choices=MarginMode, default=MarginMode.CROSS)
    leverage = models.PositiveSmallIntegerField(default=10)
    tags = models.CharField(max_length=160, blank=True, default="")
    tape_index = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "code"], name="account_code_once"),
            models.UniqueConstraint(fields=["venue", "tape_index"], name="account_index_once"),
            models.CheckConstraint(
                condition=models.Q(kind="customer", customer__isnull=False)
                | (~models.Q(kind="customer") & models.Q(customer__isnull=True)),
                name="account_customer_iff_customer_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(leverage__gt=0), name="account_leverage_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.code
