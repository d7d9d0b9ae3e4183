"""The cascade of an incident: which close caused which others, and what might not have happened.

Computed from the tape by a worker and kept, so that a page reads rows. Computing again replaces
everything in one transaction with the same rows, unless the flags or the rules changed.
"""

from django.db import models

from backoffice.models.incidents import Incident


class Cascade(models.Model):
    """The cascade of one incident. `computed_at` is empty while it is asked for and not there.

    `summary` is the estimate in words and decimal strings (`exchange.domain.counterfactual`).
    """

    incident = models.OneToOneField(Incident, models.PROTECT, related_name="cascade")
    requested_at = models.DateTimeField(auto_now_add=True)
    computed_at = models.DateTimeField(null=True)
    refusal = models.CharField(max_length=400, blank=True, default="")
    tape_digest = models.CharField(max_length=64, blank=True, default="")
    rule = models.CharField(max_length=200, blank=True, default="", help_text="Who is flagged.")
    summary = models.JSONField(default=dict)

    class Meta:
        db_table = "cascade"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(computed_at__isnull=True) | ~models.Q(tape_digest=""),
                name="cascade_names_its_tape",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.incident_id}: cascade"


class CascadeNode(models.Model):
    """A forced close, a flagged account, or a cause that is nobody in particular.

    `number` names it within its cascade, and so does `cause`. Prices are ticks of `moving`, the
    contract whose mark crossed. `recorded_at` with account and contract names the recorded close.
    `avoided` has a bit for each assumption under which the close would not have happened.
    """

    class Kind(models.TextChoices):
        CLOSE = "close", "Forced close"
        FLAGGED = "flagged", "Flagged account"
        OTHER = "other", "Other traders"
        UNPRINTED = "unprinted", "No trade on the tape"
        START = "start", "Due when the tape begins"
        OWN = "own", "Its own trades or transfers"
        VENUE = "venue", "Not due: the venue's own doing"

    class Avoided(models.IntegerChoices):
        CAPPED = 1, "Flagged orders capped"
        SCALED = 2, "Their share given back"
        REMOVED = 4, "Their cascade removed"

    cascade = models.ForeignKey(Cascade, models.CASCADE, related_name="nodes")
    number = models.IntegerField()
    kind = models.CharField(max_length=9, choices=Kind)
    account = models.ForeignKey("exchange.Account", models.PROTECT, null=True, related_name="+")
    contract = models.ForeignKey("exchange.Contract", models.PROTECT, null=True, related_name="+")
    moving = models.ForeignKey("exchange.Contract", models.PROTECT, null=True, related_name="+")
    recorded_at = models.DateTimeField(null=True)
    crossed_at = models.DateTimeField(null=True)
    quantity = models.BigIntegerField(default=0)
    before_ticks = models.BigIntegerField(default=0)
    at_ticks = models.BigIntegerField(default=0)
    moved_ticks = models.BigIntegerField(default=0)
    sold_first = models.DateTimeField(null=True)
    sold_last = models.DateTimeField(null=True)
    cause = models.IntegerField(null=True)
    generation = models.IntegerField(default=0)
    caused = models.IntegerField(default=0)
    touched = models.IntegerField(default=0)
    below = models.IntegerField(default=0, help_text="Every close below it.")
    share_ppm = models.IntegerField(default=0)
    avoided = models.SmallIntegerField(default=0)

    class Meta:
        db_table = "cascade_node"
        constraints = [
            models.UniqueConstraint(fields=["cascade", "number"], name="cascade_node_once"),
        ]
        indexes = [
            models.Index(fields=["cascade", "-below", "number"], name="cascade_node_largest"),
            models.Index(fields=["cascade", "cause", "number"], name="cascade_node_cause"),
        ]

    def __str__(self) -> str:
        return f"{self.cascade_id}.{self.number} {self.kind}"


class CascadeEdge(models.Model):
    """`source` moved the mark by `ticks` of the move that made `target` due; numbers of nodes."""

    cascade = models.ForeignKey(Cascade, models.CASCADE, related_name="edges")
    source = models.IntegerField()
    target = models.IntegerField()
    ticks = models.BigIntegerField()

    class Meta:
        db_table = "cascade_edge"
        constraints = [
            models.UniqueConstraint(
                fields=["cascade", "target", "source"], name="cascade_edge_once"
            ),
            models.CheckConstraint(condition=models.Q(ticks__gte=0), name="cascade_edge_weight"),
        ]
        indexes = [
            models.Index(fields=["cascade", "source", "target"], name="cascade_edge_source"),
        ]

    def __str__(self) -> str:
        return f"{self.cascade_id}: {self.source} > {self.target}"
