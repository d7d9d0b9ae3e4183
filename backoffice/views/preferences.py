"""Stores a reader's choice of theme, clock, density and the like in a cookie."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from backoffice.preferences import COOKIE_AGE_SECONDS, PREFERENCES


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep every known choice of the form and go back; unknown names and values are dropped."""
    to = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(to, {request.get_host()}, request.is_secure())
    response = redirect(to if safe else "/")
    for preference in PREFERENCES:
        value = request.POST.get(preference.name)
        if value in preference.options:
            response.set_cookie(
                preference.cookie, value, max_age=COOKIE_AGE_SECONDS, samesite="Lax",
                secure=settings.SESSION_COOKIE_SECURE,
            )  # fmt: skip
    return response
