"""Tapes of the small test market, spoiled or shortened as a test needs them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from exchange.tape import arrays, bundle
from tests.exchange.tape import market

Change = Callable[[dict[str, market.Rows], dict[str, Any]], object]


def read(folder: Path, change: Change | None = None) -> arrays.Tape:
    """The market as a stored tape; `change` edits its tables and its manifest first."""
    content, manifest = market.tables(), dict(market.MANIFEST)
    if change:
        change(content, manifest)
    content = {name: lines for name, lines in content.items() if lines}
    return bundle.read(market.write(folder, content, manifest), lambda stage, done, total: None)


def crash(content: dict[str, market.Rows], manifest: dict[str, Any]) -> None:
    """The mark of the second at which Ann is taken over, and nobody's index, falls to 6,150."""
    manifest["effective_cutoff"] = "2018-03-30T05:00:00+08:00"
    for row in content["prices"]:
        if row["time"].startswith("2018-03-30T05:00:01") and row["contract"] == "BTC0629":
            row["mark"] = "6150.00"


def without_mo(content: dict[str, market.Rows], manifest: dict[str, Any]) -> None:
    """What a venue would hand over that knows everything of its customers but the market maker."""
    manifest["scope"] = "accounts"
    for name, lines in content.items():
        content[name] = [row for row in lines if row.get("account") != "A-mo"]
