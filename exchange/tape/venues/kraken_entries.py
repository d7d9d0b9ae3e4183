"""Rows of a Kraken Futures account log, in the API's spelling or the export's."""

from decimal import Decimal
from typing import Any, NamedTuple

from exchange.tape.layout import ASSET_MOST, SYMBOL_MOST
from exchange.tape.venues.kraken import coin_of
from exchange.tape.venues.row import AS_WRITTEN, Row

NEEDED = ("booking_uid", "date", "info", "asset", "new_balance")
ALIASES = {
    "uid": "booking_uid", "dateTime": "date", "type": "info", "symbol": "asset",
    "account": "margin_account", "new balance": "new_balance", "trade price": "trade_price",
    "new average entry price": "new_average_entry_price", "realized pnl": "realized_pnl",
    "realized funding": "realized_funding", "liquidation fee": "liquidation_fee",
}  # fmt: skip
"""Columns of the export as the API spells them."""
Trade = tuple[str, int, Decimal | None]


class Entry(NamedTuple):
    """One row: `size` was added to `start`, of a contract where the asset has an underscore."""

    row: Row
    account: str
    asset: str
    time_us: int
    start: Decimal
    size: Decimal
    kind: str
    price: Decimal | None

    @property
    def time_ms(self) -> int:
        """What chaining calls the stamp."""
        return self.time_us // 1000

    @property
    def held(self) -> bool:
        """Whether it is of a position, not of cash."""
        return "_" in self.asset

    @property
    def trade(self) -> Trade:
        """What both rows of a trade share: the execution, which the export leaves out, or the
        contract; time and price."""
        shared = self.row.text("execution", self.row.text("contract", ""))
        return shared.upper(), self.time_us, self.price

    @property
    def place(self) -> dict[str, Any]:
        """Where it stands, for a list of differences."""
        return {"file": self.row.file, "row": self.row.number, "asset": self.asset}

    def stated(self) -> Decimal | None:
        """The average entry price after it, if it is printed."""
        name = "new_average_entry_price"
        return self.row.number_of(name) if self.row.has(name) else None

    def stated_before(self) -> Decimal:
        """The average entry price before it, which one that reduces leaves as it was; else the
        price of the trade."""
        reduces = self.start * self.size < 0 and abs(self.size) <= abs(self.start)
        price = (self.stated() if reduces else None) or self.price
        if price is None:
            raise self.row.refuse("trade_price", f"is missing; {AS_WRITTEN}")
        return price


def read(row: Row) -> Entry:
    """Read one row; every field that matters must be there."""
    after = row.number_of("new_balance")
    exported = "change" in row.cells
    size = row.number_of("change") if exported else after - row.number_of("old_balance")
    asset = row.name("asset", SYMBOL_MOST).upper()
    if len(asset) > ASSET_MOST and "_" not in asset or "_" in asset and not coin_of(asset):
        raise row.refuse("asset", f'"{asset}" names no coin; {AS_WRITTEN}')
    price = row.positive("trade_price") if row.has("trade_price") else None
    return Entry(
        row, row.text("margin_account", ""), asset, row.micros("date", bare_is_utc=True),
        after - size, size, row.text("info").lower(), price,
    )  # fmt: skip
