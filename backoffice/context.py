"""What every frame knows without a view telling it: the roles behind the rail, and drill or not."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from backoffice.views import access


def frame(request: HttpRequest) -> dict[str, Any]:
    """`held_roles`, read only where a rail is drawn; `drill`, when a row of a drill is shown."""
    venue = getattr(request, "venue", None)
    return {
        "held_roles": SimpleLazyObject(lambda: access.standing(request).roles),
        "drill": bool(venue and venue.is_drill),
    }
