"""The feed as a table: every field a record can have, and one record under all of them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from backoffice.spreadsheet import Cell

COLUMNS = (
    "MsgType", "ExecID", "ExecType", "ExecRefID", "OrigExecID", "OrderID", "TrdMatchID",
    "PosMaintRptID", "PosMaintRptRefID", "PosTransType", "Account", "Symbol", "Side", "LastQty",
    "LastPx", "OldLastQty", "OldLastPx", "OrigTime", "LongQty", "ShortQty", "OldLongQty",
    "OldShortQty", "Cost", "OldCost", "Currency", "TransactTime", "PlanDigest",
)  # fmt: skip
SIGNED = ("Cost", "OldCost")


def cells(row: Mapping[str, Any]) -> list[Cell]:
    """A record under all columns. What may be below zero is a number, so that its minus is not
    taken for the beginning of a formula."""
    return [
        Decimal(row[name]) if name in SIGNED and name in row else row.get(name) for name in COLUMNS
    ]
