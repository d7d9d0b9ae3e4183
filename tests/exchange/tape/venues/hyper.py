"""A small model of the venue, to print fills of histories whose truth is known."""

import json
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

T0 = 1_700_000_000_000
USER = "0x00000000000000000000000000000000000000aa"


def fill(
    coin: str, px: str, sz: str, side: str, start: str, pnl: str = "0.0", **more: Any
) -> dict[str, Any]:
    """One printed fill."""
    return {
        "coin": coin, "px": px, "sz": sz, "side": side, "time": T0,
        "startPosition": start, "dir": "Open Long", "closedPnl": pnl, "hash": "0x0", "oid": 7,
        "crossed": True, "fee": "0.01", "tid": 1, "feeToken": "USDC", "twapId": None,
    } | more  # fmt: skip


class Venue:
    """Prints an account's fills in one coin. Exact entry notional, entry price cut off."""

    def __init__(self, seed: int, coin: str = "ZED", decimals: int = 2, cut: bool = False) -> None:
        self.chance = random.Random(seed)
        self.coin, self.decimals, self.cut = coin, decimals, cut
        self.position, self.notional = 0, Fraction(0)
        self.time = T0
        self.made: list[dict[str, Any]] = []

    def trade(self, dq: int, price: int) -> dict[str, Any]:
        """One fill of dq lots at a price in ticks; returns what the venue prints."""
        start, pnl = self.position, 0
        closed = 0 if start * dq >= 0 else (start if abs(dq) >= abs(start) else -dq)
        if closed:
            entry = self.notional / abs(start)
            pnl = (price - entry.numerator // entry.denominator) * closed
            self.notional -= self.notional * abs(closed) / abs(start)
            if self.cut:
                self.notional = Fraction(self.notional.numerator // self.notional.denominator)
        self.notional += abs(dq + closed) * price
        self.position += dq
        made = fill(
            self.coin, _text(price, 6 - self.decimals), _text(abs(dq), self.decimals),
            "B" if dq > 0 else "A", _text(start, self.decimals), _text(pnl, 6),
            time=self.time, tid=len(self.made) + 1,
        )  # fmt: skip
        self.made.append(made)
        return made

    def wander(self, count: int) -> "Venue":
        """Random opens, closes, flips and sweeps within one millisecond."""
        scale = 10 ** (6 - self.decimals)
        for _ in range(count):
            self.time += self.chance.choice((0, 0, 1, 7))
            price = int(50 * scale * (1 + self.chance.uniform(-0.1, 0.1)))
            size = self.chance.choice((1, 7, 99, 1234, 50_000))
            if self.position and self.chance.random() < 0.55:
                size = max(1, int(abs(self.position) * self.chance.choice((0.1, 0.5, 1, 1, 1.7))))
                self.trade(-size if self.position > 0 else size, price)
            else:
                self.trade(size * self.chance.choice((1, -1, 1)), price)
        return self


def _text(value: int, decimals: int) -> str:
    """A decimal as the venue prints one: trailing zeros cut to one place."""
    text = f"{Decimal(value).scaleb(-decimals):f}"
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.rstrip('0') or '0'}"


def write(path: Path, fills: list[dict[str, Any]]) -> Path:
    """A userFills answer: newest first."""
    path.write_text(json.dumps(fills[::-1]))
    return path
