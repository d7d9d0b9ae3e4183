"""Answering with a page, or with the part of it that a script asked to swap: same context."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers


def page_or_part(
    request: HttpRequest, page: str, part: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Renders `part` for a swap, `page` otherwise."""
    response = render(request, part if swaps(request) else page, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def swaps(request: HttpRequest) -> bool:
    """Whether a script asked for a part; going back in the history wants the page."""
    return bool(request.htmx) and not request.htmx.history_restore_request
