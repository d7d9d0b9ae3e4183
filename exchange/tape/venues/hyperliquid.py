"""Hyperliquid fills: put in order by their start positions, replayed, compared with the venue.

A fill states the position before it (`startPosition`) and the profit it closed (`closedPnl`). Size
has `d` decimals and price at most `6 - d`, so size times price is a whole number of 1e-6 dollars
and everything is integers: position in 10**-d coins, price in 10**-(6-d), notional in 1e-6.

The venue's method, found by replaying its own numbers:

* it keeps a position's entry notional exactly; a fill that adds to it adds price times size, one
  that reduces it scales the notional down in proportion;
* the entry price is that notional over the size, cut off (not rounded) at `6 - d` decimals;
* `closedPnl` is the closed size times (price - entry price), exact, without the fee.

A history that begins in the middle of a position, or has a hole, leaves the notional unknown. The
first printed `closedPnl` gives the entry price and so the notional up to one unit of the price per
contract: an interval. A later closedPnl that is the same everywhere in the interval is determined
and compared; one that is not is counted as undetermined, and narrows the interval.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from exchange.tape.layout import ASSET_MOST, SYMBOL_MOST
from exchange.tape.venues.files import json_rows
from exchange.tape.venues.hyperliquid_replay import Found, Step, replay
from exchange.tape.venues.hyperliquid_state import DECIMALS, Coin, Fill
from exchange.tape.venues.report import FIRST_DIFFERING, plain, turns
from exchange.tape.venues.row import AS_WRITTEN, Row, VenueRefused

SIDES = {"b": 1, "a": -1, "s": -1}
USER_MOST = 64
SPOT_MARKS = ("@", "#")


class Import(NamedTuple):
    """All fills of a file in order, and what was found: `steps` by time, `decimals` of the sizes of
    each coin, `openings` the entry notional in 1e-6 of each (user, coin) that began in mid-position
    and whose entry a later closedPnl told, `report` as it is printed."""

    steps: list[Step]
    decimals: dict[str, int]
    openings: dict[tuple[str, str], int]
    report: dict[str, Any]


def is_spot(coin: str) -> bool:
    """Spot pairs are printed as @N, #N or BASE/QUOTE."""
    return coin.startswith(SPOT_MARKS) or "/" in coin


def _events(value: Any, row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """(user, fill) of one JSON value: an API fill, one in a TWAP slice, a node's [user, fill], a
    node's block, or both sides of a node's trade."""
    if isinstance(value, dict) and isinstance(value.get("events"), list):
        for event in value["events"]:
            yield from _events(event, row)
    elif isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict):
        yield str(value[0]), value[1]
    elif isinstance(value, dict) and isinstance(value.get("side_info"), list):
        yield from _sides(value, row)
    elif isinstance(value, dict) and isinstance(value.get("fill"), dict):
        yield "", value["fill"]
    elif isinstance(value, dict):
        yield str(value.get("user", "")), value
    else:
        raise row.refuse("", "is not a fill; give userFills JSON or node fills.")


def _sides(trade: dict[str, Any], row: Row) -> Iterator[tuple[str, dict[str, Any]]]:
    """(user, fill) of the buyer and of the seller of a trade, in that order as nodes write them:
    with their start positions, without profits or fees, at a time that does not say it is UTC."""
    sides = trade["side_info"]
    if len(sides) != 2 or not all(isinstance(side, dict) for side in sides):
        raise row.refuse("side_info", f"is not a buyer and a seller; {AS_WRITTEN}")
    for side, of in zip("BA", sides, strict=True):
        yield str(of.get("user", "")), {
            **trade, "side": side, "crossed": trade.get("side") == side,
            "startPosition": of.get("start_pos"), "oid": of.get("oid"),
        }  # fmt: skip


def _fill(row: Row, user: str) -> Fill:
    """Read one fill; every field that matters must be there."""
    if len(user) > USER_MOST or not user.isprintable():
        raise row.refuse("user", f"{user[:40]!a} is no account of the venue; {AS_WRITTEN}")
    size, price = row.positive("sz"), row.positive("px")
    liquidation = row.cells.get("liquidation")
    victim = liquidation.get("liquidatedUser", "") if isinstance(liquidation, dict) else ""
    direction = row.text("dir", "")
    return Fill(
        row.file, row.number, user, row.name("coin", SYMBOL_MOST),
        row.micros("time", bare_is_utc=True) // 1000, price,
        size * row.choice("side", SIDES), row.number_of("startPosition"),
        None if row.has("side_info") else row.number_of("closedPnl"), row.number_of("fee", "0"),
        row.name("feeToken", ASSET_MOST, "USDC"),
        bool(row.cells.get("crossed")), row.natural("oid", "0"), row.natural("tid", "0"),
        direction.startswith("Liquidated") or bool(victim and victim.lower() == user.lower()),
    )  # fmt: skip


