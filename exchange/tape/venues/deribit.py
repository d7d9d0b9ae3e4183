"""Deribit public trades, as the API answers or the same columns as CSV.

`trade_seq` counts each instrument's trades one by one.

`tick_direction` follows from the price before: 0 higher, 1 equal after a rise, 2 lower, 3 equal
after a fall.
"""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from exchange.tape.layout import SYMBOL_MOST
from exchange.tape.venues import Outcome, public
from exchange.tape.venues.public import Feed, Numbers, positive, where
from exchange.tape.venues.row import Row

SIDES = {"buy": 1, "sell": -1}
FALLING = (2, 3)


def _trade(row: Row) -> tuple[str, int | None, int]:
    positive(row, "price", "amount")
    row.choice("direction", SIDES)
    return (
        row.name("instrument_name", SYMBOL_MOST),
        row.integer("trade_seq"),
        row.micros("timestamp"),
    )


def _direction(row: Row, before: Row | None, numbers: Numbers) -> None:
    """Compare tick_direction with the prices; the first of a series, or after a gap, is open."""
    ticks = numbers["tick_direction"]
    if before is None or before.integer("trade_seq") + 1 != row.integer("trade_seq"):
        ticks.undetermined += 1
        return
    price, last = row.number_of("price"), before.number_of("price")
    if price == last:
        ours = 3 if before.integer("tick_direction") in FALLING else 1
    else:
        ours = 0 if price > last else 2
    ticks.compare(Decimal(ours), row.number_of("tick_direction"), where(row))


FEEDS = {
    "deribit-trades": Feed(
        "deribit-trades", (),
        ("trade_seq", "timestamp", "price", "amount", "direction", "instrument_name",
         "tick_direction"),
        _trade, _direction, ("tick_direction",), lists=("result", "params", "trades", "data"),
    )
}  # fmt: skip


def run(name: str, paths: Sequence[Path]) -> Outcome:
    """Read the trades."""
    return public.run(FEEDS[name], paths)
