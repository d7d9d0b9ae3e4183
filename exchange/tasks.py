"""Celery tasks of the books: a nudge each. Ids in, one service call; the row is the truth.

Every task may be delivered twice, or after a worker died in its middle: its service call gives the
same rows then.
"""

from celery import shared_task
from django.db import OperationalError

from exchange.models import Tape
from exchange.services import liquidations

RETRIES_MAX = 5


@shared_task(
    name="exchange.recompute_liquidations",
    autoretry_for=(OperationalError,),
    retry_backoff=True,
    max_retries=RETRIES_MAX,
)
def recompute_liquidations(tape_id: int) -> None:
    """Judge every forced close of a tape; see `liquidations.recompute`."""
    liquidations.recompute(tape_record=Tape.objects.get(pk=tape_id))
