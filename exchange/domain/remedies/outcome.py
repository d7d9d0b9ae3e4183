"""From what a remedy wants to legs that balance: the one way every remedy ends.

A remedy says which holdings it leads to and which payments it makes besides; `conclude` makes the
legs. Profit realised and fees charged move between futures wallets and the contract's clearing and
fee accounts. Where a customer has already moved out what is taken back, the futures wallet would
fall below zero; then, in this order,

1. the funding wallet pays, as far as it reaches and at most what left the futures wallet after
   the cut-off;
2. the rest is a receivable of that customer, an explicit leg, never a silent negative.

A customer who already owed repays from what is given back, and from nothing else.

Invariants, asserted before anything is returned (`NotConserved`): the legs of every asset sum to
zero; the quantities of every contract sum to zero; the cost moved equals the clearing moved, so
that ``clearing + sum(cost)`` of a contract stays zero; no customer wallet that the remedy touches
ends below zero.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16, I32, I64, Holdings
from exchange.domain.legs import excess, total
from exchange.domain.liquidation import due_now
from exchange.domain.remedies.facts import Closes, Facts, Wallets, start_of
from exchange.domain.remedies.rows import CLEARING as CLEARING
from exchange.domain.remedies.rows import (
    FEE_ACCOUNT,
    HOUSE,
    NO_CONTRACT,
    OWED,
    PAID,
    PNL,
    RECOVERED,
    REPAID,
    folded,
    leg_rows,
    no_legs,
    pairs,
    rows_of,
    sorted_legs,
)
from exchange.domain.remedies.rows import FEES as FEES
from exchange.domain.remedies.rows import FUNDING as FUNDING
from exchange.domain.remedies.rows import FUTURES as FUTURES
from exchange.domain.remedies.rows import GOODWILL as GOODWILL
from exchange.domain.remedies.rows import REASONS as REASONS
from exchange.domain.remedies.rows import RECEIVABLE as RECEIVABLE
from exchange.domain.remedies.rows import WALLETS as WALLETS
from exchange.domain.remedies.rows import Legs as Legs
from exchange.domain.remedies.rows import PositionLegs as PositionLegs


class NotConserved(ArithmeticError):
    """The facts do not balance, so no plan is made of them; the message names what is off."""


class Effects(NamedTuple):
    """One row per account and asset that the remedy touches, sorted so. Minor units.

    ``futures_delta + funding_delta + receivable_delta`` is ``reversed_pnl + reversed_fees +
    paid``. ``paid`` is what the house, the fund or others gave (below zero: took). ``moved_out``
    is what had left the futures wallet, net, since the cut-off.
    """

    account: I32
    asset: I16
    futures_before: I64
    futures_delta: I64
    funding_before: I64
    funding_delta: I64
    receivable_before: I64
    receivable_delta: I64
    reversed_pnl: I64
    reversed_fees: I64
    paid: I64
    moved_out: I64
    positions_changed: I64


class Outcome(NamedTuple):
    """The whole remedy: its legs, what they do to each account, and the state they lead to.

    ``closes`` are the forced closes it leaves to a remedy after it; None: all of them.
    """

    legs: Legs
    positions: PositionLegs
    effects: Effects
    target: Holdings
    after: Wallets
    closes: Closes | None = None


def conclude(facts: Facts, target: Holdings, payments: I64 | None = None) -> Outcome:
    """Make the legs that lead to ``target`` (on the rows of ``facts.end``) and make ``payments``.

    ``payments`` are further legs as rows (`leg_rows`), balanced by themselves; an account that
    they charge closes its gap as any other. Raises `NotConserved`.
    """
    end = facts.end
    if not (
        np.array_equal(target.account, end.account)
        and np.array_equal(target.contract, end.contract)
    ):
        raise NotConserved("the state that is led to and the state there is have different rows")
    payments = no_legs() if payments is None else payments
    rows = np.concatenate((_trading(facts, target), payments))
    rows = np.concatenate((rows, _closing_gaps(facts, rows)))
    return _outcome(facts, target, rows)


def compose(facts: Facts, first: Outcome, then: Callable[[Facts], Outcome]) -> Outcome:
    """One remedy after another: ``then`` sees the state the first one leads to. Raises what
    ``then`` raises, and `NotConserved`."""
    second = then(following(facts, first))
    rows = np.concatenate((rows_of(first.legs), rows_of(second.legs)))
    left = first.closes if second.closes is None else second.closes
    return _outcome(facts, second.target, rows)._replace(closes=left)


def following(facts: Facts, outcome: Outcome) -> Facts:
    """The facts as they are once the outcome is in the books: what it recovered has moved back,
    and the closes it put right are no longer there to be put right again."""
    rows = rows_of(outcome.legs)
    recovered = folded(rows[rows[:, 4] == RECOVERED], FUTURES, facts.moved.shape)
    return facts._replace(
        end=outcome.target,
        wallets=outcome.after,
        moved=facts.moved + recovered,
        closes=facts.closes if outcome.closes is None else outcome.closes,
        start=start_of(facts),
    )


def closed_again(facts: Facts, outcome: Outcome) -> npt.NDArray[np.bool_]:
    """bool[account, asset]: whose positions would be closed by force at the reopening prices."""
    due = due_now(
        outcome.target, outcome.after.futures, facts.specs, facts.asset_of, facts.terms,
        facts.reopening,
    )  # fmt: skip
    again = np.zeros(outcome.after.futures.shape, np.bool_)
    again[due.account, due.asset] = True
    return again


def by_asset(outcome: Outcome, asset: int, **which: int) -> int:
    """Sum of the legs of an asset in exact integers, of one wallet, reason or account if given."""
    chosen = outcome.legs.asset == asset
    for name, value in which.items():
        chosen &= getattr(outcome.legs, name) == value
    return total(outcome.legs.amount[chosen])


def _trading(facts: Facts, target: Holdings) -> I64:
    """Legs of the profit and the fees that the change of holdings brings."""
    end, asset = facts.end, facts.asset_of[facts.end.contract]
    pnl, fees = target.realised - end.realised, end.fees - target.fees
    contracts, assets = facts.asset_of.size, facts.wallets.futures.shape[1]
    return np.concatenate((
        leg_rows(end.account, FUTURES, asset, end.contract, PNL, pnl),
        leg_rows(end.account, FUTURES, asset, end.contract, FEES, fees),
        leg_rows(HOUSE, CLEARING, facts.asset_of, np.arange(contracts), PNL,
                 -_sums(end.contract, pnl, contracts)),
        leg_rows(HOUSE, FEE_ACCOUNT, np.arange(assets), NO_CONTRACT, FEES,
                 -_sums(asset, fees, assets)),
    ))  # fmt: skip


def _closing_gaps(facts: Facts, rows: I64) -> I64:
    """What keeps every customer's futures wallet at or above zero, all wallets at once."""
    wallets, shape = facts.wallets, facts.wallets.futures.shape
    change = {wallet: folded(rows, wallet, shape) for wallet in (FUTURES, FUNDING, RECEIVABLE)}
    guarded = facts.customer[:, None] & np.any([part != 0 for part in change.values()], axis=0)
    futures = wallets.futures + change[FUTURES]
    funding = wallets.funding + change[FUNDING]
    gap = np.where(guarded, np.maximum(-futures, 0), 0)
    reachable = np.minimum(np.maximum(funding, 0), np.maximum(-facts.moved, 0))
    recovered = np.minimum(gap, reachable)
    owing = np.maximum(-(wallets.receivable + change[RECEIVABLE]), 0)
    given = np.maximum(np.minimum(change[FUTURES], futures), 0)
    repaid = np.minimum(np.where(guarded, given, 0), owing)
    return np.concatenate((
        pairs(FUTURES, FUNDING, RECOVERED, recovered),
        pairs(FUTURES, RECEIVABLE, OWED, gap - recovered),
        pairs(RECEIVABLE, FUTURES, REPAID, repaid),
    ))  # fmt: skip


