"""Roll back to a cut-off: every fill after it, of every contract, is undone.

Positions return to what they were at the cut-off. The profit realised and the fees paid since
then are reversed on each futures wallet, against the clearing account of the contract and the
fee account. Money that moved across the venue's border stays moved: deposits and withdrawals
are not undone. Where a customer has already moved out what is reversed, the futures wallet
would fall below zero; then, in this order,

1. the funding wallet pays, as far as it reaches and at most what left the futures wallet after
   the cut-off;
2. the rest is a receivable of that customer, an explicit leg, never a silent negative.

A customer who already owed repays from what the reversal gives back. Invariants, asserted
before anything is returned (`NotConserved`): the legs of every asset sum to zero; the
quantities of every contract sum to zero; the cost moved equals the clearing moved, so that
``clearing + sum(cost)`` of a contract stays zero; no customer wallet ends below zero that was
not below it already by the venue's own books of a house account.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.legs import excess, total
from exchange.domain.replay import I16, I32, I64, Holdings

FUTURES, FUNDING, RECEIVABLE, CLEARING, FEE_ACCOUNT = range(5)
WALLETS = ("futures", "funding", "receivable", "clearing", "fees")
PNL, FEES, RECOVERED, OWED, REPAID = range(5)
REASONS = ("pnl", "fees", "recovered", "owed", "repaid")
HOUSE = -1
NO_CONTRACT = -1


class NotConserved(ArithmeticError):
    """The facts do not balance, so no plan is made of them; the message names what is off."""


class Wallets(NamedTuple):
    """Balances at the end of the tape, i64[account, asset]; a receivable is <= 0 (owed)."""

    futures: I64
    funding: I64
    receivable: I64


class Facts(NamedTuple):
    """What a rollback is computed from. ``cut`` and ``end`` share their rows.

    ``moved`` i64[account, asset] is the net of all transfers of the futures wallet after the
    cut-off (negative: money left it); ``customer`` bool[account] says whose wallets may not
    fall below zero; ``asset_of`` i16[contract] is each contract's settlement asset.
    """

    cut: Holdings
    end: Holdings
    wallets: Wallets
    moved: I64
    asset_of: I16
    customer: npt.NDArray[np.bool_]


class Legs(NamedTuple):
    """Cash legs, sorted by (asset, account, reason, contract, wallet), the house's last.

    ``account`` is -1 for the house's clearing (one per contract) and fee accounts.
    ``contract`` is -1 where a leg is not of one contract.
    """

    account: I32
    wallet: npt.NDArray[np.uint8]
    asset: I16
    contract: I16
    reason: npt.NDArray[np.uint8]
    amount: I64


class PositionLegs(NamedTuple):
    """What is added to each position, sorted by (account, contract)."""

    account: I32
    contract: I16
    quantity: I64
    cost: I64


class Effects(NamedTuple):
    """One row per account and asset that the rollback touches, sorted so. Minor units.

    ``futures_delta + funding_delta + receivable_delta`` is ``reversed_pnl + reversed_fees``.
    ``moved_out`` is what had left the futures wallet, net, since the cut-off.
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
    moved_out: I64
    positions_changed: I64


class Rollback(NamedTuple):
    """The whole remedy. ``after`` is the state it leads to; ``totals`` is per asset."""

    legs: Legs
    positions: PositionLegs
    effects: Effects
    after: Wallets
    totals: dict[int, dict[str, int]]


class _Change(NamedTuple):
    """Per account and asset, i64[A, S]: what is reversed, then how the gap is closed."""

    pnl: I64
    fees: I64
    recovered: I64
    owed: I64
    repaid: I64


def roll_back(facts: Facts, *, whole_market: bool = True) -> Rollback:
    """Compute the legs that undo every fill after the cut-off. Raises `NotConserved`.

    With ``whole_market`` false the tape shows only some accounts: quantities then need not
    sum to zero, and clearing carries what their unseen counterparties are owed.
    """
    cut, end = facts.cut, facts.end
    if not (
        np.array_equal(cut.account, end.account) and np.array_equal(cut.contract, end.contract)
    ):
        raise NotConserved("the states at the cut-off and at the end have different rows")
    pnl, fees = cut.realised - end.realised, end.fees - cut.fees
    asset = facts.asset_of[cut.contract]
    change = _change(facts, asset, pnl, fees)
    legs = _legs(facts, asset, pnl, fees, change)
    moved = (cut.quantity != end.quantity) | (cut.cost != end.cost)
    positions = PositionLegs(
        cut.account[moved], cut.contract[moved],
        (cut.quantity - end.quantity)[moved], (cut.cost - end.cost)[moved],
    )  # fmt: skip
    after = _after(facts.wallets, change)
    _assert_conserved(facts, legs, positions, after, whole_market)
    effects = _effects(facts, change, positions)
    return Rollback(legs, positions, effects, after, _totals(change, legs))


