"""A customer's own pages: what happened to their money, the sum behind it, and what we wrote.

Every read starts from the signed-in person's customer. An id in an address is looked up among that
customer's rows only, so another's id is the same 404 as no id at all.
"""

from collections.abc import Callable
from functools import wraps
from typing import NamedTuple

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import get_language
from django.views.decorators.http import require_GET

from backoffice import customer_words
from backoffice.models import Plan, PlanEffect
from backoffice.queries import campaigns, notices, portal
from backoffice.services import letters, sending
from backoffice.views import downloads
from backoffice.views.undone import undone, undone_by
from exchange.models import Customer

View = Callable[..., HttpResponse]
CSV_HEAD = (
    "plan", "executed_at", "account", "asset", "futures_before", "futures_change", "futures_after",
    "funding_before", "funding_change", "funding_after", "owed_change", "reversed_result",
    "reversed_fees", "paid", "moved_out_after_cutoff", "plan_digest",
)  # fmt: skip


class Change(NamedTuple):
    """An executed plan on the statement: what it did, what is told of it, the positions it moved,
    the plan that undid it, and what is told of the change that it undid."""

    effect: PlanEffect
    told: customer_words.Told
    moved: list[portal.PositionChange]
    undone_by: Plan | None
    undid: customer_words.Told | None


def customers_only(view: View) -> View:
    """Opens a view to a person who is a customer, and hands it that customer."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        customer = request.user.customer
        if customer is None:
            raise Http404
        request.venue = customer.venue  # type: ignore[attr-defined]
        return view(request, customer, *args, **kwargs)

    return guarded


@require_GET
@customers_only
def statement(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Before, change, after and why; what they hold now; forced closes, goodwill, letters."""
    changes = list(portal.changes(customer))
    undos = undone(row.plan for row in changes)
    awards = portal.awards(customer).select_related("programme__plan")
    context = {
        "customer": customer,
        "zone": customer.venue.zone,
        "changes": _shown(changes, undos, portal.position_changes(customer)),
        "balances": portal.balances(customer),
        "positions": portal.positions(customer),
        "closes": portal.liquidations(customer),
        "awards": [(row, undos.get(row.programme.plan.batch_id)) for row in awards],
        "letters": [
            (row, undos.get(row.campaign.plan.batch_id)) for row in portal.messages(customer)
        ],
        "incidents": notices.public_incidents().filter(venue=customer.venue),
    }
    return render(request, "portal/statement.html", context)


@require_GET
@customers_only
def close(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    """The receipt of one of their forced closes, as the desk reads it."""
    row = get_object_or_404(portal.liquidations(customer).select_related("tape"), pk=pk)
    context = {"liquidation": row, "receipt": row.receipt, "zone": customer.venue.zone}
    return render(request, "portal/close.html", context)


@require_GET
@customers_only
def letter(request: HttpRequest, customer: Customer, pk: int) -> HttpResponse:
    """A message they were sent, as it was sent; one whose words were not kept, as it would be."""
    row = get_object_or_404(portal.messages(customer), pk=pk)
    kept = campaigns.kept_letter(row)
    context = {
        "letter": row,
        "kept": kept,
        "mail": kept or sending.render(row.campaign, [row.pk])[row.pk][1],
        "undone_by": undone_by(row.campaign.plan),
    }
    return render(request, "portal/letter.html", context)


@require_GET
@customers_only
def download(request: HttpRequest, customer: Customer) -> HttpResponse:
    """Every change as CSV, exact, with the digest of the plan behind it."""
    rows = (_cells(row) for row in portal.changes(customer))
    return downloads.table("statement", CSV_HEAD, rows)


def _shown(
    rows: list[PlanEffect], undos: dict[int, Plan], moved: list[portal.PositionChange]
) -> list[Change]:
    """The changes of the statement; an undo changes the accounts of what it undid, no others."""
    told = {row.plan_id: _told(row) for row in rows}
    undid = {
        undos[row.plan.batch_id].pk: told[row.plan_id] for row in rows if row.plan.batch_id in undos
    }
    return [
        Change(
            row,
            told[row.plan_id],
            [change for change in moved if change.batch == row.plan.batch_id],
            undos.get(row.plan.batch_id),
            undid.get(row.plan_id),
        )
        for row in rows
    ]


def _told(row: PlanEffect) -> customer_words.Told:
    """What was done and why, in the reader's language."""
    occasion = sending.occasion_of(row.plan.incident, row.plan)
    words = customer_words.together(occasion.remedies, get_language() or "")
    return customer_words.filled(words, letters.places(occasion))


def _cells(row: PlanEffect) -> list[downloads.Cell]:
    amounts = (
        row.futures_before, row.futures_delta, row.futures_after,
        row.funding_before, row.funding_delta, row.funding_after,
        row.receivable_delta, row.reversed_pnl, row.reversed_fees, row.paid,
        row.moved_out,
    )  # fmt: skip
    return [
        customer_words.told(row.plan.remedy, "en").label, row.plan.executed_at, row.account.code,
        row.asset.code,
        *(downloads.units(amount, row.asset.decimals) for amount in amounts), row.plan.digest,
    ]  # fmt: skip
