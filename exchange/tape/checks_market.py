"""Checks of what was traded: fills, trades, takeovers, recorded liquidations and the price grid.

Runs over millions of rows in whole-array steps; nothing here loops over fills in Python.
"""

from typing import Any

import numpy as np

from exchange.domain.holdings import Holdings
from exchange.domain.legs import total
from exchange.domain.survey import TapeTooLarge, check_wallets, survey
from exchange.domain.value import ContractSpec
from exchange.tape.checks_books import backwards, flag
from exchange.tape.layout import ACCOUNT_KINDS, REASONS, SIDES
from exchange.tape.problems import Problems
from exchange.tape.reading import Rows

SELL = SIDES.index("sell")
TAKEOVER = REASONS.index("takeover")
LIQUIDATION = REASONS.index("liquidation")
INSURANCE = ACCOUNT_KINDS.index("insurance")
SECOND_US = 1_000_000


def signed(rows: Rows) -> Any:
    """Quantities with the sign of their side: + bought, - sold."""
    columns = rows.columns
    return np.where(columns["side"] == SELL, -columns["quantity"], columns["quantity"])


def fills(rows: Rows, accounts: Rows, specs: list[ContractSpec], scope: str,
          problems: Problems) -> None:  # fmt: skip
    """Everything a fill must be on its own, then together with the other side of its trade."""
    columns = rows.columns
    lots = np.array([spec.lot for spec in specs], np.int64)
    if (lots > 1).any():
        flag(rows, columns["quantity"] % lots[columns["contract"]] != 0, "fills.off_lot",
              "quantity", "is not a multiple of the contract's lot.",
              "Correct the quantity or the lot.", problems)  # fmt: skip
    expiry = np.array([spec.expires_us for spec in specs], np.int64)
    if expiry.any():
        last = np.where(expiry == 0, np.iinfo(np.int64).max, expiry)[columns["contract"]]
        flag(rows, columns["time_us"] > last, "fills.expired", "time",
              "is after the contract's expiry.", "Correct the time or the expiry.",
              problems)  # fmt: skip
    backwards(rows, problems)
    trades(rows, accounts, scope, problems)


def bounds(parts: dict[str, Any], asset_of: Any, file: str, problems: Problems) -> None:
    """No amount that the kernels can come to on this tape leaves int64: what every replay and
    search of it asks again, so that a tape which is stored can be worked with.

    `parts` are the fields of `arrays.Tape`; `asset_of` is each contract's settlement asset.
    """
    held, prices, specs = parts["positions"], parts["prices"], parts["specs"]
    none = np.zeros(len(held.cost), np.int64)
    opening = Holdings(held.account, held.contract, held.quantity, held.cost, none, none)
    wallets = [
        sum(total(np.abs(t.amount[t.asset == a])) for t in (parts["balances"], parts["transfers"]))
        for a in range(len(parts["assets"].code))
    ]
    both = np.stack((prices.mark, prices.index))
    try:
        _, reach = survey(opening, parts["fills"], specs, 0, 0, marks=both)
        check_wallets(specs, reach, asset_of, wallets)
    except TapeTooLarge as fault:
        problems.add(
            "fills.bounds", file, f"{fault}.",
            "Check face, tick, the quantities and the decimals of the asset, or cut the tape.",
            field="quantity",
        )  # fmt: skip


def _groups(trade: Any) -> tuple[Any, Any]:
    """(order, first positions in it) of rows grouped by trade, as most tapes already are."""
    ordered = bool((trade[1:] >= trade[:-1]).all())
    order = np.arange(len(trade)) if ordered else np.argsort(trade, kind="stable")
    grouped = trade if ordered else trade[order]
    return order, np.flatnonzero(np.r_[True, grouped[1:] != grouped[:-1]])