def _change(facts: Facts, asset: I16, pnl: I64, fees: I64) -> _Change:
    """Fold the reversals to wallets and close the gaps, all wallets at once."""
    wallets, shape = facts.wallets, facts.wallets.futures.shape
    at = (facts.end.account, asset)
    by_pnl, by_fees = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    np.add.at(by_pnl, at, pnl)
    np.add.at(by_fees, at, fees)
    reversed_to = wallets.futures + by_pnl + by_fees
    touched = (by_pnl != 0) | (by_fees != 0)
    guarded = facts.customer[:, None] & touched
    gap = np.where(guarded, np.maximum(-reversed_to, 0), 0)
    reachable = np.minimum(np.maximum(wallets.funding, 0), np.maximum(-facts.moved, 0))
    recovered = np.minimum(gap, reachable)
    spare = np.where(guarded, np.maximum(reversed_to, 0), 0)
    repaid = np.minimum(spare, np.maximum(-wallets.receivable, 0))
    return _Change(by_pnl, by_fees, recovered, gap - recovered, repaid)


def _after(wallets: Wallets, change: _Change) -> Wallets:
    given = change.pnl + change.fees + change.recovered + change.owed - change.repaid
    return Wallets(
        wallets.futures + given,
        wallets.funding - change.recovered,
        wallets.receivable - change.owed + change.repaid,
    )


def _legs(facts: Facts, asset: I16, pnl: I64, fees: I64, change: _Change) -> Legs:
    """Every leg: per position, per wallet, and the house's counter-legs."""
    account, contract = facts.cut.account, facts.cut.contract
    contracts, assets = facts.asset_of.size, facts.wallets.futures.shape[1]
    parts = [
        _rows(account, FUTURES, asset, contract, PNL, pnl),
        _rows(account, FUTURES, asset, contract, FEES, fees),
        *_pair(FUTURES, FUNDING, RECOVERED, change.recovered),
        *_pair(FUTURES, RECEIVABLE, OWED, change.owed),
        *_pair(RECEIVABLE, FUTURES, REPAID, change.repaid),
        _rows(HOUSE, CLEARING, facts.asset_of, np.arange(contracts), PNL,
              -_sums(contract, pnl, contracts)),
        _rows(HOUSE, FEE_ACCOUNT, np.arange(assets), NO_CONTRACT, FEES,
              -_sums(asset, fees, assets)),
    ]  # fmt: skip
    rows = np.concatenate(parts)
    rows = rows[rows[:, 5] != 0]
    owner, wallet, of_asset, of_contract, reason, _ = rows.T
    order = np.lexsort((wallet, of_contract, reason, owner, owner == HOUSE, of_asset))
    owner, wallet, of_asset, of_contract, reason, amount = rows[order].T
    return Legs(
        owner.astype(np.int32), wallet.astype(np.uint8), of_asset.astype(np.int16),
        of_contract.astype(np.int16), reason.astype(np.uint8), amount.copy(),
    )  # fmt: skip


def _rows(
    account: npt.ArrayLike,
    wallet: int,
    asset: npt.ArrayLike,
    contract: npt.ArrayLike,
    reason: int,
    amount: I64,
) -> I64:
    columns = np.broadcast_arrays(account, wallet, asset, contract, reason, amount)
    return np.stack([np.asarray(column, np.int64) for column in columns], axis=1)


def _pair(to: int, source: int, reason: int, amount: I64) -> list[I64]:
    """Two legs per wallet that is owed something: into ``to``, out of ``source``."""
    account, asset = np.nonzero(amount)
    values = amount[account, asset]
    return [
        _rows(account, to, asset, NO_CONTRACT, reason, values),
        _rows(account, source, asset, NO_CONTRACT, reason, -values),
    ]


def _sums(groups: npt.NDArray[np.int16], values: I64, size: int) -> I64:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, groups, values)
    return sums


def _assert_conserved(
    facts: Facts, legs: Legs, positions: PositionLegs, after: Wallets, whole_market: bool
) -> None:
    off = excess(legs.asset, legs.amount)
    if off:
        raise NotConserved(f"cash legs do not sum to zero by asset: {off}")
    if whole_market:
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


def _effects(facts: Facts, change: _Change, positions: PositionLegs) -> Effects:
    """One row for each wallet that money or positions of its asset moved in."""
    count = np.zeros(facts.wallets.futures.shape, np.int64)
    np.add.at(count, (positions.account, facts.asset_of[positions.contract]), 1)
    touched = count != 0
    for part in change:
        touched |= part != 0
    account, asset = np.nonzero(touched)
    at = (account, asset)
    pnl, fees, recovered, owed, repaid = (part[at] for part in change)
    return Effects(
        account.astype(np.int32), asset.astype(np.int16),
        facts.wallets.futures[at], pnl + fees + recovered + owed - repaid,
        facts.wallets.funding[at], -recovered,
        facts.wallets.receivable[at], repaid - owed,
        pnl, fees, np.maximum(-facts.moved[at], 0), count[at],
    )  # fmt: skip


def _totals(change: _Change, legs: Legs) -> dict[int, dict[str, int]]:
    """Per asset: what customers lose and gain, what is recovered and owed, and the zero sum."""
    result = {}
    for asset in range(change.pnl.shape[1]):
        given = change.pnl[:, asset] + change.fees[:, asset]
        result[asset] = {
            "returned": total(given[given > 0]),
            "taken_back": -total(given[given < 0]),
            "fees": total(change.fees[:, asset]),
            "recovered": total(change.recovered[:, asset]),
            "receivable": total(change.owed[:, asset]),
            "repaid": total(change.repaid[:, asset]),
            "legs": int((legs.asset == asset).sum()),
            "sum": total(legs.amount[legs.asset == asset]),
        }
    return result
