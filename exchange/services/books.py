"""Opening the books of a tape: a new venue whose ledger says what the replay of the tape says.

Everything goes in by COPY and in one transaction, so a venue is there whole or not at all. The same
tape may open any number of venues (a rehearsal each); a venue has one tape.
"""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from django.db import connection, transaction

from exchange import faults
from exchange.domain import opening
from exchange.domain.legs import CashLegs, PositionLegs
from exchange.domain.replay import Holdings, replay, state_digest
from exchange.models import Account, Asset, Contract, Customer, LedgerAccount, Tape, Venue
from exchange.services import ledger
from exchange.services.copying import copy_rows
from exchange.services.refusals import BooksRefused
from exchange.tape import arrays, by_account

Progress = Callable[[str, int, int], None]
I64 = npt.NDArray[np.int64]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OUTSIDE = "outside"
"""Code of the house account that holds the other side where the tape knows only some accounts."""
CONTRACT_KINDS = (Contract.Kind.INVERSE, Contract.Kind.LINEAR, Contract.Kind.QUANTO)
ACCOUNT_KINDS = (Account.Kind.CUSTOMER, Account.Kind.INSURANCE, Account.Kind.HOUSE)
MARGIN_MODES = (Account.MarginMode.CROSS, Account.MarginMode.FIXED)
STAGE = "Opening the books"
STEPS = 6


class _Ids(NamedTuple):
    """Ids of rows by the tape's numbers; the outside account is the last of `account`."""

    asset: npt.NDArray[np.int16]
    contract: I64
    account: I64


def open_books(
    *, tape: arrays.Tape, venue: str, name: str, is_drill: bool = False, progress: Progress | None
) -> Tape:
    """Open a new venue of code `venue` with everything the tape tells; returns its tape row.

    Three journals: opening balances and positions, the trading result, the transfers. A customer's
    futures cash that ends below zero is zero and a receivable. Raises `BooksRefused` when the
    code is taken or an asset has other decimals here; nothing remains then.
    """
    say = progress or (lambda stage, done, total: None)
    say("Replaying the tape", 0, 1)
    start, closing = opening_holdings(tape), closing_holdings(tape)
    say("Replaying the tape", 1, 1)
    with transaction.atomic():
        say(STAGE, 0, STEPS)
        place = _venue(tape, venue, name, is_drill=is_drill)
        ids = _Ids(_assets(tape), _contracts(tape, place), _accounts(tape, place))
        faults.reach("books.accounts")
        say(STAGE, 1, STEPS)
        three = opening.journals(
            customers=tape.accounts.kind == arrays.KIND_CUSTOMER,
            asset_of=settlement_assets(tape),
            assets=len(tape.assets.code),
            balances=opening.Moneys(
                tape.balances.account, tape.balances.wallet, tape.balances.asset,
                tape.balances.amount,
            ),
            opening=start,
            closing=closing,
            transfers=opening.Moneys(
                tape.transfers.account, tape.transfers.wallet, tape.transfers.asset,
                tape.transfers.amount,
            ),
        )  # fmt: skip
        found = _ledger_accounts(tape, place, ids, three)
        faults.reach("books.ledger_accounts")
        say(STAGE, 2, STEPS)
        first, last = span(tape)
        for number, (reason, at) in enumerate(
            (("opening", first), ("trading", last), ("transfers", last))
        ):
            _post(place, reason, at, three[number], found, ids)
            faults.reach(f"books.{reason}")
            say(STAGE, 3 + number, STEPS)
        row = Tape.objects.create(
            venue=place, digest=tape.digest, manifest=tape.manifest,
            accounts=len(tape.accounts.code), fills=len(tape.fills.seq),
            starts_at=first, ends_at=last, state_digest=state_digest(closing),
        )  # fmt: skip
        _analyze()
        faults.reach("books.opened")
    say(STAGE, STEPS, STEPS)
    say("Indexing the fills by account", 0, 1)
    by_account.build(tape.digest)
    say("Indexing the fills by account", 1, 1)
    return row


