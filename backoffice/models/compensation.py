"""Goodwill: a programme with a method, a budget and caps; awards; payment through a plan."""

from django.db import models

from backoffice.models.incidents import Incident
from backoffice.models.people import Person
from backoffice.models.remedies import Plan
from exchange.models import Account, Asset


class Programme(models.Model):
    """A percentage of verified loss with a cap. Its rules lock when its plan is proposed."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="programmes")
    name = models.CharField(max_length=120)
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    percent_bp = models.PositiveIntegerField(help_text="Basis points of the verified loss.")
    cap = models.BigIntegerField(help_text="Most an account can receive, minor units.")
    de_minimis = models.BigIntegerField(default=0, help_text="Smaller awards are not paid.")
    budget = models.BigIntegerField(help_text="Most the programme can pay, minor units.")
    maker = models.ForeignKey(Person, models.PROTECT, related_name="+")
    plan = models.OneToOneField(Plan, models.PROTECT, null=True, related_name="programme")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "programme"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(percent_bp__gt=0, percent_bp__lte=10000, cap__gt=0, budget__gt=0)
                & models.Q(de_minimis__gte=0),
                name="programme_parameters_sane",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Award(models.Model):
    """One account's goodwill: floor(loss * percent) up to the cap."""

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="awards")
    account = models.ForeignKey(Account, models.PROTECT, related_name="awards")
    loss = models.BigIntegerField()
    amount = models.BigIntegerField()
    capped = models.BooleanField(default=False)

    class Meta:
        db_table = "award"
        constraints = [
            models.UniqueConstraint(fields=["programme", "account"], name="award_once"),
            models.CheckConstraint(
                condition=models.Q(amount__gt=0, loss__gt=0), name="award_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id}/{self.account_id}: {self.amount}"
