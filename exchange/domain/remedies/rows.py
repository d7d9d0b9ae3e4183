"""Legs as rows while a remedy makes them, and as sorted columns once they are made."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16, I32, I64

FUTURES, FUNDING, RECEIVABLE, CLEARING, FEE_ACCOUNT, GOODWILL = range(6)
WALLETS = ("futures", "funding", "receivable", "clearing", "fees", "goodwill")
(
    PNL, FEES, RECOVERED, OWED, REPAID, PAID, REFUNDED, COVERED, CHARGED, CUT, WRITTEN_OFF,
    UNREACHED,
) = range(12)  # fmt: skip
REASONS = (
    "pnl", "fees", "recovered", "owed", "repaid", "paid", "refunded", "covered", "charged", "cut",
    "written_off", "unreached",
)  # fmt: skip
HOUSE = -1
NO_CONTRACT = -1


class Legs(NamedTuple):
    """Cash legs, sorted by (asset, account, reason, contract, wallet), the house's last.

    ``account`` is -1 for the house's clearing (one per contract), fee and goodwill accounts.
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


def no_legs() -> I64:
    """Rows of no payment at all."""
    return np.zeros((0, 6), np.int64)


def leg_rows(
    account: npt.ArrayLike,
    wallet: npt.ArrayLike,
    asset: npt.ArrayLike,
    contract: npt.ArrayLike,
    reason: int,
    amount: npt.ArrayLike,
) -> I64:
    """Legs as rows i64[n, 6] in the order of `Legs`, from columns that broadcast together."""
    columns = np.broadcast_arrays(account, wallet, asset, contract, reason, amount)
    return np.stack([np.asarray(column, np.int64).reshape(-1) for column in columns], axis=1)


def pairs(to: int, source: int, reason: int, amount: I64) -> I64:
    """Two legs per account and asset with an amount i64[account, asset]: into wallet ``to``, out
    of wallet ``source`` of the same account."""
    account, asset = np.nonzero(amount)
    values = amount[account, asset]
    return np.concatenate((
        leg_rows(account, to, asset, NO_CONTRACT, reason, values),
        leg_rows(account, source, asset, NO_CONTRACT, reason, -values),
    ))  # fmt: skip


def paid_from(account: int, wallet: int, reason: int, amount: I64, *, to: int = FUTURES) -> I64:
    """Legs that pay amounts i64[account, asset] into the wallets ``to``, and one leg an asset out
    of the payer: wallet ``wallet`` of ``account`` (`HOUSE` for the goodwill account). Amounts
    below zero are taken instead."""
    payee, asset = np.nonzero(amount)
    assets = np.arange(amount.shape[1])
    return np.concatenate((
        leg_rows(payee, to, asset, NO_CONTRACT, reason, amount[payee, asset]),
        leg_rows(account, wallet, assets, NO_CONTRACT, reason, -amount.sum(axis=0)),
    ))  # fmt: skip


def folded(rows: I64, wallet: int, shape: tuple[int, ...]) -> I64:
    """Sum of the rows of accounts' wallets of one kind, i64[account, asset]."""
    chosen = rows[(rows[:, 1] == wallet) & (rows[:, 0] != HOUSE)]
    result = np.zeros(shape, np.int64)
    np.add.at(result, (chosen[:, 0], chosen[:, 2]), chosen[:, 5])
    return result


def sorted_legs(rows: I64, accounts: int, contracts: int) -> Legs:
    """Legs of the same place and reason as one, none of nothing, in their order.

    The order is that of one number a leg, which is what makes sorting a million of them cheap.
    """
    rows = rows[rows[:, 5] != 0]
    owner, wallet, asset, contract, reason, amount = rows.T
    key = asset * (accounts + 1) + np.where(owner == HOUSE, accounts, owner)
    key = (key * len(REASONS) + reason) * (contracts + 1) + contract + 1
    key = key * len(WALLETS) + wallet
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    summed = np.zeros(first.size, np.int64)
    np.add.at(summed, group, amount)
    first, summed = first[summed != 0], summed[summed != 0]
    return Legs(
        owner[first].astype(np.int32), wallet[first].astype(np.uint8),
        asset[first].astype(np.int16), contract[first].astype(np.int16),
        reason[first].astype(np.uint8), summed,
    )  # fmt: skip


def rows_of(legs: Legs) -> I64:
    """Legs as rows again, the inverse of `sorted_legs`."""
    return np.stack([np.asarray(column, np.int64) for column in legs], axis=1)
