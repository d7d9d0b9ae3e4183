"""Telling a worker that there is a row to look at.

A nudge carries a row's id and nothing else; the row is the truth. One that is lost costs time, not
correctness: the sweeper sends it again. So a broker that does not answer is logged and forgiven.
"""

from collections.abc import Iterable

import structlog
from django.db import transaction
from kombu.exceptions import OperationalError

from backoffice.celery import app
from backoffice.services import locks

log = structlog.get_logger(__name__)

EXECUTE_PLAN = "backoffice.execute_plan"
SEND_SHARD = "backoffice.send_shard"
COMPUTE_REMEDY = "backoffice.compute_remedy"
COMPARE_REMEDIES = "backoffice.compare_remedies"
TRACE_CASCADE = "backoffice.trace_cascade"
PREPARE_FEED = "backoffice.prepare_feed"
DELIVER_WEBHOOKS = "backoffice.deliver_webhooks"
RECOMPUTE_LIQUIDATIONS = "exchange.recompute_liquidations"


def after_commit(task: str, *ids: int) -> None:
    """Nudge once the caller's transaction has committed; never when it rolls back."""
    transaction.on_commit(lambda: now(task, *ids))


def now(task: str, *ids: int) -> None:
    """Nudge at once."""
    try:
        app.send_task(task, args=ids, retry=True, retry_policy={"max_retries": 1})
    except (OperationalError, OSError) as error:
        log.warning("nudge lost; the sweeper will send it again", task=task, error=str(error))


def where_idle(task: str, space: int, ids: Iterable[int]) -> int:
    """Nudge for each row whose lock (space, id) no worker holds; returns for how many."""
    idle = [pk for pk in ids if not locks.taken(space, pk)]
    for pk in idle:
        now(task, pk)
    return len(idle)
