"""Somebody's own passkeys: adding one in two steps, naming it, removing it.

The code is typed first and spent; the device then has five minutes. What was offered to the device
waits in the session, where the browser cannot change it.
"""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice import digest_words
from backoffice.models import Passkey
from backoffice.queries import people as queries
from backoffice.services import assertions
from backoffice.services import passkeys as services
from backoffice.services.refusals import Refused, WrongCode
from backoffice.views import access, proving
from backoffice.views.refusing import status_of

OFFER = "passkey-offer"
WORDS = 4


class OfferForm(forms.Form):
    """A name for the passkey, and a code that proves who adds it."""

    name = forms.CharField(
        label=_("Name"), max_length=services.NAME_MAX,
        help_text=_("So that you know it again: the telephone, the red key."),
    )  # fmt: skip
    code = forms.CharField(
        label=_("Code of your authenticator"),
        widget=forms.TextInput(attrs=proving.CODE),
        help_text=_("A fresh one. It is spent on this passkey."),
    )

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, auto_id="passkey_%s")


@require_GET
@access.staff()
def index(request: HttpRequest) -> HttpResponse:
    """One's passkeys, those that were removed, and the form that begins another."""
    return _page(request, OfferForm())


@require_POST
@access.staff()
def offer(request: HttpRequest) -> HttpResponse:
    """Spend the code; on to the device."""
    form, status = OfferForm(request.POST), 422
    if form.is_valid():
        try:
            options, offered = services.offer(by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.add_error("code" if isinstance(refused, WrongCode) else None, str(refused))
            status = status_of(refused)
        else:
            request.session[OFFER] = {"options": options, "offered": offered}
            return redirect("passkey-device")
    return _page(request, form, status)


@require_GET
@access.staff()
def device(request: HttpRequest) -> HttpResponse:
    """The second step: the browser asks the device for a key."""
    waiting = request.session.get(OFFER)
    if waiting is None:
        return redirect("passkeys")
    context = {
        "options": waiting["options"],
        "name": waiting["offered"]["name"],
        **proving.place(request),
    }
    return render(request, "passkeys/device.html", context)


@require_POST
@access.staff()
def register(request: HttpRequest) -> HttpResponse:
    """Keep what the device made."""
    waiting = request.session.get(OFFER)
    if waiting is None:
        return redirect("passkeys")
    try:
        response = json.loads(request.POST.get("response", ""))
        key = services.register(by=request.user, offered=waiting["offered"], response=response)
    except (Refused, ValueError) as refused:
        said = str(refused) if isinstance(refused, Refused) else _("The answer cannot be read.")
        messages.error(request, said)
        return redirect(
            "passkey-device" if services.offer_holds(waiting["offered"]) else "passkeys"
        )
    del request.session[OFFER]
    messages.success(request, _("%s can sign your decisions now.") % key.name)
    return redirect("passkeys")


@require_POST
@access.staff()
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one of one's passkeys out of use."""
    key = get_object_or_404(Passkey, pk=pk, person=request.user)
    try:
        services.remove(by=request.user, key=key)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("%s signs nothing any more.") % key.name)
    return redirect("passkeys")


def _page(request: HttpRequest, form: OfferForm, status: int = 200) -> HttpResponse:
    rows = [
        {"key": key, "words": digest_words.words(assertions.fingerprint(key.public_key))[:WORDS]}
        for key in queries.passkeys(request.user)
    ]
    context = {
        "rows": [row for row in rows if row["key"].removed_at is None],
        "removed": [row for row in rows if row["key"].removed_at],
        "form": form,
        **proving.place(request),
    }
    return render(request, "passkeys/list.html", context, status=status)