def _outcome(facts: Facts, target: Holdings, rows: I64) -> Outcome:
    legs = sorted_legs(rows, len(facts.customer), facts.asset_of.size)
    rows, end = rows_of(legs), facts.end
    moved = (target.quantity != end.quantity) | (target.cost != end.cost)
    positions = PositionLegs(
        end.account[moved], end.contract[moved],
        (target.quantity - end.quantity)[moved], (target.cost - end.cost)[moved],
    )  # fmt: skip
    shape = facts.wallets.futures.shape
    after = Wallets(*(
        before + folded(rows, wallet, shape)
        for wallet, before in zip((FUTURES, FUNDING, RECEIVABLE), facts.wallets, strict=True)
    ))  # fmt: skip
    _assert_conserved(facts, legs, positions, after)
    return Outcome(legs, positions, _effects(facts, rows, after, positions), target, after)


def _sums(groups: npt.NDArray[np.int16], values: I64, size: int) -> I64:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, groups, values)
    return sums


def _assert_conserved(facts: Facts, legs: Legs, positions: PositionLegs, after: Wallets) -> None:
    off = excess(legs.asset, legs.amount)
    if off:
        raise NotConserved(f"cash legs do not sum to zero by asset: {off}")
    if facts.whole_market:
        off = excess(positions.contract, positions.quantity)
        if off:
            raise NotConserved(f"quantities do not sum to zero by contract: {off}")
        clearing = legs.wallet == CLEARING
        both = np.concatenate((positions.contract, legs.contract[clearing]))
        off = excess(both, np.concatenate((positions.cost, legs.amount[clearing])))
        if off:
            raise NotConserved(f"cost and clearing part by contract: {off}")
    before = facts.wallets
    for name, now, then in (
        ("futures", after.futures, before.futures),
        ("funding", after.funding, before.funding),
    ):
        low = facts.customer[:, None] & (now < 0) & (now != then)
        if low.any():
            account, asset = np.argwhere(low)[0].tolist()
            raise NotConserved(f"account {account} would have {name} below zero in asset {asset}")


