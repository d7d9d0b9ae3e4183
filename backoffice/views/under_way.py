"""What a page says of a job under way: how far it has come, or since when no worker is at it.

Whether a worker is at it is asked of PostgreSQL; whether there is any worker, of the heartbeat,
which goes through the broker. A broker that is away is part of the answer, not an error.
"""

from datetime import datetime
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from backoffice import figures
from backoffice.models import Job
from backoffice.services import heartbeat, jobs, locks

LONG_SECONDS = 60


class Waiting(NamedTuple):
    """Work that no worker is at: since it was asked for, or since one had `begun` it. `workers` is
    what is known of them once it takes long, and empty before."""

    since: datetime
    seconds: int
    zone: str
    begun: bool
    workers: str


def told(job: Job) -> jobs.Progress | None:
    """How far its worker says it has come; None where it has said nothing, or cannot be heard."""
    try:
        return jobs.progress(job)
    except (RedisError, OSError):
        return None


def waiting(job: Job, *, space: int, number: int, zone: str) -> Waiting | None:
    """Since when the job waits; None while a worker holds the lock (space, number). One
    statement."""
    if locks.taken(space, number):
        return None
    begun = job.state != Job.State.QUEUED
    since = (begun and job.started_at) or job.requested_at
    seconds = max(0, int((timezone.now() - since).total_seconds()))
    return Waiting(since, seconds, zone, begun, _workers() if seconds >= LONG_SECONDS else "")


def _workers() -> str:
    """What is known of the workers, from the last task that one of them did for the clock."""
    try:
        since = heartbeat.seconds_since()
    except (RedisError, OSError):
        return _("The broker does not answer, so nothing reaches a worker.")
    if since is None:
        return _("No worker has answered the clock yet.")
    ago = figures.duration(int(since))
    if since >= LONG_SECONDS:
        return _("No worker has answered the clock for %s.") % ago
    words = _(
        "A worker answered the clock %s ago: it is busy with other work, or this fails in it and"
        " its log says why."
    )
    return words % ago
