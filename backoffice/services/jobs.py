"""Work that a person asks for and a worker does: what computations and comparisons have in common.

The row is the truth and a nudge only a hint: it becomes done in the transaction that leaves the
result, so a worker killed on the way leaves neither, and the next one begins anew. How far a
running one has come is in the cache, because its transaction is not over.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.core.cache import cache
from django.utils import timezone

from backoffice.models import Job
from backoffice.services import lifecycle

ATTEMPTS_MAX = 3
PROGRESS_SECONDS = 600
GAVE_UP = "Three workers stopped while computing it; ask an operator to look at their logs."


@dataclass(frozen=True)
class Progress:
    """How far a job has come: the words of its stage, and done of total in that stage."""

    stage: str
    done: int
    total: int


def claim(job: Job) -> bool:
    """Begin an attempt; False where three have begun already, and the job is then refused."""
    if job.attempts >= ATTEMPTS_MAX:
        refuse(job, GAVE_UP)
        return False
    lifecycle.step(job, Job.State.RUNNING, attempts=job.attempts + 1, started_at=timezone.now())
    return True


def refuse(job: Job, reason: str) -> None:
    """End it with a reason, which is what a person reads."""
    lifecycle.step(job, Job.State.REFUSED, message=reason[:400], finished_at=timezone.now())


def teller(job: Job) -> Callable[[str, int, int], None]:
    """What its worker calls with a stage, and how much of how much of it is done."""
    return lambda stage, done, total: cache.set(_key(job), (stage, done, total), PROGRESS_SECONDS)


def progress(job: Job) -> Progress | None:
    """How far a job under way has come, as its worker last said; None before it spoke, and after
    its end."""
    told = cache.get(_key(job)) if job.under_way else None
    return Progress(*told) if told else None


def _key(job: Job) -> str:
    return f"{job._meta.db_table}:{job.pk}"
