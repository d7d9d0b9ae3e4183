"""How a page takes a proof of who decides: a fresh code that is typed, or a passkey's signature.

A form with either in it is a `ProofForm`. The script of the page asks `ask` what is to be signed,
has the device sign it, and sends the answer in the form's hidden field; without script, or
without a passkey, there is the code.
"""

import json
from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from backoffice.models import Role
from backoffice.services import passkeys, signing
from backoffice.services.approvals import Proof
from backoffice.services.refusals import Refused, WrongCode
from backoffice.services.second_factor import Code
from backoffice.views import access
from backoffice.views.plans import fetch
from backoffice.views.refusing import status_of

CODE = {"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": 8}


class OnceInput(forms.HiddenInput):
    """A hidden field that is never sent back: what was signed is used once or not at all."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """As for any hidden field, without its value."""
        return super().get_context(name, None, attrs)


class SignedField(forms.CharField):
    """A passkey's answer as the script sends it: which challenge, in which role, what was said."""

    widget = OnceInput

    def to_python(self, value: Any) -> dict[str, Any] | None:  # type: ignore[override]
        """The answer as a mapping, or None when there is none."""
        text = super().to_python(value)
        if not text:
            return None
        try:
            answer = json.loads(text)
            kept = {"challenge": int(answer["challenge"]), "role": str(answer["role"])}
        except (TypeError, ValueError, KeyError) as error:
            raise forms.ValidationError(_("The passkey's answer cannot be read.")) from error
        if not isinstance(answer.get("response"), dict):
            raise forms.ValidationError(_("The passkey's answer cannot be read."))
        return kept | {"response": answer["response"]}


class ProofForm(forms.Form):
    """The digest that was looked at, and a code or a passkey's answer.

    Who holds several of the roles that are asked for chooses the one they act in.
    """

    digest = forms.CharField(widget=forms.HiddenInput)
    signed = SignedField(required=False)
    code = forms.CharField(
        label=_("Code of your authenticator"),
        widget=forms.TextInput(attrs=CODE),
        help_text=_("A fresh one: a code decides once."),
    )

    def __init__(self, *args: Any, roles: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"{self.__class__.__name__.lower()}_%s", **kwargs)
        if len(roles) > 1:
            self.fields["role"] = forms.ChoiceField(
                label=_("You act as"), choices=[(role, Role.Name(role).label) for role in roles],
                initial=roles[0], widget=forms.RadioSelect,
            )  # fmt: skip
            self.order_fields([*(name for name in self.fields if name != "code"), "code"])

    def clean(self) -> dict[str, Any]:
        """With a passkey's answer no code is needed."""
        given = super().clean() or {}
        if given.get("signed"):
            self.errors.pop("code", None)
        return given

    @property
    def proof(self) -> Proof:
        """What the valid form proves with."""
        if signed := self.cleaned_data["signed"]:
            return signing.Assertion(signed["challenge"], signed["response"])
        return Code(self.cleaned_data["code"])

    @property
    def role(self) -> str | None:
        """The role that was signed for, or that was chosen; None when there was no choice."""
        signed = self.cleaned_data["signed"]
        return signed["role"] if signed else self.cleaned_data.get("role")

    def refuse(self, refused: Refused) -> bool:
        """Show a refusal at the field it is about; False when it is about none."""
        if not isinstance(refused, WrongCode):
            return False
        self.add_error("code", str(refused))
        return True


@require_POST
@access.staff()
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """What a passkey is to sign for a decision on the plan, as JSON; or why not."""
    plan = fetch(request, pk)
    plan.digest = request.POST.get("digest", "")
    try:
        challenge, options = signing.ask(
            plan=plan, by=request.user, decision=request.POST.get("decision", ""),
            role=request.POST.get("role") or None,
        )  # fmt: skip
    except Refused as refused:
        return JsonResponse({"refused": str(refused)}, status=status_of(refused))
    return JsonResponse({"challenge": challenge.pk, "role": challenge.role, "publicKey": options})


def place(request: HttpRequest) -> dict[str, Any]:
    """Whether whoever asks can sign on this page: their passkeys, and the address where they work
    when it is another than this one (empty: there is none). One statement."""
    here = f"{request.scheme}://{request.get_host()}"
    return {
        "passkeys": list(passkeys.of(request.user)),
        "passkeys_here": passkeys.usable_at(here),
        "passkeys_at": next(iter(passkeys.origins()), ""),
    }