def trades(rows: Rows, accounts: Rows, scope: str, problems: Problems) -> None:
    """Both sides of a trade agree. An account may be both sides: self-trades are real."""
    trade = rows.columns["trade"]
    if not len(trade):
        return
    if scope == "market":
        flag(rows, trade == 0, "trades.no_number", "trade", "has no trade number.",
              "Number the trades from 1; both sides carry the same number.", problems)  # fmt: skip
    order, first = _groups(trade)
    size = np.diff(np.r_[first, len(trade)])
    numbered = trade[order[first]] != 0
    lone, crowd = numbered & (size == 1), numbered & (size > 2)
    if scope == "market":
        _flag_at(rows, order[first[lone]], "trades.one_side", "trade", "has only one side.",
                 "Give a row for the buyer and one for the seller.", problems)  # fmt: skip
    _flag_at(rows, order[first[crowd]], "trades.three_sides", "trade", "has more than two sides.",
             "Split it into trades of one buyer and one seller.", problems)  # fmt: skip
    pairs = first[numbered & (size == 2)]
    _sides(rows, order[pairs], order[pairs + 1], problems)
    if scope == "market":
        _takeovers(rows, accounts, order[pairs], order[pairs + 1], problems)
        single = order[first[lone]]
        forced = single[rows.columns["reason"][single] == TAKEOVER]
        _flag_at(rows, forced, "takeovers.no_insurance", "account",
                 "is a takeover nobody took over.", "Add the insurance account's side.",
                 problems)  # fmt: skip


def _flag_at(
    rows: Rows, where: Any, kind: str, field: str, message: str, fix: str, problems: Problems
) -> None:
    problems.add_rows(
        kind, rows.file, np.sort(where), lambda index: message, fix, field=field,
        row_number=rows.row_number,
    )  # fmt: skip


def _sides(rows: Rows, a: Any, b: Any, problems: Problems) -> None:
    """One buyer and one seller, of the same contract, price, quantity and time."""
    columns = rows.columns
    same = columns["side"][a] == columns["side"][b]
    _flag_at(rows, b[same], "trades.same_side", "side", "is on the same side as its counterparty.",
             "One side buys, the other sells.", problems)  # fmt: skip
    for key, name in (
        ("contract", "contract"), ("price_ticks", "price"), ("quantity", "quantity"),
        ("time_us", "time"),
    ):  # fmt: skip
        differs = columns[key][a] != columns[key][b]
        if differs.any():
            _flag_at(rows, b[differs], f"trades.{name}", name,
                     f"differs in {name} from the other side of its trade.",
                     f"Both sides of a trade have one {name}.", problems)  # fmt: skip


def _takeovers(rows: Rows, accounts: Rows, a: Any, b: Any, problems: Problems) -> None:
    """A takeover moves a position to the insurance account: both rows say so, one side is it."""
    reason, account = rows.columns["reason"], rows.columns["account"]
    forced_a, forced_b = reason[a] == TAKEOVER, reason[b] == TAKEOVER
    _flag_at(rows, b[forced_a != forced_b], "takeovers.one_sided", "reason",
             "is the other side of a takeover but has another reason.",
             "Both rows of a takeover have the reason takeover.", problems)  # fmt: skip
    insures = accounts.columns["kind"] == INSURANCE
    both = forced_a & forced_b
    wrong = both & (insures[account[a]] == insures[account[b]])
    _flag_at(rows, a[wrong], "takeovers.no_insurance", "account",
             "is a takeover without exactly one insurance account in it.",
             "The insurance account takes the position over from the customer.",
             problems)  # fmt: skip
    sold = np.flatnonzero(reason == LIQUIDATION)
    _flag_at(rows, sold[~insures[account[sold]]], "liquidation.not_insurance", "account",
             "has the reason liquidation but is not the insurance account.",
             "Only the insurance account sells what it took over; its counterparty trades.",
             problems)  # fmt: skip


