"""Freezing the facts of an incident: a tape, its verdicts, and the balances of now.

Everything that can be computed from the tape is; the balances come from whoever holds them, which
is the ledger, or for measuring without a database the tape itself (`tape_wallets`).
"""

import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from exchange.domain import reference
from exchange.domain.holdings import I64, Holdings
from exchange.domain.receipts import losses
from exchange.domain.remedies import flags, replays
from exchange.domain.remedies.facts import (
    NOBODY,
    Closes,
    Facts,
    Wallets,
    after_cut,
    takeover_rows,
    with_rows,
)
from exchange.domain.replay import replay
from exchange.domain.verdicts import NOT_DUE, Verdicts
from exchange.services import liquidations
from exchange.services.books import opening_holdings, settlement_assets
from exchange.services.refusals import BooksRefused
from exchange.tape import arrays

Progress = Callable[[str, int, int], None]
TABLES = (
    "assets", "accounts", "balances", "positions", "fills", "prices", "transfers", "liquidations",
)  # fmt: skip
FLAG_BAND_PPM = 30_000
FLAG_RULE = (
    "half of what takers took beyond 3 % of the fair reference in a contract, or 0.5 % of it and"
    " 100 times the median of those who took any"
)
STAGE = "Freezing the facts"


def freeze(
    tape: arrays.Tape,
    cutoff_us: int,
    wallets: Wallets | None = None,
    progress: Progress | None = None,
) -> Facts:
    """The facts of a tape (of `TABLES`) for a cut-off, with the balances given or the tape's own.

    Seconds for millions of fills. Raises `BooksRefused` where liquidations cannot be judged.
    """
    say = progress or (lambda stage, done, total: None)
    say(STAGE, 0, 3)
    house, fund = (_first(tape, kind) for kind in (arrays.KIND_HOUSE, arrays.KIND_INSURANCE))
    opening = with_rows(opening_holdings(tape), (house, fund), len(tape.specs))
    last = max(cutoff_us, int(tape.fills.time[-1]) if len(tape.fills.time) else cutoff_us)
    cut, end = replay(opening, tape.fills, tape.specs, [cutoff_us, last], workers=_workers())
    say(STAGE, 1, 3)
    closes = _closes(tape)
    say(STAGE, 2, 3)
    moved, withdrawn = _moved(tape, cutoff_us)
    customer = tape.accounts.kind == arrays.KIND_CUSTOMER
    facts = Facts(
        specs=tape.specs,
        asset_of=settlement_assets(tape),
        terms=liquidations.margin_terms(tape),
        fills=tape.fills,
        cutoff_us=cutoff_us,
        cut=cut,
        end=end,
        wallets=wallets or tape_wallets(tape, end),
        moved=moved,
        withdrawn=withdrawn,
        customer=customer,
        flagged=np.zeros(len(customer), np.bool_),
        house=house,
        fund=fund,
        closes=closes,
        times=tape.prices.time,
        fair=_fair(tape),
        at_cut=_marks_at(tape, cutoff_us),
        at_end=tape.prices.mark[:, -1],
        reopening=reopening(tape),
        whole_market=tape.manifest["scope"] == "market",
    )
    say(STAGE, 3, 3)
    return facts._replace(flagged=_flagged(facts))


def reopening(tape: arrays.Tape) -> I64:
    """Ticks at which trading would reopen: the last index, or the last mark where there is none."""
    index, mark = tape.prices.index[:, -1], tape.prices.mark[:, -1]
    return np.where(index > 0, index, mark)


def tape_wallets(tape: arrays.Tape, end: Holdings) -> Wallets:
    """Balances at the end of the tape, from its openings, transfers and fills alone, as its books
    open: what a customer's wallet has below zero is a receivable (`exchange.domain.opening`)."""
    shape = (len(tape.accounts.code), len(tape.assets.code))
    held = [np.zeros(shape, np.int64) for _ in range(2)]
    for rows in (tape.balances, tape.transfers):
        for wallet, amounts in zip(
            (arrays.WALLET_FUTURES, arrays.WALLET_FUNDING), held, strict=True
        ):
            chosen = rows.wallet == wallet
            np.add.at(amounts, (rows.account[chosen], rows.asset[chosen]), rows.amount[chosen])
    at = (end.account, settlement_assets(tape)[end.contract])
    np.add.at(held[0], at, end.realised - end.fees)
    floored = (tape.accounts.kind == arrays.KIND_CUSTOMER)[:, None]
    owed = [np.where(floored, np.minimum(wallet, 0), 0) for wallet in held]
    return Wallets(held[0] - owed[0], held[1] - owed[1], owed[0] + owed[1])


