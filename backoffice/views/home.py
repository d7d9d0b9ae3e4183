"""The front door: everyone is sent to the page that is theirs."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from backoffice.views import access


@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Staff to the incidents, customers to their statement, everyone else to the notices."""
    if access.standing(request).is_staff:
        return redirect("incidents")
    if request.user.is_authenticated and request.user.customer_id:
        return redirect("portal")
    return redirect("public")


@require_GET
def help_page(request: HttpRequest) -> HttpResponse:
    """What the words mean and which keys lead where, in the reader's own frame."""
    is_staff = access.standing(request).is_staff
    return render(
        request,
        "help/page.html",
        {"frame": "desk.html" if is_staff else "public.html", "is_staff": is_staff},
    )
