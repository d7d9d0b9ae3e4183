"""Synthetic inputs of the engine's benchmarks: a Zipf tape, positions, a crash."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.liquidation import CashEvents, MarginTerms, MarkPaths
from exchange.domain.replay import Fills, Holdings, empty_fills
from exchange.domain.value import ContractSpec, contract_spec

I64 = npt.NDArray[np.int64]
SECONDS = 5400
ENTRY = 660_000


def contracts(number: int) -> list[ContractSpec]:
    """BTC coin-settled contracts of USD 100, tick 0.01."""
    return [
        contract_spec(
            f"BTC-{i}", "inverse", Decimal(100), Decimal("0.01"), "BTC", 8, underlying="BTC"
        )
        for i in range(number)
    ]


def zipf_tape(fills: int, accounts: int, number: int, seed: int = 1) -> Fills:
    """Both sides of ``fills / 2`` trades; the busiest account has about 1 in 12 of them."""
    random = np.random.default_rng(seed)
    trades = fills // 2
    cumulative = np.cumsum(1 / np.arange(1, accounts + 1))
    names = random.permutation(accounts).astype(np.int32)

    def draw() -> npt.NDArray[np.int32]:
        rank = np.searchsorted(cumulative, random.random(trades) * cumulative[-1])
        return names[rank]

    def both(buyer: npt.NDArray[np.generic], seller: npt.NDArray[np.generic]) -> I64:
        return np.stack((buyer, seller), axis=1).ravel()

    account = both(draw(), draw()).astype(np.int32)
    time = np.repeat(np.sort(random.integers(0, SECONDS * 1_000_000, trades)), 2)
    contract = np.repeat(random.integers(0, number, trades).astype(np.int16), 2)
    walk = np.cumsum(random.integers(-20, 21, trades))
    price = np.repeat(np.clip(ENTRY + walk, 400_000, 900_000), 2)
    quantity = random.integers(1, 50, trades)
    seq = np.arange(2 * trades)
    return Fills(
        seq, time, contract, account, both(quantity, -quantity), price,
        np.repeat(quantity * 3, 2), np.repeat(np.arange(trades), 2), seq,
        np.zeros(2 * trades, np.uint8),
    )  # fmt: skip


def crash(seed: int = 1) -> I64:
    """A mark a second for 90 minutes: a fall of a quarter and back, in ticks."""
    random = np.random.default_rng(seed)
    noise = np.cumsum(random.integers(-300, 301, SECONDS))
    dip = 150_000 * np.exp(-(((np.arange(SECONDS) - 2700) / 400) ** 2))
    return (ENTRY + noise - dip).astype(np.int64)


class Crossing(NamedTuple):
    """Arguments of `liquidation.first_crossings`."""

    opening: Holdings
    cash: I64
    fills: Fills
    moved: CashEvents
    specs: list[ContractSpec]
    asset_of: npt.NDArray[np.int16]
    terms: MarginTerms
    paths: MarkPaths


def cross_accounts(accounts: int, number: int, seed: int = 1) -> Crossing:
    """Cross accounts with one position in each contract, 10x to 30x margined, no fills."""
    random = np.random.default_rng(seed)
    specs = contracts(number)
    size = accounts * number
    account = np.repeat(np.arange(accounts, dtype=np.int32), number)
    contract = np.tile(np.arange(number, dtype=np.int16), accounts)
    quantity = random.integers(1, 500, size) * random.choice([-1, 1], size)
    cost = -(quantity * specs[0].num) // ENTRY
    zero = np.zeros(size, np.int64)
    cash = np.zeros((accounts, 1), np.int64)
    np.add.at(cash[:, 0], account, np.abs(cost) // 10)
    none = empty_fills()
    marks = np.stack([crash(seed) + 50 * k for k in range(number)])[None]
    return Crossing(
        Holdings(account, contract, quantity, cost, zero, zero), cash, none,
        CashEvents(none.time, none.account, none.contract, none.quantity), specs,
        np.zeros(number, np.int16),
        MarginTerms(np.zeros(accounts, np.uint8), np.full(accounts, 10)),
        MarkPaths(np.arange(SECONDS) * 1_000_000, marks),
    )  # fmt: skip