def opening_holdings(tape: arrays.Tape) -> Holdings:
    """The positions before the first fill, as the replay takes them."""
    held = tape.positions
    rows = np.lexsort((held.contract, held.account))
    none = np.zeros(len(rows), np.int64)
    return Holdings(
        held.account[rows], held.contract[rows], held.quantity[rows], held.cost[rows], none, none
    )


def closing_holdings(tape: arrays.Tape) -> Holdings:
    """The state after the last fill of the tape."""
    last = int(tape.fills.time[-1]) if len(tape.fills.time) else 0
    workers = os.cpu_count() or 1
    (state,) = replay(opening_holdings(tape), tape.fills, tape.specs, [last], workers=workers)
    return state


def settlement_assets(tape: arrays.Tape) -> npt.NDArray[np.int16]:
    """The number of each contract's settlement asset."""
    number = {code: index for index, code in enumerate(tape.assets.code)}
    return np.array([number[spec.settle] for spec in tape.specs], np.int16)


def span(tape: arrays.Tape) -> tuple[datetime, datetime]:
    """First and last instant of the tape: the manifest's window, widened to every fill."""
    window = tape.manifest["window"]
    first, last = (datetime.fromisoformat(window[end]) for end in ("start", "end"))
    times = tape.fills.time
    if len(times):
        first = min(first, instant(int(times[0])))
        last = max(last, instant(int(times[-1])))
    return first.astimezone(UTC), last.astimezone(UTC)


def instant(microseconds: int) -> datetime:
    """The UTC time of a number of microseconds since 1970, exactly."""
    return EPOCH + timedelta(microseconds=microseconds)


def _venue(tape: arrays.Tape, code: str, name: str, *, is_drill: bool) -> Venue:
    place, made = Venue.objects.get_or_create(
        code=code,
        defaults={
            "name": name,
            "zone": tape.manifest["zone"],
            "rules": tape.manifest["rules"],
            "is_drill": is_drill,
        },
    )
    if not made:
        raise BooksRefused(f"There is a venue {code} already; give the new one another code.")
    return place


def _assets(tape: arrays.Tape) -> npt.NDArray[np.int16]:
    codes, decimals = tape.assets.code, tape.assets.decimals.tolist()
    Asset.objects.bulk_create(
        [Asset(code=code, decimals=places) for code, places in zip(codes, decimals, strict=True)],
        ignore_conflicts=True,
    )
    known = {row.code: row for row in Asset.objects.filter(code__in=codes)}
    for code, places in zip(codes, decimals, strict=True):
        if known[code].decimals != places:
            raise BooksRefused(
                f"{code} has {places} decimals on this tape and {known[code].decimals} here."
            )
    return np.array([known[code].pk for code in codes], np.int16)


def _contracts(tape: arrays.Tape, venue: Venue) -> I64:
    settle = {row.code: row for row in Asset.objects.filter(code__in=tape.assets.code)}
    made = Contract.objects.bulk_create(
        Contract(
            venue=venue, symbol=spec.symbol, kind=CONTRACT_KINDS[spec.kind],
            underlying=spec.underlying, settle=settle[spec.settle], face=spec.face,
            tick=spec.tick, lot=spec.lot, tape_index=index,
            expires_at=instant(spec.expires_us) if spec.expires_us else None,
        )
        for index, spec in enumerate(tape.specs)
    )  # fmt: skip
    return np.array([contract.pk for contract in made], np.int64)


