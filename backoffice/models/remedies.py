"""Remedies compared, and plans made of them: exactly what will be done, and how far it has come.

A comparison computes remedies side by side and posts nothing. A plan wraps one batch of staged
legs. Its digest covers the legs, the positions, the parameters, the rule set, the tape and the
preconditions; that digest is what officers approve and what the execution re-derives. A goodwill
payment is a plan like any other.
"""

from django.db import models

from backoffice.models.incidents import Incident
from backoffice.models.people import Person
from exchange.models import Batch


class Plan(models.Model):
    """draft > computed > proposed > approved > executing > executed > reconciled, or an end state.

    Steps are conditional updates (`backoffice/services/lifecycle.py`); the end
    states rejected, withdrawn, expired, superseded and stale are terminal.
    """

    class Remedy(models.TextChoices):
        ROLLBACK = "rollback", "Roll back to a cut-off"
        BUST = "bust", "Bust trades outside a band"
        REPRICE = "reprice", "Re-price trades to the band's edge"
        RESTORE = "restore", "Restore equity from house funds"
        REFERENCE = "reference", "Pay reference minus liquidation price"
        REINSTATE = "reinstate", "Reinstate liquidated positions"
        SETTLE = "settle", "Settle at a price, then refund"
        SOCIALISE = "socialise", "Socialise what is left"
        GOODWILL = "goodwill", "Goodwill payment"
        UNDO = "undo", "Undo an executed plan"

    class State(models.TextChoices):
        DRAFT = "draft"
        COMPUTED = "computed"
        PROPOSED = "proposed"
        APPROVED = "approved"
        EXECUTING = "executing"
        EXECUTED = "executed"
        RECONCILED = "reconciled"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired"
        SUPERSEDED = "superseded"
        STALE = "stale"

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="plans")
    remedy = models.CharField(max_length=16, choices=Remedy)
    parameters = models.JSONField(default=dict, help_text="Money and times as strings.")
    batch = models.OneToOneField(Batch, models.PROTECT, null=True, related_name="plan")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    reason = models.CharField(
        max_length=300, blank=True, default="", help_text="Why it is in an end state."
    )
    maker = models.ForeignKey(Person, models.PROTECT, related_name="plans_made")
    quorum = models.JSONField(
        default=dict, help_text="Role to how many of its officers must approve."
    )
    digest = models.CharField(max_length=64, blank=True, default="")
    manifest = models.JSONField(default=dict, help_text="What the digest was taken over.")
    totals = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    computed_at = models.DateTimeField(null=True)
    proposed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    executed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "plan"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["draft", "withdrawn", "rejected", "superseded"])
                | (models.Q(batch__isnull=False) & ~models.Q(digest="")),
                name="plan_digest_once_computed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_remedy_display()} #{self.pk}"

    @property
    def officers_wanted(self) -> int:
        """How many people its quorum comes to."""
        return sum(self.quorum.values())


class Job(models.Model):
    """Something a worker does once: the row is the truth, the Celery task only a nudge."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        REFUSED = "refused"

    UNDER_WAY = (State.QUEUED, State.RUNNING)

    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    requested_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    message = models.CharField(max_length=400, blank=True, default="")

    class Meta:
        abstract = True

    @property
    def under_way(self) -> bool:
        """Whether it waits for a worker, or one is at it, or one died over it."""
        return self.state in self.UNDER_WAY


class Computation(Job):
    """A remedy being computed; it becomes `done` in the transaction that leaves the plan."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="computations")
    remedy = models.CharField(max_length=16, choices=Plan.Remedy)
    parameters = models.JSONField(default=dict, help_text="Money and times as strings.")
    plan = models.OneToOneField(Plan, models.PROTECT, null=True, related_name="computation")

    class Meta:
        db_table = "computation"
        constraints = [
            models.UniqueConstraint(
                fields=["incident"],
                condition=models.Q(state__in=["queued", "running"]),
                name="computation_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state="done", plan__isnull=False)
                | (~models.Q(state="done") & models.Q(plan__isnull=True)),
                name="computation_done_has_plan",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident_id}: {self.state}"


class PlanEffect(models.Model):
    """What a plan does to one account in one asset: the customer's before, change and after.

    Amounts are minor units. `futures_delta + funding_delta + receivable_delta` is the cash change;
    `reversed_pnl`, `reversed_fees` and `paid` (by the house, the fund or others; below zero:
    charged) explain it.
    """

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="effects")
    account = models.ForeignKey("exchange.Account", models.PROTECT, related_name="+")
    asset = models.ForeignKey("exchange.Asset", models.PROTECT, related_name="+")
    futures_before = models.BigIntegerField()
    futures_delta = models.BigIntegerField()
    funding_before = models.BigIntegerField()
    funding_delta = models.BigIntegerField()
    receivable_delta = models.BigIntegerField()
    reversed_pnl = models.BigIntegerField()
    reversed_fees = models.BigIntegerField()
    paid = models.BigIntegerField(default=0)
    moved_out = models.BigIntegerField(help_text="Left the futures wallet after the cut-off.")
    positions_changed = models.IntegerField()
    reliquidated = models.BooleanField(default=False)

    class Meta:
        db_table = "plan_effect"
        constraints = [
            models.UniqueConstraint(fields=["plan", "account", "asset"], name="plan_effect_once"),
        ]
        indexes = [
            models.Index(fields=["account"], name="plan_effect_account"),
            # Sorted by extremes, page by page.
            models.Index(
                fields=["plan", "asset", "futures_delta", "id"], name="plan_effect_extremes"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id}/{self.account_id}"


class Execution(Job):
    """The one execution of a plan."""

    plan = models.OneToOneField(Plan, models.PROTECT, related_name="execution")
    seconds = models.DecimalField(max_digits=10, decimal_places=3, null=True)

    class Meta:
        db_table = "execution"

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.state}"


