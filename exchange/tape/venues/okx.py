"""OKX public trades: CSV, with English headers or with the Chinese name after a slash, or as the
API answers. Newer files begin with the instrument; in older ones only the file's name says it."""

from collections.abc import Sequence
from pathlib import Path

from exchange.tape.layout import SYMBOL_MOST
from exchange.tape.venues import Outcome, public
from exchange.tape.venues.columns import Columns, Integers
from exchange.tape.venues.public import Feed, nothing, positive, series
from exchange.tape.venues.row import Row

SIDES = {"buy": 1, "sell": -1}


def _trade(row: Row) -> tuple[str, int | None, int]:
    positive(row, "price", "size")
    row.choice("side", SIDES)
    return (
        row.name("instrument_name", SYMBOL_MOST, series(row, "trades")), row.integer("trade_id"),
        row.micros("created_time"),
    )  # fmt: skip


def _plain(columns: Columns) -> tuple[Integers, dict[str, int]]:
    columns.positive("price", "size")
    columns.words("side", SIDES)
    columns.counts("created_time")
    if "instrument_name" in columns:
        columns.one("instrument_name")
    return columns.integers("trade_id"), {}


API = {
    "instId": "instrument_name", "tradeId": "trade_id", "px": "price", "sz": "size",
    "ts": "created_time",
}  # fmt: skip

FEEDS = {
    "okx-trades": Feed(
        "okx-trades", ("trade_id", "side", "size", "price", "created_time"),
        ("trade_id", "side", "size", "price", "created_time"), _trade, nothing, (),
        aliases=API, plain=_plain,
    )
}  # fmt: skip


def run(name: str, paths: Sequence[Path]) -> Outcome:
    """Read the trades."""
    return public.run(FEEDS[name], paths)
