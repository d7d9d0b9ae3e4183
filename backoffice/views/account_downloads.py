"""An account's fills and ledger entries, whole, as CSV."""

from collections.abc import Callable, Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from backoffice import figures
from backoffice.views import access, downloads
from exchange.models import Account, Contract
from exchange.queries import fills, keyset, ledger
from exchange.queries.keyset import Page

FILL_HEAD = (
    "seq", "time", "contract", "side", "quantity", "price", "fee", "asset", "liquidity", "reason",
    "trade",
)  # fmt: skip
ENTRY_HEAD = ("journal", "effective_at", "recorded_at", "reason", "wallet", "amount", "asset")


@require_GET
@access.staff()
def trades(request: HttpRequest, pk: int) -> HttpResponse:
    """Every fill in the order of the tape. 404 where the tape is not in the store."""
    account = access.account(request, pk)
    try:
        fills.of_account(account.venue.tape.digest, account.tape_index, limit=1)
    except fills.TapeMissing as missing:
        raise Http404 from missing
    return downloads.table(f"fills-{account.code}", FILL_HEAD, _fill_cells(account))


@require_GET
@access.staff()
def entries(request: HttpRequest, pk: int) -> HttpResponse:
    """Every ledger entry, the newest journal first."""
    account = access.account(request, pk)
    rows = _all(lambda after: ledger.entries_of_account(pk, after=after, limit=keyset.LIMIT_MAX))
    cells = (
        (
            row.key, row.effective_at, row.recorded_at, row.reason, row.kind,
            downloads.units(row.amount, row.decimals), row.asset,
        )
        for row in rows
    )  # fmt: skip
    return downloads.table(f"ledger-{account.code}", ENTRY_HEAD, cells)


def _fill_cells(account: Account) -> Iterator[list[downloads.Cell]]:
    contracts = {
        row.tape_index: row
        for row in Contract.objects.filter(venue=account.venue_id).select_related("settle")
    }
    digest, number = account.venue.tape.digest, account.tape_index
    for row in _all(
        lambda after: fills.of_account(digest, number, after=after, limit=keyset.LIMIT_MAX)
    ):
        contract = contracts[row.contract]
        price = row.price * contract.tick.normalize()
        yield [
            row.seq, figures.instant(row.time), contract.symbol,
            "buy" if row.quantity > 0 else "sell", abs(row.quantity), price,
            downloads.units(row.fee, contract.settle.decimals), contract.settle.code,
            "taker" if row.taker else "maker", row.reason, row.trade,
        ]  # fmt: skip


def _all(page_after: Callable[[str], Page[Any]]) -> Iterator[Any]:
    """The rows of every page, a page of the largest size at a time."""
    after = ""
    while True:
        page = page_after(after)
        yield from page.rows
        if not page.after:
            return
        after = page.after
