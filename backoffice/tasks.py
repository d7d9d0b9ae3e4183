"""What workers are asked to do. A task takes ids and makes one service call; the row is the truth.

Every task may arrive twice, late, or while another worker is at the same row: the services see to
it. Retries are bounded and only for what a retry can cure.
"""

from celery import shared_task
from django.db import OperationalError

from backoffice.services import (
    comparisons,
    computations,
    counterfactuals,
    delivering,
    executions,
    feed,
    heartbeat,
    nudges,
    plans,
    sending,
    staleness,
)


@shared_task(
    name=nudges.EXECUTE_PLAN, autoretry_for=(OperationalError,), retry_kwargs={"max_retries": 5},
    retry_backoff=True,
)  # fmt: skip
def execute_plan(plan_id: int) -> None:
    """Execute an approved plan, or finish what a dead worker left of it."""
    executions.execute(plan_id=plan_id)


@shared_task(
    name=nudges.SEND_SHARD, autoretry_for=(OperationalError, OSError),
    retry_kwargs={"max_retries": 5}, retry_backoff=True,
)  # fmt: skip
def send_shard(campaign_id: int, shard: int) -> None:
    """Send what is queued in one shard of a campaign."""
    sending.send_shard(campaign_id=campaign_id, shard=shard)


@shared_task(
    name=nudges.COMPUTE_REMEDY, autoretry_for=(OperationalError,),
    retry_kwargs={"max_retries": 5}, retry_backoff=True,
)  # fmt: skip
def compute_remedy(computation_id: int) -> None:
    """Compute the remedy that was asked for, as a plan for its maker to look at."""
    computations.run(computation_id=computation_id)


@shared_task(
    name=nudges.COMPARE_REMEDIES, autoretry_for=(OperationalError,),
    retry_kwargs={"max_retries": 5}, retry_backoff=True,
)  # fmt: skip
def compare_remedies(comparison_id: int) -> None:
    """Compute the remedies that were asked for, side by side."""
    comparisons.run(comparison_id=comparison_id)


@shared_task(
    name=nudges.TRACE_CASCADE, autoretry_for=(OperationalError,),
    retry_kwargs={"max_retries": 5}, retry_backoff=True,
)  # fmt: skip
def trace_cascade(incident_id: int) -> None:
    """Trace which forced close caused which others, and what might not have happened."""
    counterfactuals.run(incident_id=incident_id)


@shared_task(
    name=nudges.PREPARE_FEED, autoretry_for=(OperationalError, OSError),
    retry_kwargs={"max_retries": 5}, retry_backoff=True,
)  # fmt: skip
def prepare_feed(event_id: int) -> None:
    """Put the records of an executed plan on the disk, so that the first reader need not wait."""
    feed.prepare(event_id=event_id)


@shared_task(
    name=nudges.DELIVER_WEBHOOKS, autoretry_for=(OperationalError,),
    retry_kwargs={"max_retries": 5}, retry_backoff=True,
)  # fmt: skip
def deliver_webhooks(endpoint_id: int) -> None:
    """Send an endpoint what is due, in order."""
    delivering.deliver(endpoint_id=endpoint_id)


@shared_task(name="backoffice.sweep")
def sweep() -> None:
    """Nudge again what no worker is at, end plans whose time is over or whose books moved. Runs
    every 15 seconds."""
    executions.sweep()
    computations.sweep()
    comparisons.sweep()
    counterfactuals.sweep()
    sending.sweep()
    feed.sweep()
    delivering.sweep()
    plans.expire_due()
    staleness.sweep()
    heartbeat.beat()
