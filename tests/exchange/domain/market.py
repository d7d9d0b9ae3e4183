"""Small markets for the engine's tests: contracts of every kind and random balanced tapes."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from exchange.domain.replay import Fills
from exchange.domain.value import ContractSpec, contract_spec

BTC = contract_spec("BTC-Q", "inverse", Decimal(100), Decimal("0.01"), "BTC", 8, underlying="BTC")
LTC = contract_spec("LTC-Q", "inverse", Decimal(10), Decimal("0.001"), "LTC", 8, underlying="LTC")
USDT = contract_spec("BTCUSDT", "linear", Decimal("0.001"), Decimal("0.1"), "USDT", 6)
QUANTO = contract_spec("ETHUSD", "quanto", Decimal("0.000001"), Decimal("0.05"), "XBT", 8)
KINDS = (BTC, LTC, USDT, QUANTO)

Trade = tuple[int, int, int, int, int, int, int]
"""time_us, contract, buyer, seller, quantity, ticks, fee of each side."""


def fills_of(trades: Sequence[Trade], flags: int = 0) -> Fills:
    """Both sides of each trade, buyer first, in the order given."""
    rows = []
    for number, (time, contract, buyer, seller, quantity, ticks, fee) in enumerate(trades):
        rows.append((time, contract, buyer, quantity, ticks, fee, number))
        rows.append((time, contract, seller, -quantity, ticks, -fee, number))
    data = np.array(rows, np.int64).reshape(len(rows), 7)
    seq = np.arange(len(rows), dtype=np.int64)
    return Fills(
        seq,
        data[:, 0].copy(),
        data[:, 1].astype(np.int16),
        data[:, 2].astype(np.int32),
        data[:, 3].copy(),
        data[:, 4].copy(),
        data[:, 5].copy(),
        data[:, 6].copy(),
        seq,
        np.full(len(rows), flags, np.uint8),
    )


def random_tape(
    seed: int, trades: int, accounts: int, specs: Sequence[ContractSpec] = KINDS
) -> Fills:
    """A balanced tape with flips, fees and rebates on a wandering price per contract."""
    random = np.random.default_rng(seed)
    price = np.array([700_000, 120_000, 70_000, 8_000], np.int64)[: len(specs)].copy()
    rows: list[Trade] = []
    time = 0
    for _ in range(trades):
        time += int(random.integers(0, 3_000_000))
        contract = int(random.integers(0, len(specs)))
        price[contract] = max(2, price[contract] + int(random.integers(-900, 901)))
        buyer, seller = (int(a) for a in random.choice(accounts, 2, replace=False))
        quantity, fee = int(random.integers(1, 60)), int(random.integers(-50, 400))
        rows.append((time, contract, buyer, seller, quantity, int(price[contract]), fee))
    return fills_of(rows)
