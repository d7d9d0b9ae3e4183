"""What every response carries that Django 5.2 does not send itself."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


def content_security_policy(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Sends CONTENT_SECURITY_POLICY, under which no inline script or style runs.

    A view may set the header itself when its page needs a narrower policy; it is then left alone.
    """
    policy = "; ".join(f"{name} {what}" for name, what in settings.CONTENT_SECURITY_POLICY.items())

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return middleware
