"""BitMEX `walletHistory`: every row moves the wallet and prints the balance after it.

Amounts and balances are in minor units (XBt, USDt ...). Rows booked together in one session print
the balance after all of them; others print the balance after themselves. Both are tried, in the
order of the file, turned round, and chained by balance; a balance that fits none differs, and the
running balance goes on from what the venue printed, so one missing row is one difference.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from exchange.tape.layout import ASSET_MOST
from exchange.tape.venues import Outcome, chain
from exchange.tape.venues.bundling import VenueBook, VenueTransfer
from exchange.tape.venues.files import csv_rows
from exchange.tape.venues.report import Counts, Reconciliation, printed, turns
from exchange.tape.venues.row import Row

FORMAT = "bitmex-wallet"
NEEDED = ("transactType", "transactStatus", "amount", "walletBalance")
DONE = ("completed",)
CURRENCIES = {"XBt": ("XBT", 8), "USDt": ("USDT", 6), "BMEx": ("BMEX", 6), "Gwei": ("ETH", 9)}
MINOR_DEFAULT = 6


class Move(NamedTuple):
    """One row: `amount` moved the wallet to `balance`; `start` is where it must have come from."""

    row: Row
    currency: str
    time_ms: int
    time_us: int
    amount: int
    balance: int
    kind: str
    members: tuple["Move", ...] = ()

    @property
    def size(self) -> Decimal:
        """What chaining calls the signed size."""
        return Decimal(self.amount)

    @property
    def start(self) -> Decimal:
        """The balance before."""
        return Decimal(self.balance - self.amount)


def run(paths: Sequence[Path], account: str) -> Outcome:
    """Read wallet histories and check every printed balance."""
    counts = Counts()
    wallets: dict[str, list[Move]] = defaultdict(list)
    seen: set[tuple[str, ...]] = set()
    for row in csv_rows(paths, NEEDED):
        counts.rows += 1
        key = tuple(str(cell) for cell in row.cells.values())
        if key in seen:
            counts.duplicates += 1
        elif row.text("transactStatus").lower() not in DONE or not row.has("walletBalance"):
            counts.set_aside += 1
        else:
            move = _move(row)
            wallets[move.currency].append(move)
            counts.kept += 1
        seen.add(key)
    balance = Reconciliation("walletBalance")
    moves: list[Move] = []
    openings = {}
    for currency, rows in wallets.items():
        ordered = _reconciled(rows, balance, counts)
        openings[currency] = int(ordered[0].start)
        moves += [member for move in ordered for member in move.members or (move,)]
    moves.sort(key=lambda move: move.time_us)
    report = printed(
        FORMAT, counts, {"wallet_balance": balance},
        currencies={currency: len(rows) for currency, rows in sorted(wallets.items())},
        opening_balances={currency: str(start) for currency, start in openings.items()},
    )  # fmt: skip
    return Outcome(report, _book(moves, account) if moves else None)


def _move(row: Row) -> Move:
    """Read one row. What the website exports has no `timestamp`, and before other currencies came
    no `currency`."""
    requested = row.has("transactTime") and not row.has("timestamp")
    time_us = row.micros("transactTime" if requested else "timestamp")
    currency = row.name("currency", ASSET_MOST, None if "currency" in row.cells else "XBt")
    return Move(
        row, currency, time_us // 1000, time_us, row.integer("amount"),
        row.integer("walletBalance"), row.text("transactType"),
    )  # fmt: skip


def _reconciled(rows: list[Move], balance: Reconciliation, counts: Counts) -> list[Move]:
    """One currency's rows in order, each printed balance compared with the running one."""
    counts.out_of_order += turns([move.time_us for move in rows])[0]
    done: list[Move] = []
    position: Decimal | None = None
    groups = chain.stamps(rows)
    for stamp, after in zip(groups, [*groups[1:], []], strict=True):
        for move in _in_order(stamp, position, chain.sources(after)):
            _compare(move, position, balance, counts)
            position = Decimal(move.balance)
            done.append(move)
    return done


def _in_order(stamp: list[Move], before: Decimal | None, following: set[Decimal]) -> list[Move]:
    """A stamp's rows one after the other, or those with one printed balance taken together,
    whichever leaves fewer holes."""
    single = chain.ordered(stamp, before, following)
    if len(stamp) == 1 or (before is not None and chain.holes(single, before) == 0):
        return single
    sessions: dict[int, list[Move]] = defaultdict(list)
    for move in stamp:
        sessions[move.balance].append(move)
    together = chain.ordered(
        [
            moves[0]._replace(amount=sum(move.amount for move in moves), members=tuple(moves))
            for moves in sessions.values()
        ],
        before,
        following,
    )
    fewer = chain.holes(together, before) <= chain.holes(single, before)
    return together if fewer else single


def _compare(move: Move, position: Decimal | None, balance: Reconciliation, counts: Counts) -> None:
    """Compare the balance a row, or a session of rows, prints."""
    rows: Iterable[Move] = move.members or (move,)
    start = position
    if start is None:
        start = Decimal(0) if move.start == 0 else None
    if start is None:
        balance.undetermined += len(tuple(rows))
        return
    counts.gap(start != move.start)
    for one in rows:
        where = {"file": one.row.file, "row": one.row.number, "kind": one.kind}
        balance.compare(start + move.amount, Decimal(one.balance), where)


def _book(moves: list[Move], account: str) -> VenueBook:
    """The wallet's rows as transfers of one account; what each was stands in its reference."""
    names = {move.currency: CURRENCIES.get(move.currency, (move.currency.upper(), MINOR_DEFAULT))
             for move in moves}  # fmt: skip
    transfers = [
        VenueTransfer(
            move.time_us, account, names[move.currency][0], move.amount,
            "deposit" if move.amount > 0 else "withdrawal",
            f"{move.kind} {move.row.text('address', '')}".strip(),
        )
        for move in moves
        if move.amount
    ]  # fmt: skip
    return VenueBook(
        "bitmex", "bitmex", "BitMEX wallet history", dict(names.values()), [], [account], [],
        transfers=transfers, source={"format": FORMAT},
    )  # fmt: skip