class Reconciliation(models.Model):
    """Every balance and position rebuilt from entries and compared, after an execution."""

    plan = models.ForeignKey(Plan, models.PROTECT, related_name="reconciliations")
    at = models.DateTimeField(auto_now_add=True)
    ledger_ok = models.BooleanField()
    positions_ok = models.BooleanField()
    details = models.JSONField(default=dict)

    class Meta:
        db_table = "reconciliation"

    def __str__(self) -> str:
        return f"{self.plan_id}: {self.ledger_ok and self.positions_ok}"


class Comparison(Job):
    """Remedies computed side by side from the same frozen facts: what is chosen from, and kept.

    It becomes `done` in the transaction that leaves its scenarios. A finished one is never changed,
    because who is recused follows from it.
    """

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="comparisons")
    inputs = models.JSONField(default=dict, help_text="Digests of what everything came from.")
    counterfactual = models.JSONField(default=dict, help_text="The cascade, and its range.")

    class Meta:
        db_table = "comparison"
        constraints = [
            models.UniqueConstraint(
                fields=["incident"],
                condition=models.Q(state__in=["queued", "running"]),
                name="comparison_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident_id}: {self.state}"


class Scenario(models.Model):
    """One remedy of a comparison with its parameters, and all it would come to.

    `digest` is that of the plan that would be made of it, while nothing has moved. A scenario that
    cannot be computed has a `refusal` instead.
    """

    comparison = models.ForeignKey(Comparison, models.PROTECT, related_name="scenarios")
    number = models.PositiveSmallIntegerField()
    remedy = models.CharField(max_length=16, choices=Plan.Remedy)
    parameters = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True, default="")
    manifest = models.JSONField(default=dict, help_text="What the digest was taken over.")
    summary = models.JSONField(default=dict, help_text="Amounts in minor units, as strings.")
    refusal = models.CharField(max_length=400, blank=True, default="")
    seconds = models.DecimalField(max_digits=10, decimal_places=3)

    class Meta:
        db_table = "scenario"
        constraints = [
            models.UniqueConstraint(fields=["comparison", "number"], name="scenario_once"),
            models.CheckConstraint(
                condition=models.Q(digest="") ^ models.Q(refusal=""), name="scenario_digest_or_why"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.comparison_id}.{self.number} {self.remedy}"


class ScenarioEffect(models.Model):
    """What a scenario would do to one account in one asset; only accounts that it changes."""

    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="effects")
    account = models.ForeignKey("exchange.Account", models.PROTECT, related_name="+")
    asset = models.ForeignKey("exchange.Asset", models.PROTECT, related_name="+")
    futures_delta = models.BigIntegerField()
    funding_delta = models.BigIntegerField()
    receivable_delta = models.BigIntegerField()
    worth_delta = models.BigIntegerField(
        help_text="Cash and positions together, positions valued at the reopening prices."
    )
    positions_changed = models.IntegerField()
    reliquidated = models.BooleanField(default=False)

    class Meta:
        db_table = "scenario_effect"
        constraints = [
            models.UniqueConstraint(
                fields=["scenario", "account", "asset"], name="scenario_effect_once"
            ),
        ]
        indexes = [models.Index(fields=["account"], name="scenario_effect_account")]

    def __str__(self) -> str:
        return f"{self.scenario_id}/{self.account_id}"
