"""Other ways to the same numbers, each as a function of arrays; None where not installed.

They are given what they are best at: prepared inputs, no exact rounding, no fees.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

from exchange.domain.replay import Fills
from exchange.domain.value import ContractSpec, apply_fill_exact, trade_value_exact

Case = Callable[[], object]


def installed(name: str) -> bool:
    """Whether a peer can be imported."""
    return find_spec(name) is not None


def python_replay(fills: Fills, specs: list[ContractSpec]) -> Case:
    """A dictionary of positions and Python integers: the definition, fill by fill."""
    rows = list(
        zip(*(c.tolist() for c in (fills.account, fills.contract, fills.quantity, fills.price)),
            strict=True)
    )  # fmt: skip

    def run() -> object:
        state: dict[tuple[int, int], tuple[int, int, int]] = {}
        for account, contract, quantity, price in rows:
            spec = specs[contract]
            held = state.get((account, contract), (0, 0, 0))
            state[account, contract] = apply_fill_exact(
                spec.kind, spec.num, spec.den, *held, quantity, price
            )
        return state

    return run


def numpy_sums(fills: Fills, specs: list[ContractSpec]) -> Case:
    """Quantity and float cost per account and contract by bincount: no realised profit."""
    number = len(specs)

    def run() -> object:
        key = fills.account.astype(np.int64) * number + fills.contract
        quantity = np.bincount(key, weights=fills.quantity)
        return quantity, np.bincount(key, weights=-fills.quantity * 1e12 / fills.price)

    return run


def duckdb_sums(fills: Fills) -> Case | None:
    """Quantity and float cost per account and contract in SQL: no realised profit."""
    if not installed("duckdb"):
        return None
    import duckdb
    import pyarrow as pa

    columns = ("account", "contract", "quantity", "price")
    table = pa.table({name: getattr(fills, name) for name in columns})
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.register("fills", table)
    query = (
        "SELECT account, contract, sum(quantity), sum(-quantity * 1e12 / price)"
        " FROM fills GROUP BY ALL"
    )
    return lambda: connection.execute(query).fetchnumpy()


def vectorbt_positions(fills: Fills) -> Case | None:
    """Position records of one account that makes every fill, in floats."""
    if not installed("vectorbt"):
        return None
    import pandas as pd
    import vectorbt as vbt

    price = pd.Series(fills.price.astype(float))
    size = pd.Series(fills.quantity.astype(float) * np.where(np.arange(price.size) % 3, 1, -1))

    def run() -> object:
        portfolio = vbt.Portfolio.from_orders(
            close=price, size=size, size_type="amount", direction="both", init_cash=1e15
        )
        return portfolio.positions.records

    return run


def nautilus_positions(fills: Fills, each: int = 50) -> Case | None:
    """`Position.apply` on ready-made events, ``each`` fills a position (more is quadratic)."""
    if not installed("nautilus_trader"):
        return None
    from nautilus_trader.model.position import Position
    from nautilus_trader.test_kit.providers import TestInstrumentProvider

    instrument = TestInstrumentProvider.xbtusd_bitmex()
    events = [
        _nautilus_fill(instrument, i, i // each, int(q), int(p))
        for i, (q, p) in enumerate(zip(fills.quantity, fills.price, strict=True))
    ]

    def run() -> object:
        position = None
        for i, event in enumerate(events):
            if i % each == 0:
                position = Position(instrument, event)
            else:
                position.apply(event)
        return position

    return run


def _nautilus_fill(instrument: Any, number: int, position: int, quantity: int, ticks: int) -> Any:
    from nautilus_trader.core.uuid import UUID4
    from nautilus_trader.model import enums, identifiers, objects
    from nautilus_trader.model.events import OrderFilled

    return OrderFilled(
        identifiers.TraderId("T-1"), identifiers.StrategyId("S-1"), instrument.id,
        identifiers.ClientOrderId(f"O{number}"), identifiers.VenueOrderId(f"V{number}"),
        identifiers.AccountId("BITMEX-1"), identifiers.TradeId(str(number)),
        identifiers.PositionId(f"P{position}"),
        enums.OrderSide.BUY if quantity > 0 else enums.OrderSide.SELL, enums.OrderType.MARKET,
        objects.Quantity(abs(quantity), 0), objects.Price(ticks / 100, 1),
        instrument.quote_currency, objects.Money(0, instrument.settlement_currency),
        enums.LiquiditySide.TAKER, UUID4(), 0, 0,
    )  # fmt: skip


def due_prices(quantity: Any, cost: Any, leverage: Any, num: int) -> Any:
    """The closed form in float64: due where ``value <= cost - margin + factor * margin``."""
    margin = np.abs(cost) / leverage
    return -quantity * num / (cost - margin * (1 - leverage / 100))


def numpy_isolated(quantity: Any, cost: Any, leverage: Any, marks: Any, num: int) -> Case:
    """Closed form and a binary search in the running extremes, all vectors."""

    def run() -> object:
        price = due_prices(quantity, cost, leverage, num)
        fallen, risen = np.minimum.accumulate(marks), np.maximum.accumulate(marks)
        long = np.searchsorted(-fallen, -price)
        short = np.searchsorted(risen, price)
        second = np.where(quantity > 0, long, short)
        return np.where(second < marks.size, second, -1)

    return run


def duckdb_isolated(quantity: Any, cost: Any, leverage: Any, marks: Any, num: int) -> Case | None:
    """The running extremes joined ASOF to the closed-form prices."""
    if not installed("duckdb"):
        return None
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    positions = pa.table({"q": quantity, "cost": cost, "lev": leverage})
    path = pa.table({"t": np.arange(marks.size), "mark": marks})
    connection.register("positions", positions)
    connection.register("path", path)
    query = f"""
        WITH due AS (SELECT q, -q * {float(num)} / (cost - abs(cost) / lev * (1 - lev / 100)) AS p
                     FROM positions),
             low AS (SELECT mark, min(t) AS t FROM (SELECT t, min(mark) OVER (ORDER BY t) AS mark
                     FROM path) GROUP BY mark),
             high AS (SELECT mark, min(t) AS t FROM (SELECT t, max(mark) OVER (ORDER BY t) AS mark
                      FROM path) GROUP BY mark)
        SELECT low.t FROM (SELECT * FROM due WHERE q > 0) d ASOF LEFT JOIN low ON d.p >= low.mark
        UNION ALL
        SELECT high.t FROM (SELECT * FROM due WHERE q < 0) d ASOF LEFT JOIN high ON d.p <= high.mark
    """
    return lambda: connection.execute(query).fetchnumpy()


def python_isolated(spec: ContractSpec, rows: Any, marks: Any) -> Case:
    """Every second of every position until it is due, in Python integers."""
    path = marks.tolist()

    def run() -> object:
        found = []
        for quantity, cost, leverage in rows:
            margin = abs(cost) // leverage
            maintenance = margin * leverage // 100
            second = -1
            for t, ticks in enumerate(path):
                value = trade_value_exact(spec.kind, spec.num, spec.den, quantity, ticks)
                if margin + value - cost <= maintenance:
                    second = t
                    break
            found.append(second)
        return found

    return run
