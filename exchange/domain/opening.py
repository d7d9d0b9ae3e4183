"""The three journals that open the books of a tape: what was there, what moved, what trading did.

Everything is in the tape's numbers (row of the account, contract and asset). Invariants:

* each journal sums to zero per asset, and its positions to zero per contract;
* per contract, clearing legs are minus the cost legs, so "clearing + cost = 0" holds from birth;
* after the three, every wallet is what the replay says, but a customer's below zero is zero, and
  the rest is a receivable, which is never above zero.

Where the tape knows some accounts only, the *outside* account (number: one above the last) holds
the other side of every position.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.replay import I16, I32, I64, Holdings

FUTURES, FUNDING, RECEIVABLE, CUSTODY, CLEARING, FEES, GOODWILL, CAPITAL = range(8)
KINDS = (
    "futures", "funding", "receivable", "custody", "clearing", "fees", "goodwill", "capital",
)  # fmt: skip
HOUSE = -1


class Moneys(NamedTuple):
    """Amounts by account, wallet (0 futures, 1 funding) and asset, minor units."""

    account: I32
    wallet: npt.NDArray[np.uint8]
    asset: I16
    amount: I64


class Places(NamedTuple):
    """Cash legs: `kind` numbers KINDS; `owner` an account, a contract (clearing) or HOUSE."""

    kind: I64
    owner: I64
    asset: I64
    amount: I64


class Moves(NamedTuple):
    """Position legs; the account after the last is the outside."""

    account: I64
    contract: I64
    quantity: I64
    cost: I64


class Journals(NamedTuple):
    """Opening, trading and transfers: each its cash legs and its position legs."""

    opening: tuple[Places, Moves]
    trading: tuple[Places, Moves]
    transfers: tuple[Places, Moves]


def journals(
    *,
    customers: npt.NDArray[np.bool_],
    asset_of: I16,
    assets: int,
    balances: Moneys,
    opening: Holdings,
    closing: Holdings,
    transfers: Moneys,
) -> Journals:
    """Compute the three journals.

    `customers[account]` tells whose wallets have a floor; `asset_of[contract]` is the settlement
    asset; `opening` and `closing` are the holdings before the first and after the last fill.
    """
    shape = (2, customers.size, assets)
    true = np.zeros(shape, np.int64)
    np.add.at(true, (balances.wallet, balances.account, balances.asset), balances.amount)
    books = _Wallets(customers, shape)
    held = _dense(opening, customers.size, asset_of.size)
    first = books.step(true)
    first_moves, first_costs = _moves(np.zeros_like(held), held, np.zeros(asset_of.size, np.int64))
    opened = _join(
        first,
        _house(CUSTODY, -_by_asset(first, assets)),
        _clearing(-first_costs, asset_of),
        _house(CAPITAL, _per_asset(first_costs, asset_of, assets)),
    )

    result = closing.realised - closing.fees
    np.add.at(true[FUTURES], (closing.account, asset_of[closing.contract]), result)
    second = books.step(true)
    realised = _per_contract(closing.contract, closing.realised, asset_of.size)
    fees = _per_asset(
        _per_contract(closing.contract, closing.fees, asset_of.size), asset_of, assets
    )
    end = _dense(closing, customers.size, asset_of.size)
    moves, costs = _moves(held, end, realised)
    capital = _per_asset(costs - realised, asset_of, assets)
    traded = _join(
        second, _clearing(-costs, asset_of), _house(FEES, fees), _house(CAPITAL, capital)
    )

    np.add.at(true, (transfers.wallet, transfers.account, transfers.asset), transfers.amount)
    third = books.step(true, transfers)
    moved = _join(third, _house(CUSTODY, -_by_asset(third, assets)))
    return Journals((opened, first_moves), (traded, moves), (moved, _no_moves()))


class _Wallets:
    """Wallets and receivables so far; a step gives the legs that lead to the next true amounts."""

    def __init__(self, customers: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> None:
        self.floored = customers[None, :, None]
        self.held = np.zeros(shape, np.int64)
        self.owed = np.zeros(shape[1:], np.int64)

    def step(self, true: I64, transfers: Moneys | None = None) -> Places:
        """Legs to `true`; each transfer keeps a leg of its own, the rest is netted per wallet."""
        held = np.where(self.floored, np.maximum(true, 0), true)
        owed = (true - held).sum(axis=0)
        change, more_owed = held - self.held, owed - self.owed
        self.held, self.owed = held, owed
        single = []
        if transfers is not None:
            np.subtract.at(
                change, (transfers.wallet, transfers.account, transfers.asset), transfers.amount
            )
            single = [
                _some(
                    transfers.wallet.astype(np.int64),
                    transfers.account.astype(np.int64),
                    transfers.asset.astype(np.int64),
                    transfers.amount,
                )
            ]
        wallet, account, asset = np.nonzero(change)
        debtor, coin = np.nonzero(more_owed)
        return _join(
            *single,
            Places(wallet, account, asset, change[wallet, account, asset]),
            Places(np.full(debtor.size, RECEIVABLE), debtor, coin, more_owed[debtor, coin]),
        )


def _moves(before: I64, after: I64, realised: I64) -> tuple[Moves, I64]:
    """Position legs between two states [2, account, contract], and what they cost per contract.

    The outside account takes what is missing; flat, it costs nothing, like any position.
    """
    change = after - before
    outside = -change[0].sum(axis=0)
    held = -after[0].sum(axis=0)
    cost_before = _outside_cost(before)
    cost = np.where(held != 0, realised - change[1].sum(axis=0), -cost_before)
    every = np.concatenate((change, np.stack((outside, cost))[:, None, :]), axis=1)
    account, contract = np.nonzero(every.any(axis=0))
    legs = Moves(account, contract, every[0, account, contract], every[1, account, contract])
    return legs, every[1].sum(axis=0)


def _outside_cost(state: I64) -> I64:
    """Cost of the outside position that was opened beside an opening state."""
    return np.where(state[0].sum(axis=0) != 0, -state[1].sum(axis=0), 0)


def _dense(holdings: Holdings, accounts: int, contracts: int) -> I64:
    """Quantity and cost i64[2, account, contract]."""
    state = np.zeros((2, accounts, contracts), np.int64)
    state[0, holdings.account, holdings.contract] = holdings.quantity
    state[1, holdings.account, holdings.contract] = holdings.cost
    return state


def _per_contract(contract: I16, values: I64, contracts: int) -> I64:
    sums = np.zeros(contracts, np.int64)
    np.add.at(sums, contract, values)
    return sums


def _per_asset(by_contract: I64, asset_of: I16, assets: int) -> I64:
    sums = np.zeros(assets, np.int64)
    np.add.at(sums, asset_of, by_contract)
    return sums


def _by_asset(legs: Places, assets: int) -> I64:
    sums = np.zeros(assets, np.int64)
    np.add.at(sums, legs.asset, legs.amount)
    return sums


def _house(kind: int, by_asset: I64) -> Places:
    asset = np.arange(by_asset.size)
    return _some(np.full(by_asset.size, kind), np.full(by_asset.size, HOUSE), asset, by_asset)


def _clearing(by_contract: I64, asset_of: I16) -> Places:
    contract = np.arange(by_contract.size)
    kind = np.full(by_contract.size, CLEARING)
    return _some(kind, contract, asset_of.astype(np.int64), by_contract)


def _some(kind: I64, owner: I64, asset: I64, amount: I64) -> Places:
    """Only the legs that move something."""
    kept = amount != 0
    return Places(kind[kept], owner[kept], asset[kept], amount[kept])


def _join(*parts: Places) -> Places:
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Places(*(column.astype(np.int64) for column in columns))


def _no_moves() -> Moves:
    none = np.zeros(0, np.int64)
    return Moves(none, none, none, none)
