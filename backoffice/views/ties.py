"""The ties one declares: to the accounts of oneself, of relatives, of friends.

They are only added to. What follows from them is computed (`recusals`), so nobody decides for
themselves whether a tie matters.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from backoffice.services import recusals
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.refusing import status_of
from exchange.models import Venue


class TieForm(forms.Form):
    """An account, and what one is to it."""

    venue = forms.ModelChoiceField(Venue.objects.order_by("name"), label=_("Exchange"))
    code = forms.CharField(label=_("Account code"), max_length=64)
    relation = forms.CharField(
        label=_("What you are to it"), max_length=recusals.RELATION_MAX,
        help_text=_("Own, spouse, sibling, a company you have a share in."),
    )  # fmt: skip

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, auto_id="tie_%s")


@require_http_methods(["GET", "POST"])
@access.staff()
def index(request: HttpRequest) -> HttpResponse:
    """One's own ties, and the form that declares another."""
    if request.method != "POST":
        return _page(request, TieForm())
    form, status = TieForm(request.POST), 422
    if form.is_valid():
        try:
            recusals.declare(by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.add_error(None, str(refused))
            status = status_of(refused)
        else:
            messages.success(request, _("Your tie is declared."))
            return redirect("ties")
    return _page(request, form, status)


def _page(request: HttpRequest, form: TieForm, status: int = 200) -> HttpResponse:
    context = {"ties": recusals.ties(request.user), "form": form}
    return render(request, "ties/page.html", context, status=status)
