"""Binance public data: trades, aggregated trades, mark-price candles, liquidation snapshots.

Older files have no header line; the columns are then in the order below. Spot files have one more
column, and count microseconds since 2025. Coin-margined trades state the coins (``base_qty``) in
the place of the quote quantity; what that must be hangs on the contract's face. Files of several
contracts are told apart by their names, as published.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from exchange.tape.venues import Outcome, public
from exchange.tape.venues.columns import Columns, Integers, sure
from exchange.tape.venues.files import LISTS
from exchange.tape.venues.public import TRUTH, Feed, Numbers, positive, series, where
from exchange.tape.venues.row import AS_WRITTEN, Row

DONE = "filled"
SIDES = {"buy": 1, "sell": -1}
FACES = (10, 100)
"""Dollars one coin-margined contract is worth: 100 for BTC, 10 for other coins."""
OLD = {
    "quoteQty": "quote_qty", "baseQty": "base_qty", "isBuyerMaker": "is_buyer_maker",
    "isBestMatch": "is_best_match",
}  # fmt: skip
AGGREGATED = {
    "a": "agg_trade_id", "p": "price", "q": "quantity", "f": "first_trade_id",
    "l": "last_trade_id", "T": "transact_time", "m": "is_buyer_maker",
}  # fmt: skip
LIQUIDATED = {
    "origQty": "original_quantity", "executedQty": "accumulated_fill_quantity",
    "status": "order_status", "s": "symbol", "S": "side", "q": "original_quantity", "p": "price",
    "X": "order_status", "z": "accumulated_fill_quantity", "T": "time",
}  # fmt: skip
"""Columns as older headers, the API and its feeds spell them."""


def _trade(row: Row) -> tuple[str, int | None, int]:
    positive(row, "price", "qty")
    row.choice("is_buyer_maker", TRUTH)
    return series(row, "trades"), row.integer("id"), row.micros("time")


def _quote(row: Row, before: Row | None, numbers: Numbers) -> None:
    """quote_qty = price * qty (coin-margined files print base_qty, which needs the contract)."""
    stated = numbers["quote_qty"]
    if not row.has("quote_qty"):
        stated.undetermined += 1
        return
    venue, price, quantity = (row.number_of(name) for name in ("quote_qty", "price", "qty"))
    unit = Decimal(1).scaleb(min(0, int(venue.as_tuple().exponent)))
    exact = price * quantity
    if abs(exact - venue) >= unit and any(
        abs(quantity * face / price - venue) < unit for face in FACES
    ):
        stated.undetermined += 1  # coins: a coin-margined file without a header
        return
    stated.compare(exact if abs(exact - venue) >= unit else venue, venue, where(row))


def _plain_trades(columns: Columns) -> tuple[Integers, dict[str, int]]:
    price, quantity = columns.positive("price", "qty")
    columns.words("is_buyer_maker", TRUTH)
    columns.counts("time")
    if "quote_qty" not in columns:
        return columns.integers("id"), {"quote_qty": 0}
    columns.product("quote_qty", price, quantity)
    return columns.integers("id"), {"quote_qty": columns.count - 1}


def _aggregate(row: Row) -> tuple[str, int | None, int]:
    positive(row, "price", "quantity")
    row.choice("is_buyer_maker", TRUTH)
    return series(row, "aggTrades"), row.integer("agg_trade_id"), row.micros("transact_time")


def _joined(row: Row, before: Row | None, numbers: Numbers) -> None:
    """The trades of an aggregate begin after those of the aggregate before it."""
    first, last = row.integer("first_trade_id"), row.integer("last_trade_id")
    if last < first:
        raise row.refuse("last_trade_id", f"{last} is below first_trade_id {first}; {AS_WRITTEN}")
    if before is None or before.integer("agg_trade_id") + 1 != row.integer("agg_trade_id"):
        numbers["first_trade_id"].undetermined += 1
    else:
        ours = before.integer("last_trade_id") + 1
        numbers["first_trade_id"].compare(ours, first, where(row))


def _plain_aggregates(columns: Columns) -> tuple[Integers, dict[str, int]]:
    columns.positive("price", "quantity")
    columns.words("is_buyer_maker", TRUTH)
    columns.counts("transact_time")
    number = columns.integers("agg_trade_id")
    first, last = columns.integers("first_trade_id"), columns.integers("last_trade_id")
    follows = np.diff(number) == 1
    sure(last >= first, (last[:-1] + 1 == first[1:])[follows])
    return number, {"first_trade_id": int(follows.sum())}


def _candle(row: Row) -> tuple[str, int | None, int]:
    positive(row, "open", "high", "low", "close")
    if row.micros("close_time") < row.micros("open_time"):
        raise row.refuse("close_time", f"is before open_time; {AS_WRITTEN}")
    opened = row.micros("open_time")
    return series(row, "klines"), opened, opened


def _length(row: Row) -> int:
    """Microseconds to the next candle's opening, one unit of the file's count after this closes."""
    opened = row.micros("open_time")
    unit = max(1, opened // row.integer("open_time"))
    return row.micros("close_time") + unit - opened


def _ohlc(row: Row, before: Row | None, numbers: Numbers) -> None:
    """Low and high bound open and close; candles close where the next one opens."""
    prices = {name: row.number_of(name) for name in ("open", "high", "low", "close")}
    numbers["high"].compare(max(prices.values()), prices["high"], where(row))
    numbers["low"].compare(min(prices.values()), prices["low"], where(row))
    ends, opened = numbers["open_time"], row.integer("open_time")
    if before is None or before.integer("close_time") + 1 < opened:
        ends.undetermined += 1  # the first, or candles between are missing
    else:
        ends.compare(before.integer("close_time") + 1, opened, where(row))


def _plain_candles(columns: Columns) -> tuple[Integers, dict[str, int]]:
    """Candles of which each opens when the one before closed are numbered one by one."""
    opened, closed = columns.counts("open_time"), columns.counts("close_time")
    first, high, low, last = columns.positive("open", "high", "low", "close")
    sure(closed >= opened, closed[:-1] + 1 == opened[1:])
    sure(high >= np.maximum(first, last), low <= np.minimum(first, last), high >= low)
    return np.arange(columns.count), dict.fromkeys(("high", "low", "open_time"), columns.count - 1)


def _order(row: Row) -> tuple[str, int | None, int]:
    positive(row, "original_quantity", "price")
    row.choice("side", SIDES)
    return row.text("symbol", series(row, "liquidations")), None, row.micros("time")


def _filled(row: Row, before: Row | None, numbers: Numbers) -> None:
    """A filled order's accumulated quantity is its original one; no order fills more."""
    original = row.number_of("original_quantity")
    done = row.number_of("accumulated_fill_quantity")
    if done < 0:
        raise row.refuse("accumulated_fill_quantity", f"{done} is below zero; {AS_WRITTEN}")
    full = row.text("order_status").lower() == DONE
    ours = original if full or done > original else done
    numbers["accumulated_fill_quantity"].compare(ours, done, where(row))


