"""Who may open a page, and the one way a page gets at a row: fetched and authorised in one call.

Invariants: a page of the desk is a 404 to everyone who holds no role, customers included, so that
nobody outside learns what exists; staff without a second factor reach nothing but the page that
sets one up; `is_superuser` and `is_staff` open nothing. Every row that is fetched here names its
venue to the frame, which watermarks a drill.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect

from backoffice.models import Incident, Role
from backoffice.queries import people
from exchange.models import Account, Liquidation, Venue
from exchange.queries.keyset import BadCursor

View = Callable[..., HttpResponse]
Row = TypeVar("Row", bound=Model)


def standing(request: HttpRequest) -> people.Standing:
    """The roles and second factor of whoever asks; read once a request, one statement."""
    known: people.Standing | None = getattr(request, "standing", None)
    if known is None:
        signed_in = request.user.is_authenticated and request.user.is_active
        known = people.standing(request.user) if signed_in else people.NOBODY
        request.standing = known  # type: ignore[attr-defined]
    return known


def staff(*roles: str) -> Callable[[View], View]:
    """Opens a view to staff, or to staff holding one of `roles`.

    Signed out: to the sign-in page and back. No role at all: 404. No second factor: to where one
    is set up. Another role: 403, and the page says which role it needs.
    A place in a list that no page gave out: 404.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            who = standing(request)
            if not who.is_staff:
                raise Http404
            if not who.second_factor:
                return redirect("mfa_activate_totp")
            if roles and not who.roles.intersection(roles):
                raise PermissionDenied(_needs(roles))
            try:
                return view(request, *args, **kwargs)
            except BadCursor as error:
                raise Http404 from error

        return guarded

    return decorate


def holds(request: HttpRequest, *roles: str) -> bool:
    """Whether whoever asks holds one of `roles`: to show a form or not, never to decide."""
    return bool(standing(request).roles.intersection(roles))


def _needs(roles: tuple[str, ...]) -> str:
    return "This page needs the role " + " or ".join(
        str(Role.Name(name).label).lower() for name in roles
    )


def fetch(
    request: HttpRequest, rows: QuerySet[Row], venue: Callable[[Row], Venue], **key: Any
) -> Row:
    """The one row of `rows` with this key, its venue named to the frame; 404 when there is none.

    Asserts that the view was opened by `staff`: a forgotten decorator shows nothing.
    """
    if not standing(request).is_staff:
        raise Http404
    row = get_object_or_404(rows, **key)
    request.venue = venue(row)  # type: ignore[attr-defined]
    return row


def incident(request: HttpRequest, slug: str) -> Incident:
    """An incident with its venue, tape, contract and commander; one statement."""
    rows = Incident.objects.select_related("venue", "tape", "contract__settle", "commander")
    return fetch(request, rows, lambda row: row.venue, slug=slug)


def account(request: HttpRequest, pk: int) -> Account:
    """An account with its customer and venue; one statement."""
    rows = Account.objects.select_related("venue__tape", "customer")
    return fetch(request, rows, lambda row: row.venue, pk=pk)


def liquidation(request: HttpRequest, pk: int) -> Liquidation:
    """A forced close with its account and contract; one statement."""
    rows = Liquidation.objects.select_related(
        "account__venue", "account__customer", "contract__settle", "tape"
    )
    return fetch(request, rows, lambda row: row.account.venue, pk=pk)
