"""Files of real venues, read as they come and compared with the numbers the venue states itself.

A format is one small module with a function `run(paths, account) -> Outcome`, or a `public.Feed`
in its module's `FEEDS`; adding one is adding the module and its line in `FORMATS`.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from exchange.tape.arrays import Tape
from exchange.tape.reading import Progress
from exchange.tape.venues import bundling
from exchange.tape.venues.bundling import VenueBook

FORMATS = {
    "binance-aggtrades": "binance",
    "binance-klines": "binance",
    "binance-liquidations": "binance",
    "binance-trades": "binance",
    "bitmex-executions": "bitmex_executions",
    "bitmex-instruments": "bitmex_instruments",
    "bitmex-wallet": "bitmex_wallet",
    "deribit-trades": "deribit",
    "hyperliquid-fills": "hyperliquid_tape",
    "kraken-account-log": "kraken_log",
    "kraken-fills": "kraken",
    "okx-trades": "okx",
}


class FormatUnknown(LookupError):
    """No importer of that name; the message lists those there are."""


class Outcome(NamedTuple):
    """What an import found: `report` as it is printed, and `book` with the account's fills, None
    when the files hold no account of anybody's (public trades, instruments)."""

    report: dict[str, Any]
    book: VenueBook | None


def run(format_name: str, paths: Sequence[Path], account: str = "imported") -> Outcome:
    """Read files of one format. Raises `FormatUnknown` or `files.VenueRefused`."""
    if format_name not in FORMATS:
        raise FormatUnknown(f"No format {format_name!r}; there are: {', '.join(sorted(FORMATS))}.")
    module = import_module(f"{__name__}.{FORMATS[format_name]}")
    if format_name in getattr(module, "FEEDS", {}):
        feed: Outcome = module.run(format_name, paths)
        return feed
    outcome: Outcome = module.run(paths, account)
    return outcome


def store(book: VenueBook, name: str, progress: Progress | None = None) -> Tape:
    """Keep an account's fills as a tape of scope "accounts". Raises `BundleRefused`."""
    return bundling.store(book, name, progress)
