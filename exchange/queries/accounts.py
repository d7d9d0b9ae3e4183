"""Reads of trading accounts and whose they are. One statement each."""

from functools import lru_cache
from typing import NamedTuple

from django.db import connection

from exchange.queries import keyset
from exchange.queries.keyset import Page


class AccountRow(NamedTuple):
    """One trading account and its customer, if it has one."""

    id: int
    code: str
    kind: str
    margin_mode: str
    leverage: int
    tags: str
    tape_index: int
    customer_id: int | None
    customer_code: str | None
    name: str | None
    email: str | None
    language: str | None


_ACCOUNT = (
    "SELECT a.id, a.code, a.kind, a.margin_mode, a.leverage, a.tags, a.tape_index, c.id, c.code,"
    " c.name, c.email, c.language FROM exchange_account a"
    " LEFT JOIN exchange_customer c ON c.id = a.customer_id"
)


def of_venue(
    venue_id: int,
    *,
    search: str = "",
    kind: str = "",
    tag: str = "",
    after: str = "",
    limit: int = keyset.LIMIT,
) -> Page[AccountRow]:
    """Accounts of a venue by code, of a kind, with a tag.

    `search` is the beginning of a code, a part of a name, or a whole e-mail address: an address is
    found only whole, so that nobody reads one out of the search letter by letter.
    """
    size = keyset.limited(limit)
    conditions = ["a.venue_id = %s", "a.code > %s"]
    arguments: list[int | str] = [venue_id, after]
    if wanted := search.strip():
        condition, texts = _matching(wanted)
        conditions.append(condition)
        arguments += texts
    if kind:
        conditions.append("a.kind = %s")
        arguments.append(kind)
    if tag:
        conditions.append("%s = ANY (string_to_array(a.tags, ' '))")
        arguments.append(tag)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_ACCOUNT} WHERE {' AND '.join(conditions)} ORDER BY a.code LIMIT %s",
            [*arguments, size + 1],
        )
        return keyset.page(cursor.fetchall(), size, AccountRow, lambda row: row.code)


def anywhere(search: str, *, limit: int) -> list[tuple[AccountRow, str]]:
    """The first accounts of any venue that match as in `of_venue`, with their venue's name."""
    condition, texts = _matching(search)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_ACCOUNT.replace(' FROM ', ', v.name FROM ', 1)}"
            f" JOIN exchange_venue v ON v.id = a.venue_id WHERE {condition}"
            " ORDER BY a.venue_id DESC, a.code LIMIT %s",
            [*texts, limit],
        )
        return [(AccountRow(*row[:-1]), row[-1]) for row in cursor.fetchall()]


def _matching(wanted: str) -> tuple[str, list[str]]:
    if "@" in wanted:
        return "lower(c.email) = lower(%s)", [wanted]
    literal = _literal(wanted)
    return "(a.code LIKE %s OR c.name ILIKE %s)", [f"{literal}%", f"%{literal}%"]


@lru_cache(maxsize=64)
def tags(venue_id: int) -> tuple[str, ...]:
    """The tags accounts of a venue carry. They come with its tape and never change, so: kept."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT unnest(string_to_array(tags, ' ')) FROM exchange_account"
            " WHERE venue_id = %s AND tags <> '' ORDER BY 1",
            [venue_id],
        )
        return tuple(row[0] for row in cursor.fetchall())


def of_customer(customer_id: int) -> list[AccountRow]:
    """A customer's accounts by code."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_ACCOUNT} WHERE a.customer_id = %s ORDER BY a.code", [customer_id])
        return [AccountRow(*row) for row in cursor.fetchall()]


def find(account_id: int) -> AccountRow | None:
    """One account."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_ACCOUNT} WHERE a.id = %s", [account_id])
        row = cursor.fetchone()
    return AccountRow(*row) if row else None


def _literal(text: str) -> str:
    """The text as itself within LIKE."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
