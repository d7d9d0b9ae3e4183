"""Webhooks: addresses that are told of events, and one delivery for each event and address.

A delivery is written in the transaction of its event, so none is forgotten and none is made up. No
secret is stored: an endpoint's is derived from the desk's own key and its seed.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from backoffice.models.feed import Event
from backoffice.models.people import Person
from exchange.models import Venue


class Endpoint(models.Model):
    """Where events of a venue are sent. A retired one is never sent to again.

    After its secret was changed the one before signs too, until `previous_until`.
    """

    name = models.CharField(max_length=80)
    venue = models.ForeignKey(Venue, models.PROTECT, related_name="+")
    url = models.CharField(max_length=500)
    kinds = ArrayField(models.CharField(max_length=16, choices=Event.Kind))
    seed = models.CharField(max_length=64)
    previous_seed = models.CharField(max_length=64, blank=True, default="")
    previous_until = models.DateTimeField(null=True)
    created_by = models.ForeignKey(Person, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_by = models.ForeignKey(Person, models.PROTECT, null=True, related_name="+")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "webhook_endpoint"
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "name"],
                condition=models.Q(retired_at__isnull=True),
                name="webhook_endpoint_name_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One event for one endpoint: queued > delivered, or failed after a day of trying.

    A person may queue a delivered or failed one again; it is then the same event with the same id.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        DELIVERED = "delivered"
        FAILED = "failed"

    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="deliveries")
    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries")
    state = models.CharField(max_length=9, choices=State, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(help_text="Not tried before.")
    give_up_at = models.DateTimeField(help_text="An attempt that fails after this is the last.")
    tried_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="Of the last answer.")
    answer = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        db_table = "webhook_delivery"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once"),
            models.CheckConstraint(
                condition=~models.Q(state="delivered") | models.Q(delivered_at__isnull=False),
                name="webhook_delivered_at_some_time",
            ),
        ]
        indexes = [
            # The head of each endpoint's queue is what every worker asks for.
            models.Index(
                fields=["endpoint", "event"],
                condition=models.Q(state="queued"),
                name="webhook_delivery_queue",
            ),
            models.Index(fields=["endpoint", "-event"], name="webhook_delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id}/{self.event_id}: {self.state}"
