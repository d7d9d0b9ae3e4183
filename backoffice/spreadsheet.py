"""Cells of a CSV that is safe to open in a spreadsheet. Pure: values in, text out.

A spreadsheet runs a cell that begins with = + - @ as a formula, and customers choose their own
names. Text that begins so gets an apostrophe; numbers are numbers and stay as they are. Amounts and
prices are written exactly, as plain decimals.
"""

from datetime import datetime
from decimal import Decimal

Cell = str | int | Decimal | datetime | None
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
BYTE_ORDER_MARK = "\ufeff"


def cell(value: Cell) -> str:
    """One cell: text disarmed, numbers without an exponent, times as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.lstrip(" ").startswith(STARTS_A_FORMULA):
        return f"'{value}"
    return str(value)
