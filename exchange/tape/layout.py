"""The tables of a bundle and the columns of each: the one description the reader works from.

`docs/formats/bundle.md` says the same for people. A column with an `exact` name is one of a pair:
the human column carries decimals or ISO times, the exact one integers, and a table has exactly one
of the two. Columns are read in this order, so a price comes after the contract it belongs to.
"""

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """How a cell is read."""

    TEXT = "text"
    CHOICE = "one of a list of words"
    REFERENCE = "the key of a row in another table"
    INTEGER = "whole number"
    DECIMAL = "decimal number"
    TIME = "instant"
    PRICE = "price, a multiple of the contract's tick"
    AMOUNT = "amount of an asset"


class Column(NamedTuple):
    """One column. `choices` are numbered by their position; `table` is what a reference points to
    or, for an amount, the column that names its asset ("asset") or its contract ("contract")."""

    name: str
    kind: Kind
    exact: str = ""
    choices: tuple[str, ...] = ()
    table: str = ""
    optional: bool = False
    blank: bool = False
    longest: int = 0
    least: int | None = None
    most: int | None = None

    @property
    def key(self) -> str:
        """The name under which the values go on: the exact one of a pair."""
        return self.exact or self.name


class Table(NamedTuple):
    """One table. `key` columns together are unique; an optional table may be missing."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    optional: bool = False


WALLETS = ("futures", "funding")
ACCOUNT_KINDS = ("customer", "insurance", "house")
MARGIN_MODES = ("cross", "fixed")
LANGUAGES = ("en", "zh-Hans")
CONTRACT_KINDS = ("inverse", "linear", "quanto")
SIDES = ("buy", "sell")
LIQUIDITY = ("maker", "taker")
REASONS = ("trade", "takeover", "liquidation", "delivery")
TRANSFER_KINDS = ("deposit", "withdrawal", "internal")
ORDER_STATUS = ("open", "filled", "cancelled", "rejected")
ORDER_TYPES = ("limit", "market")

SYMBOL_MOST, ASSET_MOST = 40, 16
QUANTITY_MOST = 10**12
PRICE_MOST = 10**12

_TIME = Column("time", Kind.TIME, exact="time_us")
_CONTRACT = Column("contract", Kind.REFERENCE, table="contracts")
_ACCOUNT = Column("account", Kind.REFERENCE, table="accounts")
_ASSET = Column("asset", Kind.REFERENCE, table="assets")
_WALLET = Column("wallet", Kind.CHOICE, choices=WALLETS)
_AMOUNT = Column("amount", Kind.AMOUNT, exact="amount_units", table="asset")
_PRICE = Column("price", Kind.PRICE, exact="price_ticks", least=1, most=PRICE_MOST)
_SIGNED = Column("quantity", Kind.INTEGER, least=-QUANTITY_MOST, most=QUANTITY_MOST)
_QUANTITY = Column("quantity", Kind.INTEGER, least=1, most=QUANTITY_MOST)
_SEQ = Column("seq", Kind.INTEGER, least=0)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table(
            "assets",
            (
                Column("code", Kind.TEXT, longest=ASSET_MOST),
                Column("decimals", Kind.INTEGER, least=0, most=18),
            ),
            key=("code",),
        ),
        Table(
            "contracts",
            (
                Column("symbol", Kind.TEXT, longest=SYMBOL_MOST),
                Column("kind", Kind.CHOICE, choices=CONTRACT_KINDS),
                Column("underlying", Kind.TEXT, longest=ASSET_MOST),
                Column("settle", Kind.REFERENCE, table="assets"),
                Column("face", Kind.DECIMAL),
                Column("tick", Kind.DECIMAL),
                Column("lot", Kind.INTEGER, least=1, most=QUANTITY_MOST),
                Column("expiry", Kind.TIME, exact="expiry_us", blank=True),
            ),
            key=("symbol",),
        ),
        Table(
            "accounts",
            (
                Column("account", Kind.TEXT, longest=64),
                Column("customer", Kind.TEXT, blank=True, longest=64),
                Column("kind", Kind.CHOICE, choices=ACCOUNT_KINDS),
                Column("name", Kind.TEXT, longest=160),
                Column("email", Kind.TEXT, blank=True, longest=254),
                Column("language", Kind.CHOICE, choices=LANGUAGES),
                Column("margin_mode", Kind.CHOICE, choices=MARGIN_MODES),
                Column("leverage", Kind.INTEGER, least=1, most=1000),
                Column("tags", Kind.TEXT, blank=True, longest=160),
            ),
            key=("account",),
        ),
        Table("balances", (_ACCOUNT, _WALLET, _ASSET, _AMOUNT), key=("account", "wallet", "asset")),
        Table(
            "positions",
            (
                _ACCOUNT,
                _CONTRACT,
                _SIGNED,
                Column("cost", Kind.AMOUNT, exact="cost_units", table="contract"),
            ),
            key=("account", "contract"),
        ),
        Table(
            "fills",
            (
                _SEQ,
                _TIME,
                _CONTRACT,
                _ACCOUNT,
                Column("side", Kind.CHOICE, choices=SIDES),
                _PRICE,
                _QUANTITY,
                Column("fee", Kind.AMOUNT, exact="fee_units", table="contract"),
                Column("trade", Kind.INTEGER, least=0),
                Column("order", Kind.INTEGER, least=0, optional=True),
                Column("liquidity", Kind.CHOICE, choices=LIQUIDITY),
                Column("reason", Kind.CHOICE, choices=REASONS),
            ),
            key=("seq",),
        ),
        Table(
            "prices",
            (
                _TIME,
                _CONTRACT,
                Column("mark", Kind.PRICE, exact="mark_ticks", least=1, most=PRICE_MOST),
                Column("index", Kind.PRICE, exact="index_ticks", least=1, most=PRICE_MOST),
            ),
            key=("time_us", "contract"),
        ),
        Table(
            "transfers",
            (
                _SEQ,
                _TIME,
                _ACCOUNT,
                _WALLET,
                _ASSET,
                _AMOUNT,
                Column("kind", Kind.CHOICE, choices=TRANSFER_KINDS),
                Column("reference", Kind.TEXT, blank=True, longest=80),
            ),
            key=("seq",),
        ),
        Table("liquidations", (_TIME, _ACCOUNT, _CONTRACT, _SIGNED, _PRICE)),
        Table(
            "orders",
            (
                Column("order", Kind.INTEGER, least=1),
                _TIME,
                _ACCOUNT,
                _CONTRACT,
                Column("side", Kind.CHOICE, choices=SIDES),
                Column("type", Kind.CHOICE, choices=ORDER_TYPES),
                Column(
                    "price", Kind.PRICE, exact="price_ticks", least=0, most=PRICE_MOST, blank=True
                ),
                _QUANTITY,
                Column("status", Kind.CHOICE, choices=ORDER_STATUS),
            ),
            key=("order",),
            optional=True,
        ),
    )
}