def _effects(facts: Facts, rows: I64, after: Wallets, positions: PositionLegs) -> Effects:
    """One row for each account and asset that money or positions moved in."""
    shape = facts.wallets.futures.shape
    count = np.zeros(shape, np.int64)
    np.add.at(count, (positions.account, facts.asset_of[positions.contract]), 1)
    own = rows[rows[:, 0] != HOUSE]
    explained = {
        name: _of_reasons(own, reasons, shape)
        for name, reasons in (
            ("pnl", (PNL,)), ("fees", (FEES,)), ("recovered", (RECOVERED, OWED, REPAID)),
            ("paid", range(PAID, len(REASONS))),
        )
    }  # fmt: skip
    touched = count != 0
    for _, moved in explained.values():
        touched |= moved
    account, asset = np.nonzero(touched)
    at = (account, asset)
    before = facts.wallets
    return Effects(
        account.astype(np.int32), asset.astype(np.int16),
        before.futures[at], (after.futures - before.futures)[at],
        before.funding[at], (after.funding - before.funding)[at],
        before.receivable[at], (after.receivable - before.receivable)[at],
        explained["pnl"][0][at], explained["fees"][0][at], explained["paid"][0][at],
        np.maximum(-facts.moved[at], 0), count[at],
    )  # fmt: skip


def _of_reasons(
    own: I64, reasons: Iterable[int], shape: tuple[int, ...]
) -> tuple[I64, npt.NDArray[np.bool_]]:
    """Sum of accounts' legs of some reasons, and where there are any, both [account, asset]."""
    chosen = own[np.isin(own[:, 4], list(reasons))]
    result, there = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
    np.add.at(result, (chosen[:, 0], chosen[:, 2]), chosen[:, 5])
    there[chosen[:, 0], chosen[:, 2]] = True
    return result, there
