"""Small nights for the cascade's tests: positions, prints, take-overs; marks are the last prints.

Times are seconds, prices ticks. A fixed position of 10 times is due at its entry / 1.09 and below
(long), entry / 0.91 and above (short), cut to the tick.
"""

from collections.abc import Sequence

import numpy as np

from exchange.domain import cascade, counterfactual, verdicts
from exchange.domain.cascade import Graph, Scene
from exchange.domain.holdings import Fills, Holdings
from exchange.domain.liquidation import (
    EXEMPT,
    FIXED,
    CashEvents,
    MarginTerms,
    MarkPaths,
    first_crossings,
)
from exchange.domain.remedies.facts import Closes, takeover_rows
from exchange.domain.value import trade_value_exact
from tests.exchange.domain.market import BTC

SECOND = 1_000_000
TRADE, TAKEOVER, LIQUIDATION = 0, 1, 2
FUND, OTHER = 0, 1
SPECS = [BTC, BTC._replace(symbol="BTC-W")]
START = 650_000


class Night:
    """A tape under construction. Account 0 is the fund, 1 everybody else, others are named."""

    def __init__(self, accounts: int = 10, seconds: int = 6, start: Sequence[int] = (START, START)):
        self.accounts, self.seconds, self.start = accounts, seconds, start
        self.rows: list[tuple[int, int, int, int, int, int, int]] = []
        self.positions: list[tuple[int, int, int, int]] = []
        self.closes: list[tuple[int, int, int, int, int]] = []
        self.moved: list[tuple[int, int, int]] = []

    def hold(self, account: int, quantity: int, entry: int, contract: int = 0) -> None:
        self.positions.append((account, contract, quantity, entry))

    def sell(
        self, at: float, seller: int, ticks: int, quantity: int = 1, *, buyer: int = OTHER,
        contract: int = 0, reason: int = TRADE,
    ) -> None:  # fmt: skip
        reason = LIQUIDATION if FUND in (seller, buyer) and reason == TRADE else reason
        self.rows.append((int(at * SECOND), contract, buyer, seller, quantity, ticks, reason))

    def take(
        self, at: float, account: int, quantity: int, ticks: int = START, contract: int = 0
    ) -> None:
        """The fund takes over a position of so many signed contracts."""
        buyer, seller = (FUND, account) if quantity > 0 else (account, FUND)
        self.rows.append(
            (int(at * SECOND), contract, buyer, seller, abs(quantity), ticks, TAKEOVER)
        )
        self.closes.append((int(at * SECOND), account, contract, quantity, ticks))

    def fills(self) -> Fills:
        sides = []
        for number, (time, contract, buyer, seller, quantity, ticks, reason) in enumerate(
            sorted(self.rows, key=lambda row: row[0]), 1
        ):
            for account, signed in ((buyer, quantity), (seller, -quantity)):
                why = TRADE if reason == LIQUIDATION and account != FUND else reason
                sides.append((time, contract, account, signed, ticks, number, why << 1))
        data = np.array(sides, np.int64).reshape(len(sides), 7)
        seq, none = np.arange(len(sides)), np.zeros(len(sides), np.int64)
        return Fills(
            seq, data[:, 0].copy(), data[:, 1].astype(np.int16), data[:, 2].astype(np.int32),
            data[:, 3].copy(), data[:, 4].copy(), none, data[:, 5].copy(), seq,
            data[:, 6].astype(np.uint8),
        )  # fmt: skip

    def opening(self) -> Holdings:
        rows = sorted(self.positions)
        data = np.array(rows, np.int64).reshape(len(rows), 4)
        cost = [trade_value_exact(BTC.kind, BTC.num, BTC.den, q, e) for _, _, q, e in rows]
        none = np.zeros(len(rows), np.int64)
        return Holdings(
            data[:, 0].astype(np.int32), data[:, 1].astype(np.int16), data[:, 2].copy(),
            np.array(cost, np.int64), none, none,
        )  # fmt: skip

    def marks(self):
        """The last print up to and at each second, i64[contract, second]."""
        path = np.repeat(np.array(self.start, np.int64)[:, None], self.seconds, axis=1)
        for time, contract, *_, ticks, reason in sorted(self.rows, key=lambda row: row[0]):
            if reason != TAKEOVER:
                path[contract, -(-time // SECOND) :] = ticks
        return path

    def recorded(self) -> verdicts.Recorded:
        data = np.array(self.closes, np.int64).reshape(len(self.closes), 5)
        return verdicts.Recorded(
            data[:, 0].copy(), data[:, 1].astype(np.int32), data[:, 2].astype(np.int16),
            data[:, 3].copy(), data[:, 4].copy(),
        )  # fmt: skip

    def terms(self) -> MarginTerms:
        mode = np.full(self.accounts, FIXED, np.uint8)
        mode[[FUND, OTHER]] = EXEMPT
        return MarginTerms(mode, np.full(self.accounts, 10, np.int64))

    def times(self):
        return np.arange(self.seconds, dtype=np.int64) * SECOND

    def search(self, marks):
        data = np.array(sorted(self.moved), np.int64).reshape(len(self.moved), 3)
        moved = CashEvents(
            data[:, 0] * SECOND, data[:, 1].astype(np.int32),
            np.zeros(len(data), np.int16), data[:, 2].copy(),
        )  # fmt: skip
        return first_crossings(
            self.opening(), np.zeros((self.accounts, 1), np.int64), self.fills(), moved, SPECS,
            np.zeros(2, np.int16), self.terms(), MarkPaths(self.times(), marks),
        ).due  # fmt: skip

    def scene(self, *flagged: int, marks=None, cutoff: int = 0) -> Scene:
        marks = self.marks() if marks is None else marks
        due, fills, recorded = self.search(marks[None]), self.fills(), self.recorded()
        none = np.zeros(recorded.time.size, np.int64)
        closes = Closes(
            *recorded, verdict=none.astype(np.uint8), loss=none,
            fill=takeover_rows(recorded.time, recorded.account, recorded.contract, fills),
            fee=none,
        )  # fmt: skip
        holders, suspects = np.zeros((2, self.accounts), np.bool_)
        holders[FUND] = True
        suspects[list(flagged)] = True
        crossed = verdicts.reached(
            recorded, due, 0, self.terms(), np.zeros(2, np.int16), self.times()
        )
        return Scene(
            SPECS, fills, self.opening(), closes, due, crossed, self.times(), marks, holders,
            suspects, cutoff * SECOND,
        )  # fmt: skip

    def graph(self, *flagged: int, **options) -> Graph:
        return cascade.build(self.scene(*flagged, **options))

    def estimate(self, *flagged: int, fair: int = START, band_ppm: int = 10_000):
        """What would not have happened, with a fair price that never moved."""
        scene = self.scene(*flagged)
        judging = counterfactual.Judging(
            self.terms(), np.zeros(2, np.int16), np.full_like(scene.marks, fair), band_ppm
        )
        return counterfactual.estimate(scene, cascade.build(scene), judging, self.search)


def named(graph: Graph, *names: str) -> dict[tuple[str, str], int]:
    """Edges as {(mover, close): ticks}; closes by the names given in the order recorded."""
    nodes = graph.nodes

    def name(node: int) -> str:
        kind = cascade.KINDS[nodes.kind[node]]
        if kind == "close":
            return names[node]
        return f"account {nodes.account[node]}" if kind == "flagged" else kind

    rows = zip(*(column.tolist() for column in graph.edges), strict=True)
    return {(name(source), name(target)): ticks for source, target, ticks in rows}


def wild(seed: int) -> Night:
    """Random traders, positions near their thresholds, a fund that sells in small trades."""
    random = np.random.default_rng(seed)
    night = Night(accounts=24, seconds=30)
    size = {}
    for account in range(8, 24):
        contract, side = int(random.integers(0, 2)), 1 if random.random() < 0.7 else -1
        at = START * (1 - side * float(random.uniform(0.0, 0.12)))
        size[account] = (contract, side * int(random.integers(5, 200)))
        night.hold(account, size[account][1], int(at * (1.09 if side > 0 else 0.91)), contract)
    price, due = [START, START], dict.fromkeys(size, False)
    held = [0, 0]
    for second in range(29):
        for account, (contract, quantity) in size.items():
            entry = next(e for a, _, _, e in night.positions if a == account)
            limit = entry / (1.09 if quantity > 0 else 0.91)
            crossed = price[contract] < limit if quantity > 0 else price[contract] > limit
            if crossed and not due[account]:
                due[account] = True
                night.take(second + 0.1, account, quantity, price[contract], contract)
                held[contract] += quantity
        for step in range(int(random.integers(1, 6))):
            contract = int(random.integers(0, 2))
            price[contract] = max(1000, price[contract] + int(random.integers(-9_000, 7_000)))
            at = second + 0.2 + step / 10
            if held[contract] and random.random() < 0.5:
                part = min(abs(held[contract]), int(random.integers(1, 150)))
                seller, buyer = (FUND, 1) if held[contract] > 0 else (1, FUND)
                night.sell(at, seller, price[contract], part, buyer=buyer, contract=contract)
                held[contract] -= part if held[contract] > 0 else -part
            else:
                night.sell(at, int(random.choice([2, 3])), price[contract], contract=contract)
    return night
