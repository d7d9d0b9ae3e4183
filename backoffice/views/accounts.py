"""The accounts of an incident, and one account with everything about it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from backoffice.views import access


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One account."""
    account = access.account(request, pk)
    return render(request, "accounts/detail.html", {"account": account})
