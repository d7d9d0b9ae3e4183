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


_BY_CODE = "(SELECT a.id FROM exchange_account a WHERE "
_BY_CUSTOMER = (
    "(SELECT a.id FROM exchange_customer c JOIN exchange_account a ON a.customer_id = c.id WHERE "
)
# What was typed, read as the names were: every word of it begins a word of the name.
_WORDS = (
    "(SELECT string_agg(quote_literal(lexeme) || ':*', ' & ')"
    " FROM unnest(to_tsvector('simple', %s)))::tsquery"
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

    `search` is the beginning of a code, the beginnings of words of a name, or a whole e-mail
    address: an address is found only whole, so that nobody reads one out of the search letter by
    letter. Each way is an index of its own, read to the end of the page and no further.
    """
    size = keyset.limited(limit)
    conditions = ['a.venue_id = %s AND a.code COLLATE "C" > %s']
    arguments: list[int | str] = [venue_id, after]
    if kind:
        conditions.append("a.kind = %s")
        arguments.append(kind)
    if tag:
        conditions.append("%s = ANY (string_to_array(a.tags, ' '))")
        arguments.append(tag)
    found, texts = _found(search.strip(), " AND ".join(conditions), arguments, size + 1)
    with connection.cursor() as cursor:
        cursor.execute(
            f'{_ACCOUNT} WHERE a.id IN ({found}) ORDER BY a.code COLLATE "C" LIMIT %s',
            [*texts, size + 1],
        )
        return keyset.page(cursor.fetchall(), size, AccountRow, lambda row: row.code)


def anywhere(search: str, *, limit: int) -> list[tuple[AccountRow, str]]:
    """The first accounts of any venue that match as in `of_venue`, with their venue's code."""
    found, texts = _found(search.strip(), "true", [], limit)
    with connection.cursor() as cursor:
        cursor.execute(
            f"{_ACCOUNT.replace(' FROM ', ', v.code FROM ', 1)}"
            f" JOIN exchange_venue v ON v.id = a.venue_id WHERE a.id IN ({found})"
            ' ORDER BY a.venue_id DESC, a.code COLLATE "C" LIMIT %s',
            [*texts, limit],
        )
        return [(AccountRow(*row[:-1]), row[-1]) for row in cursor.fetchall()]


def _found(
    search: str, condition: str, arguments: list[int | str], most: int
) -> tuple[str, list[int | str]]:
    """SQL and arguments of the ids of at most `most` accounts a way, in the order of their codes.

    `condition` is on `a`; `arguments` are its.
    """
    end = f' AND {condition} ORDER BY a.code COLLATE "C" LIMIT {most})'
    if not search:
        return f"{_BY_CODE}true{end}", arguments
    if "@" in search:
        return f"{_BY_CUSTOMER}lower(c.email) = lower(%s){end}", [search, *arguments]
    return (
        f'{_BY_CODE}a.code COLLATE "C" LIKE %s{end}'
        f" UNION ALL {_BY_CUSTOMER}to_tsvector('simple', c.name) @@ {_WORDS}{end}",
        [f"{_literal(search)}%", *arguments, search, *arguments],
    )


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
