"""Reads of verdicts: pages with filters, totals and counts. One statement each."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from exchange.queries import keyset
from exchange.queries.keyset import Page
from exchange.queries.units import Unit


class LiquidationRow(NamedTuple):
    """One forced close; prices in ticks of `tick`, amounts in minor units of `asset`."""

    id: int
    account_id: int
    account: str
    customer: str | None
    contract_id: int
    symbol: str
    tick: Any
    asset: str
    decimals: int
    verdict: str
    recorded_at: datetime | None
    due_printed_at: datetime | None
    due_fair_at: datetime | None
    quantity: int
    price_ticks: int | None
    printed_ticks: int
    fair_ticks: int
    equity_printed: int
    maintenance_printed: int
    equity_fair: int
    maintenance_fair: int
    loss: int

    @property
    def unit(self) -> Unit:
        """What its amounts are in."""
        return Unit(self.asset, self.decimals)


class Filter(NamedTuple):
    """Which forced closes. `search`: the head of an account's code or a part of a name."""

    verdict: str = ""
    contract: str = ""
    search: str = ""


class Total(NamedTuple):
    """What the forced closes of one verdict come to in one asset (`loss`: minor units)."""

    verdict: str
    asset: str
    decimals: int
    closes: int
    accounts: int
    contracts: int
    loss: int

    @property
    def unit(self) -> Unit:
        """What its amounts are in."""
        return Unit(self.asset, self.decimals)


class Forced(NamedTuple):
    """One recorded close as a chart marks it; `at` in whole seconds since 1970."""

    at: int
    ticks: int
    quantity: int


_ALL = Filter()
_ROW = (
    "SELECT q.id, q.account_id, a.code, c.name, q.contract_id, k.symbol, k.tick, s.code,"
    " s.decimals, q.verdict, q.recorded_at, q.due_printed_at, q.due_fair_at, q.quantity,"
    " q.price_ticks, q.printed_ticks, q.fair_ticks, q.equity_printed, q.maintenance_printed,"
    " q.equity_fair, q.maintenance_fair, q.loss FROM liquidation q"
    " JOIN exchange_account a ON a.id = q.account_id"
    " LEFT JOIN exchange_customer c ON c.id = a.customer_id"
    " JOIN exchange_contract k ON k.id = q.contract_id"
    " JOIN exchange_asset s ON s.id = k.settle_id"
)


def of_tape(
    tape_id: int, chosen: Filter = _ALL, *, after: str = "", limit: int = keyset.LIMIT
) -> Page[LiquidationRow]:
    """Forced closes of a tape in the order recorded, missed ones last."""
    size = keyset.limited(limit)
    (last,) = keyset.numbers(after, 1) or [0]
    condition, arguments = _chosen(tape_id, chosen)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_ROW} WHERE {condition} AND q.id > %s ORDER BY q.id LIMIT %s",
            [*arguments, last, size + 1],
        )
        return keyset.page(cursor.fetchall(), size, LiquidationRow, lambda row: row.id)


def every(tape_id: int, chosen: Filter = _ALL) -> Iterator[LiquidationRow]:
    """All forced closes that were chosen, a page of the largest size at a time."""
    after = ""
    while True:
        found = of_tape(tape_id, chosen, after=after, limit=keyset.LIMIT_MAX)
        yield from found.rows
        if not found.after:
            return
        after = found.after


def totals(tape_id: int, chosen: Filter = _ALL) -> list[Total]:
    """What they come to by verdict and asset, the verdicts in alphabetical order."""
    condition, arguments = _chosen(tape_id, chosen)
    # A hundred thousand accounts are joined only where one of them is searched for.
    people = (
        " JOIN exchange_account a ON a.id = q.account_id"
        " LEFT JOIN exchange_customer c ON c.id = a.customer_id"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT q.verdict, s.code, s.decimals, count(*), count(DISTINCT q.account_id),"  # noqa: S608 - fixed text
            " sum(abs(q.quantity))::bigint, sum(q.loss)::bigint FROM liquidation q"
            f"{people if chosen.search.strip() else ''}"
            " JOIN exchange_contract k ON k.id = q.contract_id"
            f" JOIN exchange_asset s ON s.id = k.settle_id WHERE {condition}"
            " GROUP BY 1, 2, 3 ORDER BY 1, 2",
            arguments,
        )
        return [Total(*row) for row in cursor.fetchall()]


def _chosen(tape_id: int, chosen: Filter) -> tuple[str, list[int | str]]:
    conditions: list[str] = ["q.tape_id = %s"]
    arguments: list[int | str] = [tape_id]
    if chosen.verdict:
        conditions.append("q.verdict = %s")
        arguments.append(chosen.verdict)
    if chosen.contract:
        conditions.append("k.symbol = %s")
        arguments.append(chosen.contract)
    if wanted := chosen.search.strip():
        literal = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        conditions.append("(a.code LIKE %s OR c.name ILIKE %s)")
        arguments += [f"{literal}%", f"%{literal}%"]
    return " AND ".join(conditions), arguments


def of_account(account_id: int) -> list[LiquidationRow]:
    """Forced closes of one account."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_ROW} WHERE q.account_id = %s ORDER BY q.id", [account_id])
        return [LiquidationRow(*row) for row in cursor.fetchall()]


def counts(tape_ids: Iterable[int]) -> dict[int, dict[str, int]]:
    """How many of each verdict each tape has; tapes and verdicts without a close are absent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tape_id, verdict, count(*) FROM liquidation WHERE tape_id = ANY(%s)"
            " GROUP BY tape_id, verdict",
            [list(tape_ids)],
        )
        found: dict[int, dict[str, int]] = {}
        for tape, verdict, number in cursor.fetchall():
            found.setdefault(tape, {})[verdict] = number
    return found


def of_accounts(account_ids: Iterable[int]) -> dict[int, int]:
    """How many forced closes were recorded on each of these accounts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id, count(*) FROM liquidation"
            " WHERE account_id = ANY(%s) AND recorded_at IS NOT NULL GROUP BY account_id",
            [list(account_ids)],
        )
        return dict(cursor.fetchall())


def recorded(tape_id: int, contract_id: int) -> list[Forced]:
    """Every recorded close of a contract, by time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor(extract(epoch FROM recorded_at))::bigint, price_ticks, quantity"
            " FROM liquidation WHERE tape_id = %s AND contract_id = %s"
            " AND recorded_at IS NOT NULL ORDER BY recorded_at, id",
            [tape_id, contract_id],
        )
        return [Forced(*row) for row in cursor.fetchall()]


def forced(tape_id: int, contract_id: int, *, seconds: int) -> dict[int, int]:
    """Contracts taken over by step of `seconds` since 1970, by its first second; quiet ones not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor(extract(epoch FROM recorded_at) / %s)::bigint * %s,"
            " sum(abs(quantity))::bigint FROM liquidation WHERE tape_id = %s AND contract_id = %s"
            " AND recorded_at IS NOT NULL GROUP BY 1",
            [seconds, seconds, tape_id, contract_id],
        )
        return dict(cursor.fetchall())


def size(tape_id: int) -> tuple[int, int, int]:
    """(closes recorded, contracts taken over, accounts they were taken from) of a tape."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(abs(quantity)), 0)::bigint, count(DISTINCT account_id)"
            " FROM liquidation WHERE tape_id = %s AND recorded_at IS NOT NULL",
            [tape_id],
        )
        closes, contracts, accounts = cursor.fetchone()
    return closes, contracts, accounts