FEEDS = {
    feed.name: feed
    for feed in (
        Feed("binance-trades",
             ("id", "price", "qty", "quote_qty", "time", "is_buyer_maker", "is_best_match"),
             ("id", "price", "qty", "time", "is_buyer_maker"), _trade, _quote, ("quote_qty",),
             aliases=OLD, plain=_plain_trades),
        Feed("binance-aggtrades",
             ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id",
              "transact_time", "is_buyer_maker", "is_best_match"),
             ("agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id",
              "transact_time", "is_buyer_maker"), _aggregate, _joined, ("first_trade_id",),
             aliases=AGGREGATED, plain=_plain_aggregates),
        Feed("binance-klines",
             ("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume",
              "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"),
             ("open_time", "open", "high", "low", "close", "close_time"), _candle, _ohlc,
             ("high", "low", "open_time"), step=_length, plain=_plain_candles),
        Feed("binance-liquidations",
             ("time", "side", "order_type", "time_in_force", "original_quantity", "price",
              "average_price", "order_status", "last_fill_quantity", "accumulated_fill_quantity"),
             ("time", "side", "original_quantity", "price", "order_status",
              "accumulated_fill_quantity"), _order, _filled, ("accumulated_fill_quantity",),
             lists=(*LISTS, "o"), aliases=LIQUIDATED),
    )
}  # fmt: skip


def run(name: str, paths: Sequence[Path]) -> Outcome:
    """Read one of the formats."""
    return public.run(FEEDS[name], paths)
