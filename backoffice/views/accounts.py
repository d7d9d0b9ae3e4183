"""The accounts of an incident, and one account with everything the desk knows about it.

An account needs no incident: a venue may hold nothing but one imported history.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from backoffice.contacts import masked
from backoffice.models import Incident
from backoffice.queries import accounts as desk
from backoffice.queries import comparisons
from backoffice.services import care, contacts
from backoffice.services.refusals import Refused
from backoffice.views import access
from backoffice.views.incident_frame import around
from backoffice.views.parts import page_or_part, swaps
from backoffice.views.undone import undone
from exchange.models import Account, Contract, LedgerAccount
from exchange.queries import accounts as queries
from exchange.queries import fills, ledger, liquidations, positions
from exchange.queries.keyset import Page


class Filters(forms.Form):
    """Which accounts; what is not understood is left out."""

    q = forms.CharField(label=_("Code, name or whole address"), required=False, max_length=120)
    kind = forms.ChoiceField(
        label=_("Kind"), required=False, choices=[("", _("Any")), *Account.Kind.choices]
    )
    tag = forms.ChoiceField(label=_("Tag"), required=False)

    def __init__(self, data: Any, incident: Incident) -> None:
        super().__init__(data)
        known = queries.tags(incident.venue_id)
        self.fields["tag"].choices = [("", _("Any")), *((tag, tag) for tag in known)]


class RevealForm(forms.Form):
    """Why somebody needs to see an address."""

    reason = forms.CharField(label=_("Why you need the address"), max_length=200)


@require_GET
@access.staff()
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """A page of accounts with wallets and forced closes. Three statements."""
    incident = access.incident(request, slug)
    filters = Filters(request.GET or None, incident)
    asked = filters.cleaned_data if filters.is_valid() else {}
    page = queries.of_venue(
        incident.venue_id,
        search=asked.get("q", ""),
        kind=asked.get("kind", ""),
        tag=asked.get("tag", ""),
        after=request.GET.get("after", ""),
    )
    context = {"incident": incident, "filters": filters, "page": Page(_rows(page.rows), page.after)}
    if not swaps(request):
        context |= around(incident)
    return page_or_part(request, "accounts/list.html", "accounts/_rows.html", context)


def _rows(accounts: list[queries.AccountRow]) -> list[dict[str, Any]]:
    ids = [account.id for account in accounts]
    closes, wallets = liquidations.of_accounts(ids), ledger.balances_of_accounts(ids)
    return [
        {
            "account": account,
            "email": masked(account.email),
            "closes": closes.get(account.id, 0),
            "futures": _held(wallets.get(account.id, []), LedgerAccount.Kind.FUTURES),
            "owed": _held(wallets.get(account.id, []), LedgerAccount.Kind.RECEIVABLE),
        }
        for account in accounts
    ]


def _held(wallets: list[ledger.BalanceRow], kind: str) -> list[ledger.BalanceRow]:
    return [wallet for wallet in wallets if wallet.kind == kind and wallet.amount]


@require_GET
@access.staff()
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One account."""
    account = access.account(request, pk)
    return render(request, "accounts/detail.html", _everything(request, account))


@require_GET
@access.staff()
def trades(request: HttpRequest, pk: int) -> HttpResponse:
    """A page of the account's fills, out of the tape."""
    account = access.account(request, pk)
    context = {"account": account, **fills_of(account, request.GET.get("after", ""))}
    return page_or_part(request, "accounts/fills.html", "accounts/_fills.html", context)


@require_POST
@access.staff(*contacts.REVEALERS)
def contact(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the customer's address once, for a reason that is kept."""
    account = access.account(request, pk)
    form = RevealForm(request.POST)
    context = {"account": account, "email": masked(_address(account)), "may_reveal": True}
    if form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            context["revealed"] = contacts.reveal(account=account, by=request.user, reason=reason)
        except Refused as refused:
            form.add_error("reason", str(refused))
    context["reveal_form"] = form
    if not swaps(request):
        context = _everything(request, account) | context
    status = 200 if "revealed" in context else 422
    return page_or_part(request, "accounts/detail.html", "accounts/_contact.html", context, status)


def fills_of(account: Account, after: str) -> dict[str, Any]:
    """`page` of fills with their contracts, or none where the tape is not in the store."""
    contracts = {
        row.tape_index: row
        for row in Contract.objects.filter(venue=account.venue_id).select_related("settle")
    }
    try:
        page = fills.of_account(account.venue.tape.digest, account.tape_index, after=after)
    except fills.TapeMissing:
        return {"page": Page([], ""), "tape_missing": True}
    rows = [{"fill": row, "contract": contracts[row.contract]} for row in page.rows]
    return {"page": Page(rows, page.after)}


def _everything(request: HttpRequest, account: Account) -> dict[str, Any]:
    """What the page of an account shows; twelve statements, thirteen for the care lane's roles."""
    carer = access.holds(request, *care.CARERS)
    effects, awards = desk.effects(account), desk.awards(account)
    undos = undone(row.plan for row in effects)
    return {
        "account": account,
        "email": masked(_address(account)),
        "may_reveal": access.holds(request, *contacts.REVEALERS) and account.customer is not None,
        "reveal_form": RevealForm(),
        "hold": desk.hold(account) if carer and account.customer else None,
        "incidents": desk.incidents(account),
        "wallets": ledger.balances_of_account(account.pk),
        "positions": positions.of_account(account.pk),
        "closes": liquidations.of_account(account.pk),
        "effects": [(row, undos.get(row.plan.batch_id)) for row in effects],
        "comparison": comparisons.newest_of_venue(account.venue_id),
        "awards": [
            (row, undos.get(row.programme.plan.batch_id if row.programme.plan else None))
            for row in awards
        ],
        "letters": desk.messages(account),
        "entries": ledger.entries_of_account(account.pk),
        **fills_of(account, ""),
    }


def _address(account: Account) -> str:
    return account.customer.email if account.customer else ""
