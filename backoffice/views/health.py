"""Whether the desk is alive, for whatever watches over it. Says nothing about what is in it."""

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from redis.exceptions import RedisError


@never_cache
@require_GET
def live(request: HttpRequest) -> JsonResponse:
    """The process answers: for a supervisor that restarts it otherwise. Touches no server."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_GET
def ready(request: HttpRequest) -> JsonResponse:
    """503 unless the database and the broker answer: for a balancer. One statement, one command."""
    state = {"database": "ok", "broker": "ok"}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        state["database"] = "unreachable"
    try:
        cache.get("health")
    except (RedisError, OSError):
        state["broker"] = "unreachable"
    return JsonResponse(state, status=200 if set(state.values()) == {"ok"} else 503)