def _workers() -> int:
    """Threads for a replay: the largest power of two there are processors for."""
    return int(1 << ((os.cpu_count() or 1).bit_length() - 1))


def _first(tape: arrays.Tape, kind: int) -> int:
    """The first account of a kind, or nobody."""
    rows = np.flatnonzero(tape.accounts.kind == kind)
    return int(rows[0]) if rows.size else NOBODY


def _closes(tape: arrays.Tape) -> Closes:
    """The recorded closes with their verdicts; unjudged where the tape names no rules."""
    recorded = tape.liquidations
    fill = takeover_rows(recorded.time, recorded.account, recorded.contract, tape.fills)
    fee = np.where(fill >= 0, tape.fills.fee[fill] if len(tape.fills.fee) else 0, 0)
    verdict, loss = _judged(tape)
    return Closes(*recorded, verdict=verdict, loss=loss, fill=fill, fee=fee)


def _judged(tape: arrays.Tape) -> tuple[npt.NDArray[np.uint8], I64]:
    """Verdict and loss of each recorded close, in the order recorded."""
    size = len(tape.liquidations.time)
    verdict, loss = np.zeros(size, np.uint8), np.zeros(size, np.int64)
    if not size:
        return verdict, loss
    found: Verdicts = liquidations.judge(tape)[0]
    rows = np.flatnonzero(found.recorded >= 0)
    verdict[found.recorded[rows]] = found.verdict[rows]
    loss[found.recorded[rows]] = losses(found)[rows]
    assert verdict.max(initial=0) <= NOT_DUE, "a recorded close was not missed"
    return verdict, loss


def _moved(tape: arrays.Tape, cutoff_us: int) -> tuple[I64, I64]:
    """(net into futures wallets, net out of the venue) since the cut-off, i64[account, asset]."""
    shape = (len(tape.accounts.code), len(tape.assets.code))
    moved, crossed = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    moves = tape.transfers
    later = moves.time > cutoff_us
    for amounts, chosen in (
        (moved, later & (moves.wallet == arrays.WALLET_FUTURES)),
        (crossed, later & (moves.kind != arrays.TRANSFER_INTERNAL)),
    ):
        np.add.at(amounts, (moves.account[chosen], moves.asset[chosen]), moves.amount[chosen])
    return moved, np.maximum(-crossed, 0)


def _marks_at(tape: arrays.Tape, instant_us: int) -> I64:
    """The last printed mark of each contract up to an instant, or the first there is."""
    second = int(np.searchsorted(tape.prices.time, instant_us, side="right")) - 1
    return tape.prices.mark[:, max(0, second)].copy()


def _fair(tape: arrays.Tape) -> I64:
    """The fair reference; the printed mark where the tape has no reference to take it from."""
    prices = tape.prices
    try:
        effective = liquidations.effective_cutoff_us(tape)
        return reference.fair_path(prices.time, prices.mark, prices.index, effective)
    except (reference.NoReference, TypeError):
        return prices.mark


def _flagged(facts: Facts) -> npt.NDArray[np.bool_]:
    """Customers who took much of what was taken far from the fair reference."""
    _, outside = replays.outside_band(facts, replays.Band(FLAG_BAND_PPM))
    _, fills = after_cut(facts)
    taken = flags.pressure(
        fills, outside, replays.references(facts, fills, replays.FAIR), len(facts.customer),
        len(facts.specs),
    )  # fmt: skip
    return flags.flagged(taken, facts.customer)


__all__ = ["FLAG_RULE", "TABLES", "BooksRefused", "freeze", "reopening", "tape_wallets"]
