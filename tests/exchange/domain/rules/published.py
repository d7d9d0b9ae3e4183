"""Running a published worked example: what the venue prints against what we print."""

from decimal import Decimal
from typing import Any

from exchange.domain.margin_quote import quote


def printed(**request: Any) -> dict[str, Any]:
    """The quote of a request given as keywords."""
    return quote(request)


def unrounded(figure: str, decimals: int, **request: Any) -> Decimal:
    """An unrounded figure, cut to the decimals a page prints (half to even)."""
    return round(Decimal(quote(request)["unrounded"][figure]), decimals)