def read(paths: Sequence[Path]) -> tuple[list[Fill], dict[str, int]]:
    """Perpetual fills of the files, each once, oldest file order kept, and the counts of rows."""
    fills: list[Fill] = []
    counts = {"rows": 0, "set_aside": 0, "duplicates": 0}
    seen: set[tuple[Any, ...]] = set()
    for file, number, value in json_rows(paths, ("fills", "data")):
        for user, cells in _events(value, Row(file, number, {})):
            row = Row(file, number, cells)
            counts["rows"] += 1
            if is_spot(row.text("coin")):
                counts["set_aside"] += 1
                continue
            fill = _fill(row, user)
            key = fill[2:]
            if key in seen:
                counts["duplicates"] += 1
                continue
            seen.add(key)
            fills.append(fill)
    return fills, counts


def _places(value: Decimal) -> int:
    """Decimals a number needs: trailing zeros do not count."""
    return max(0, -int(value.normalize().as_tuple().exponent))


def _candidates(fills: Sequence[Fill]) -> range:
    """Size decimals the printed sizes and prices of one coin allow."""
    fewest = max(max(_places(fill.size), _places(fill.start)) for fill in fills)
    most = DECIMALS - max(_places(fill.price) for fill in fills)
    if fewest > most:
        fill = max(fills, key=lambda fill: _places(fill.price))
        raise VenueRefused(
            fill.file, fill.row, "px",
            f"{fill.coin} prints sizes with {fewest} and prices with {DECIMALS - most} decimals, "
            f"together more than {DECIMALS}: not a perpetual of this venue.",
        )  # fmt: skip
    return range(fewest, most + 1)


def reconcile(paths: Sequence[Path]) -> Import:
    """Read, order and replay the files. Raises `VenueRefused`."""
    fills, counts = read(paths)
    groups: dict[tuple[str, str], list[Fill]] = defaultdict(list)
    for fill in fills:
        groups[fill.user, fill.coin].append(fill)
    coins: dict[str, list[list[Fill]]] = defaultdict(list)
    for (_, coin), group in groups.items():
        coins[coin].append(group)
    decimals = {coin: _decimals(groups) for coin, groups in coins.items()}
    found = Found()
    for (_, coin), group in groups.items():
        replay(group, Coin(decimals[coin]), found)
    steps = sorted(found.steps, key=lambda step: step.fill.time_ms)
    counts["out_of_order"], _ = turns([fill.time_ms for fill in fills])
    return Import(steps, decimals, found.openings, _report(counts, len(fills), found))


def _decimals(groups: list[list[Fill]]) -> int:
    """Size decimals of a coin: of those its printed numbers allow, the one that contradicts the
    venue's profits least, and of equals the coarsest price."""
    allowed = _candidates([fill for group in groups for fill in group])
    if len(allowed) == 1:
        return allowed[0]
    against = {}
    for decimals in allowed:
        found = Found()
        for group in groups:
            replay(group, Coin(decimals), found)
        against[decimals] = found.profit.differ + found.impossible
    return min(allowed, key=lambda decimals: (against[decimals], -decimals))


def _report(counts: dict[str, int], kept: int, found: Found) -> dict[str, Any]:
    return {
        "format": "hyperliquid-fills",
        "rows": counts["rows"],
        "kept": kept,
        "set_aside": counts["set_aside"],
        "duplicates": counts["duplicates"],
        "out_of_order": counts["out_of_order"],
        "gaps": {"count": found.holes, "missing": found.holes},
        "start_positions": {
            "agree": found.starts_agree,
            "holes": found.holes,
            "started_mid_position": found.begun,
        },
        "closed_pnl": found.profit.as_dict(),
        "first_holes": _holes(found),
        "first_differing": found.profit.first,
    }


def _holes(found: Found) -> list[dict[str, Any]]:
    """The first holes: before which row, and the signed size that is missing."""
    holes = (step for step in found.steps if step.hole)
    return [
        {
            "file": step.fill.file, "row": step.fill.row, "coin": step.fill.coin,
            "time": step.fill.time_ms, "missing": plain(step.hole),
        }
        for step in islice(holes, FIRST_DIFFERING)
    ]  # fmt: skip