def liquidations(rows: Rows, made: Rows, accounts: Rows, problems: Problems) -> None:
    """Every recorded liquidation has its takeover fill and every takeover fill its record."""
    flag(rows, rows.columns["quantity"] == 0, "liquidations.zero", "quantity", "is zero.",
          "Give the signed position that was taken over.", problems)  # fmt: skip
    columns = made.columns
    insures = accounts.columns["kind"] == INSURANCE
    forced = np.flatnonzero((columns["reason"] == TAKEOVER) & ~insures[columns["account"]])
    recorded = [rows.columns[name] for name in
                ("time_us", "account", "contract", "price_ticks", "quantity")]  # fmt: skip
    taken = [columns[name][forced] for name in ("time_us", "account", "contract", "price_ticks")]
    taken.append(-signed(made)[forced])
    unmatched_rows, unmatched_fills = _unmatched(recorded, taken)
    _flag_at(rows, unmatched_rows, "liquidations.no_takeover", "account",
             "has no takeover fill of this time, contract, price and quantity.",
             "Add the fills of the takeover, or remove the record.", problems)  # fmt: skip
    _flag_at(made, forced[unmatched_fills], "takeovers.no_record", "reason",
             "is a takeover that liquidations does not record.",
             "Add the row: time, account, contract, signed quantity taken over, price.",
             problems)  # fmt: skip


def _unmatched(left: list[Any], right: list[Any]) -> tuple[Any, Any]:
    """Rows of either side without a partner on the other, as multisets of equal columns."""
    count = len(left[0])
    joined = [np.concatenate([a.astype(np.int64), b.astype(np.int64)]) for a, b in
              zip(left, right, strict=True)]  # fmt: skip
    side = np.r_[np.zeros(count, np.int64), np.ones(len(right[0]), np.int64)]
    if not len(side):
        return side, side
    order = np.lexsort([side, *joined[::-1]])
    new = np.zeros(len(order), np.bool_)
    new[0] = True
    for values in joined:
        ordered = values[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    group = np.cumsum(new) - 1
    size = int(group[-1]) + 1
    of_left = np.bincount(group[side[order] == 0], minlength=size)
    of_right = np.bincount(group[side[order] == 1], minlength=size)
    place = np.arange(len(order)) - np.flatnonzero(new)[group]
    rank = np.where(side[order] == 0, place, place - of_left[group])
    extra = rank >= np.minimum(of_left, of_right)[group]
    lonely = order[extra]
    return lonely[lonely < count], lonely[lonely >= count] - count


def prices(rows: Rows, specs: list[ContractSpec], window: tuple[int, int], scope: str,
           problems: Problems) -> None:  # fmt: skip
    """A complete grid: every contract at every time; on a market every second of the window."""
    time, contract = rows.columns["time_us"], rows.columns["contract"]
    if scope == "market" and not rows.count:
        problems.add(
            "prices.none", rows.file, "has no rows.", "Give mark and index for every second."
        )
    if not rows.count:
        return
    times, place = np.unique(time, return_inverse=True)
    seen = np.zeros((len(specs), len(times)), np.bool_)
    seen[contract, place] = True
    for index, spec in enumerate(specs):
        missing = np.flatnonzero(~seen[index])
        if len(missing):
            problems.add(
                "prices.hole", rows.file,
                f"{spec.symbol} has no price at {len(missing)} of {len(times)} times, first at "
                f"{_iso(times[missing[0]])}.",
                "Give every contract a row at every time.", field="contract",
            )  # fmt: skip
    if scope != "market":
        return
    gaps = np.flatnonzero(np.diff(times) != SECOND_US)
    if len(gaps):
        problems.add(
            "prices.step", rows.file,
            f"does not go on by one second {len(gaps)} times, first after "
            f"{_iso(times[gaps[0]])}.",
            "Give one row for each second; repeat the last price where nothing traded.",
            field="time",
        )  # fmt: skip
    start, end = window
    if times[0] > start or times[-1] < end - SECOND_US:
        problems.add(
            "prices.window", rows.file,
            f"runs from {_iso(times[0])} to {_iso(times[-1])} and does not cover the window.",
            "Extend the prices or narrow the window.", field="time",
        )  # fmt: skip


def _iso(micros: Any) -> str:
    """A time for a message."""
    return f"{np.datetime64(int(micros), 'us')}Z"