def _accounts(tape: arrays.Tape, venue: Venue) -> I64:
    """Customers, accounts and the outside account, by COPY; their ids in the tape's order."""
    table = tape.accounts
    first_of: dict[str, int] = {}
    for index, customer in enumerate(table.customer):
        if customer:
            first_of.setdefault(customer, index)
    copy_rows(
        Customer._meta.db_table,
        ["venue_id", "code", "name", "email", "language"],
        [
            (venue.pk, code, table.name[i], table.email[i], table.language[i].lower())
            for code, i in first_of.items()
        ],
    )
    customer_id = dict(zip(first_of, _ids_of(Customer._meta.db_table, venue), strict=True))
    kinds, modes = table.kind.tolist(), table.margin_mode.tolist()
    leverages = table.leverage.tolist()
    names = ["venue_id", "customer_id", "code", "kind", "margin_mode", "leverage", "tags",
             "tape_index"]  # fmt: skip
    rows: list[Sequence[Any]] = [
        (venue.pk, customer_id.get(table.customer[i]), code, ACCOUNT_KINDS[kinds[i]].value,
         MARGIN_MODES[modes[i]].value, leverages[i], table.tags[i], i)
        for i, code in enumerate(table.code)
    ]  # fmt: skip
    outside = OUTSIDE if OUTSIDE not in table.code else f"{OUTSIDE}-{len(rows)}"
    rows.append((venue.pk, None, outside, Account.Kind.HOUSE.value, MARGIN_MODES[0].value, 1, "",
                 len(rows)))  # fmt: skip
    copy_rows(Account._meta.db_table, names, rows)
    return _ids_of(Account._meta.db_table, venue)


def _ledger_accounts(
    tape: arrays.Tape, venue: Venue, ids: _Ids, three: opening.Journals
) -> dict[tuple[int, int, int], int]:
    """Open every account the journals name, and the house's; ids by (kind, owner, asset)."""
    settle = settlement_assets(tape).tolist()
    house = (opening.CUSTODY, opening.FEES, opening.GOODWILL, opening.CAPITAL)
    wanted = {
        (kind, opening.HOUSE, asset) for kind in house for asset in range(len(tape.assets.code))
    }
    wanted |= {(opening.CLEARING, contract, asset) for contract, asset in enumerate(settle)}
    for cash, _ in three:
        wanted |= set(zip(cash.kind.tolist(), cash.owner.tolist(), cash.asset.tolist(),
                          strict=True))  # fmt: skip
    ordered = sorted(wanted)
    assets, contracts, accounts = ids.asset.tolist(), ids.contract.tolist(), ids.account.tolist()
    copy_rows(
        LedgerAccount._meta.db_table,
        ["venue_id", "kind", "asset_id", "account_id", "contract_id"],
        [
            (
                venue.pk,
                opening.KINDS[kind],
                assets[asset],
                accounts[owner] if kind <= opening.RECEIVABLE else None,
                contracts[owner] if kind == opening.CLEARING else None,
            )
            for kind, owner, asset in ordered
        ],
    )
    found = _ids_of(LedgerAccount._meta.db_table, venue).tolist()
    return dict(zip(ordered, found, strict=True))


def _post(
    venue: Venue,
    reason: str,
    at: datetime,
    journal: tuple[opening.Places, opening.Moves],
    found: dict[tuple[int, int, int], int],
    ids: _Ids,
) -> None:
    cash, moves = journal
    if not len(cash.amount) and not len(moves.cost):
        return
    places = zip(cash.kind.tolist(), cash.owner.tolist(), cash.asset.tolist(), strict=True)
    ledger.post(
        venue=venue,
        key=f"{venue.code}:{reason}",
        reason=reason,
        memo="from the tape",
        effective_at=at,
        legs=CashLegs(
            np.fromiter((found[place] for place in places), np.int64, len(cash.amount)),
            ids.asset[cash.asset],
            cash.amount,
        ),
        position_legs=PositionLegs(
            ids.account[moves.account], ids.contract[moves.contract], moves.quantity, moves.cost
        ),
    )


def _ids_of(table: str, venue: Venue) -> I64:
    """Ids of a new venue's rows in the order they were copied: a sequence only grows."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT array_agg(id ORDER BY id) FROM {connection.ops.quote_name(table)}"  # noqa: S608 - a model's table
            " WHERE venue_id = %s",
            [venue.pk],
        )
        row = cursor.fetchone()
    return np.array(row[0] if row and row[0] else [], np.int64)


def _analyze() -> None:
    """Fresh tables have no statistics; the plans of the first screens would be guesses."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ANALYZE ledger_account, balance, position, ledger_entry_0, position_entry_0,"
            " exchange_account, exchange_customer"
        )
