"""A tape in memory: plain arrays, one row per fact, ready for kernels.

Accounts, contracts and assets are numbered by their row; `accounts` is sorted by code, so a number
means the same account whoever reads the tape. Amounts are minor units, prices ticks, times
microseconds UTC, quantities signed contracts (+ long or bought, - short or sold). Fills are those
of `exchange.domain.replay`: one row per side in `seq` order; `flags` bit 0 is set for a taker,
bits 1-2 are the reason; `trade` and `order` are 0 when unknown.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exchange.domain.replay import Fills
from exchange.domain.value import ContractSpec

FLAG_TAKER = 1
REASON_SHIFT = 1
WALLET_FUTURES, WALLET_FUNDING = 0, 1
TRANSFER_DEPOSIT, TRANSFER_WITHDRAWAL, TRANSFER_INTERNAL = 0, 1, 2
KIND_CUSTOMER, KIND_INSURANCE, KIND_HOUSE = 0, 1, 2
MARGIN_CROSS, MARGIN_FIXED = 0, 1

__all__ = [
    "Accounts", "Assets", "Balances", "Fills", "Liquidations", "Orders", "Positions", "Prices",
    "Tape", "Transfers",
]  # fmt: skip

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
I16 = NDArray[np.int16]
U8 = NDArray[np.uint8]
Text = tuple[str, ...]


class Assets(NamedTuple):
    """`decimals[i]` places of the asset `code[i]`."""

    code: Text
    decimals: I16


class Accounts(NamedTuple):
    """`kind`: 0 customer, 1 insurance, 2 house; `margin_mode`: 0 cross, 1 fixed. A house account
    has an empty `customer`; `tags` are space separated."""

    code: Text
    customer: Text
    kind: U8
    name: Text
    email: Text
    language: Text
    margin_mode: U8
    leverage: I32
    tags: Text


class Balances(NamedTuple):
    """Opening balances; `wallet`: 0 futures, 1 funding."""

    account: I32
    wallet: U8
    asset: I16
    amount: I64


class Positions(NamedTuple):
    """Opening positions and their cost in the settlement asset."""

    account: I32
    contract: I16
    quantity: I64
    cost: I64


class Prices(NamedTuple):
    """Mark and index in ticks, `mark[contract, t]` at `time[t]`; 0 where the tape has none."""

    time: I64
    mark: I64
    index: I64  # type: ignore[assignment]


class Transfers(NamedTuple):
    """Money in, out and between wallets; `kind`: 0 deposit, 1 withdrawal, 2 internal."""

    seq: I64
    time: I64
    account: I32
    wallet: U8
    asset: I16
    amount: I64
    kind: U8
    reference: Text


class Liquidations(NamedTuple):
    """Forced closes as the venue recorded them: the signed position taken over, at what price."""

    time: I64
    account: I32
    contract: I16
    quantity: I64
    price: I64


class Orders(NamedTuple):
    """Orders where known; `quantity` is signed, `price` 0 for a market order, `type` and `status`
    number the words of the bundle format."""

    order: I64
    time: I64
    account: I32
    contract: I16
    quantity: I64
    type: U8
    price: I64
    status: U8


@dataclass(frozen=True)
class Tape:
    """One validated market. A table that was not asked for when loading is None."""

    digest: str
    manifest: dict[str, Any]
    specs: list[ContractSpec]
    assets: Assets
    accounts: Accounts
    balances: Balances
    positions: Positions
    fills: Fills
    prices: Prices
    transfers: Transfers
    liquidations: Liquidations
    orders: Orders
