"""Hyperliquid fills as a tape: one account a user, one linear contract a coin."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from exchange.tape.layout import QUANTITY_MOST
from exchange.tape.venues import Outcome
from exchange.tape.venues.bundling import VenueBook, VenueContract, VenueFill, within
from exchange.tape.venues.hyperliquid import Import, reconcile
from exchange.tape.venues.hyperliquid_replay import Step
from exchange.tape.venues.hyperliquid_state import DECIMALS

VENUE = "hyperliquid"


def run(paths: Sequence[Path], account: str) -> Outcome:
    """Read, order, replay and compare; the fills as a book."""
    found = reconcile(paths)
    return Outcome(found.report, book(found, account) if found.steps else None)


def book(found: Import, account: str) -> VenueBook:
    """The fills in the bundle's terms; see `bundling` for what is bridged and how.

    `account` names the account of files that do not say whose fills they are.
    """
    settles = _settlements(found)
    contracts = [
        VenueContract(
            coin, "linear", coin.rpartition(":")[2] or coin, settles[coin],
            Decimal(1).scaleb(-decimals), Decimal(1).scaleb(decimals - DECIMALS),
        )
        for coin, decimals in sorted(found.decimals.items())
    ]  # fmt: skip
    fills: list[VenueFill] = []
    liquidations = []
    openings: dict[tuple[str, str], tuple[str, str, int, int]] = {}
    valued: list[str] = []
    holes: Counter[str] = Counter()
    foreign_fees: Counter[str] = Counter()
    for step in found.steps:
        made = _converted(step, found, account, settles)
        key = (made.account, made.contract)
        if key not in openings:
            openings[key] = (*key, *_opening(step, found, made.price_ticks, valued))
        if step.hole:
            missing = int(step.hole.scaleb(found.decimals[made.contract]))
            within(made.origin, "startPosition", missing, QUANTITY_MOST)
            holes[made.contract] += 1
            fills.append(made._replace(
                quantity=missing, fee_units=0, trade=0, order=0, taker=False, reason="delivery"
            ))  # fmt: skip
        fills.append(made)
        if step.fill.fee_token != settles[made.contract]:
            foreign_fees[step.fill.fee_token] += 1
        if step.fill.liquidated:
            liquidations.append((made.time_us, *key, -made.quantity, made.price_ticks))
    source: dict[str, Any] = {
        "report": found.report,
        "bridged_holes": dict(holes),
        "openings_valued_at_first_price": sorted(valued),
        "fees_in_other_tokens_left_out": dict(foreign_fees),
        "fees_rounded_to_the_minor_unit": sum(_finer(step.fill.fee) for step in found.steps),
    }
    return VenueBook(
        VENUE, "hyperliquid", f"Fills of {VENUE}", dict.fromkeys(settles.values(), DECIMALS),
        contracts, sorted({fill.account for fill in fills}), fills,
        openings=list(openings.values()), liquidations=liquidations, source=source,
    )  # fmt: skip


def _finer(fee: Decimal) -> bool:
    """Whether a fee has more decimals than the settlement coin."""
    return fee.scaleb(DECIMALS) != fee.scaleb(DECIMALS).to_integral_value()


def _settlements(found: Import) -> dict[str, str]:
    """The token each coin settles in: the one its fees are paid in most."""
    tokens: dict[str, Counter[str]] = {coin: Counter() for coin in found.decimals}
    for step in found.steps:
        tokens[step.fill.coin][step.fill.fee_token] += 1
    return {coin: seen.most_common(1)[0][0] for coin, seen in tokens.items()}


def _converted(step: Step, found: Import, account: str, settles: dict[str, str]) -> VenueFill:
    """One fill in lots, ticks and minor units."""
    fill = step.fill
    decimals = found.decimals[fill.coin]
    fee = fill.fee.scaleb(DECIMALS) if fill.fee_token == settles[fill.coin] else Decimal(0)
    return VenueFill(
        fill.time_ms * 1000, fill.coin, (fill.user or account)[:64],
        int(fill.size.scaleb(decimals)), int(fill.price.scaleb(DECIMALS - decimals)),
        int(fee.to_integral_value()), fill.trade, fill.order, fill.taker,
        "liquidation" if fill.liquidated else "trade", (fill.file, fill.row),
    )  # fmt: skip


def _opening(step: Step, found: Import, price_ticks: int, valued: list[str]) -> tuple[int, int]:
    """(quantity, cost) before the first fill: at the entry the venue's first closed profit tells,
    else at the first price."""
    fill = step.fill
    quantity = int(fill.start.scaleb(found.decimals[fill.coin]))
    within((fill.file, fill.row), "startPosition", quantity, QUANTITY_MOST)
    notional = found.openings.get((fill.user, fill.coin))
    if notional is not None:
        return quantity, notional if quantity > 0 else -notional
    if quantity:
        valued.append(fill.coin)
    return quantity, quantity * price_ticks
