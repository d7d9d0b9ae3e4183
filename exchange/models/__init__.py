"""The rows of the books. One module per noun; everything is importable from here."""

from exchange.models.accounts import Account, Customer
from exchange.models.contracts import Asset, Contract, Venue
from exchange.models.ledger import Balance, Batch, Journal, LedgerAccount, LedgerEntry
from exchange.models.liquidations import Liquidation
from exchange.models.positions import Position, PositionEntry
from exchange.models.tapes import Tape

__all__ = [
    "Account",
    "Asset",
    "Balance",
    "Batch",
    "Contract",
    "Customer",
    "Journal",
    "LedgerAccount",
    "LedgerEntry",
    "Liquidation",
    "Position",
    "PositionEntry",
    "Tape",
    "Venue",
]
