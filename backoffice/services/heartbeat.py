"""A sign of life that has gone the whole way: clock, broker, worker.

A worker can be connected and yet take nothing; a clock can be dead while everything else answers.
Only a task that was sent by the clock and run by a worker proves that nudges arrive. The mark is in
the cache, not in the database: it is worth nothing after a restart.
"""

import time

from django.core.cache import cache

KEY = "heartbeat"
KEPT_SECONDS = 7 * 24 * 3600


def beat() -> None:
    """Marks now. Called by the sweeper, which the clock sends every 15 seconds."""
    cache.set(KEY, time.time(), timeout=KEPT_SECONDS)


def seconds_since() -> float | None:
    """Seconds since the last mark; None when there is none. Raises redis' errors."""
    marked = cache.get(KEY)
    return None if marked is None else max(0.0, time.time() - marked)
