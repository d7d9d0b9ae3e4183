"""Metrics for Prometheus: what waits, and whether the workers take it."""

import hmac
from functools import partial

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis import Redis
from redis.exceptions import RedisError

from backoffice.queries import backlog, webhooks
from backoffice.services import heartbeat

AWAY = (OperationalError, InterfaceError)


@never_cache
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """404 unless MAKEWHOLE_METRICS_TOKEN is set and sent as a bearer token. Three statements.

    A server that does not answer is a metric (`makewhole_database_up 0`, `makewhole_broker_up 0`),
    not an error; what would have been counted in it is left out.
    """
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    known = settings.METRICS_TOKEN
    if not known or not hmac.compare_digest(sent.encode(), known.encode()):
        raise Http404
    return HttpResponse(generate_latest(_measured()), content_type=CONTENT_TYPE_LATEST)


def _measured() -> CollectorRegistry:
    registry = CollectorRegistry()
    _backlog(registry)
    _nudges(registry)
    return registry


def _gauge(registry: CollectorRegistry, name: str, says: str, value: float) -> None:
    Gauge(f"makewhole_{name}", says, registry=registry).set(value)


def _backlog(registry: CollectorRegistry) -> None:
    """What waits, as the database counts it. Absent, not 0, while it is away."""
    gauge = partial(_gauge, registry)
    try:
        found, told = backlog.now(), webhooks.waiting()
    except AWAY:
        gauge("database_up", "Whether the database answers.", 0)
        return
    gauge("database_up", "Whether the database answers.", 1)
    gauge("messages_waiting", "Messages to customers not sent yet.", found.messages_waiting)
    gauge("messages_failed", "Messages given up on; they need tracing.", found.messages_failed)
    gauge("executions_waiting", "Executions queued or running.", found.executions_waiting)
    gauge(
        "execution_oldest_seconds",
        "Age of the oldest of them.",
        found.execution_oldest_seconds,
    )
    gauge(
        "reconciliations_failed",
        "Reconciliations that did not come out to zero. Ever.",
        found.reconciliations_failed,
    )
    gauge("glasses_unreviewed", "Broken glasses nobody reviewed yet.", found.glasses_unreviewed)
    gauge("glasses_overdue", "Of those, more than a day old.", found.glasses_overdue)
    gauge("webhooks_waiting", "Deliveries not taken by their endpoint yet.", told.queued)
    gauge("webhook_oldest_seconds", "Age of the oldest of them.", webhooks.seconds_waiting(told))
    gauge("webhooks_failed", "Deliveries given up on; a person sends them again.", told.failed)
    plans = Gauge("makewhole_plans", "Plans by state.", ["state"], registry=registry)
    for state, count in found.plans.items():
        plans.labels(state).set(count)


def _nudges(registry: CollectorRegistry) -> None:
    """Whether the workers take what they are sent, as the broker knows it."""
    gauge = partial(_gauge, registry)
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=2) as broker:
            gauge("queue_length", "Tasks no worker has taken.", broker.llen("celery"))
        since = heartbeat.seconds_since()
        gauge("broker_up", "Whether the broker answers.", 1)
    except (RedisError, OSError):
        gauge("broker_up", "Whether the broker answers.", 0)
        since = None
    # NaN, not 0 or infinity: no sign at all must neither look fresh nor spoil an average.
    gauge(
        "heartbeat_seconds",
        "Since a task last went from the clock through the broker to a worker.",
        since if since is not None else float("nan"),
    )
