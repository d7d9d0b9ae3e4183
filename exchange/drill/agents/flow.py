"""Customers: who trades is Zipf distributed, how much is lognormal, which way is half a guess.

A customer has a home contract (a few have a second), an appetite (the leverage they are
comfortable with, lognormal, below what the venue allows) and closes more often than adds.
They hold one direction per contract and rarely flip. Hedgers only ever sell or buy back.
Orders are aggressive (fill and kill near the touch) or rest for a few minutes.

Limits: no stop orders, no strategies over several contracts.
"""

import math

from exchange.domain.kernel import kernel
from exchange.domain.rules.okex_2018 import FIXED
from exchange.drill.book import best_ticks, withdraw
from exchange.drill.chance import below, exponential, normal, uniform
from exchange.drill.matching import rest, sweep
from exchange.drill.state import (
    BUY,
    HEDGER,
    N_TRADES,
    RING_HEAD,
    RING_TAIL,
    SELL,
    TRADER,
    TRADES_MOST,
    Cast,
    Market,
    Script,
)

PATIENCE_SECONDS = 150
"""How long a customer's resting order stays."""


@kernel
def worth(m: Market, contract: int) -> float:
    """Value of one contract at the last price, minor units, as a float for decisions."""
    term = m.terms[contract]
    value: float = float(term.num) / (float(term.den) * m.terms[contract].last)
    return value


@kernel
def equity_estimate(m: Market, account: int, asset: int) -> float:
    """Equity of a wallet at the last prices, as a float for decisions."""
    total = float(m.wallets[account, asset].cash)
    for contract in range(m.terms.shape[0]):
        if m.terms[contract].asset == asset:
            held = m.positions[account, contract]
            if held.quantity != 0:
                total -= held.quantity * worth(m, contract) + held.cost
    return total


@kernel
def room_to_add(m: Market, account: int, contract: int) -> int:
    """Contracts an account may still add within its appetite."""
    owner, asset = m.accounts[account], m.terms[contract].asset
    equity = equity_estimate(m, account, asset)
    if owner.mode == FIXED:
        equity = min(equity, 0.9 * m.wallets[account, asset].cash)
    used = 0.0
    for own in range(m.terms.shape[0]):
        if m.terms[own].asset == asset:
            used += abs(m.positions[account, own].quantity) * worth(m, own)
    return int((owner.appetite * equity - used) / worth(m, contract))


@kernel
def _choose(m: Market, s: Script, second: int, account: int, contract: int) -> tuple[int, int]:
    """Side and size of a customer's next order; size 0 when they let it be."""
    owner, held = m.accounts[account], m.positions[account, contract].quantity
    size = 1 + int(m.terms[contract].unit * owner.size * math.exp(0.9 * normal(m.random) - 0.7))
    gap = s.prices[second, contract].target / m.terms[contract].last - 1.0
    leaning = 0.5 + max(-0.3, min(0.3, 40.0 * gap))
    side = BUY if uniform(m.random) < leaning else SELL
    if owner.role == HEDGER:
        side = SELL if held == 0 or uniform(m.random) < 0.55 else BUY
    opening = BUY if held >= 0 else SELL
    if held != 0 and side != opening:
        if size >= abs(held) or uniform(m.random) < 0.15:
            flips = owner.role == TRADER and uniform(m.random) < 0.03
            size = size if flips else abs(held)
        return side, min(size, 40 * (1 + int(m.terms[contract].unit)) + abs(held) // 20)
    if held == 0 and side != BUY:
        opening = SELL
    room = room_to_add(m, account, contract)
    if room < 1:
        return opening, 0
    return side, min(size, room)


@kernel
def customer_order(m: Market, s: Script, cast: Cast, second: int, patient: float) -> None:
    """One order of one customer, aggressive or resting."""
    account = cast.activity[below(m.random, cast.activity.shape[0])]
    owner = m.accounts[account]
    contract = owner.home
    if owner.other >= 0 and uniform(m.random) < 0.3:
        contract = owner.other
    if uniform(m.random) > s.prices[second, contract].share or owner.idle_until > second:
        return
    side, size = _choose(m, s, second, account, contract)
    if size <= 0:
        return
    low, high = s.prices[second, contract].low, s.prices[second, contract].high
    if uniform(m.random) < patient:
        away = m.terms[contract].spread * (0.3 + 2.5 * exponential(m.random))
        touch = best_ticks(m, contract, side)
        anchor = float(touch if touch > 0 else m.terms[contract].last)
        price = anchor * (1.0 - away) if side == BUY else anchor * (1.0 + away)
        row = rest(m, contract, side, account, size, max(low, min(high, int(price))))
        if row >= 0:
            _remember(m, row, second)
    elif side == BUY:
        limit = min(high, int(m.terms[contract].last * 1.004) + 1)
        sweep(m, contract, account, BUY, size, limit, s.maker_ppm, s.taker_ppm)
    else:
        limit = max(low, int(m.terms[contract].last * 0.996))
        sweep(m, contract, account, SELL, size, limit, s.maker_ppm, s.taker_ppm)


@kernel
def _remember(m: Market, row: int, second: int) -> None:
    """Note when a resting order runs out; a full ring drops the oldest at once."""
    size = m.expiry.shape[0]
    if m.count[RING_TAIL] - m.count[RING_HEAD] == size:
        oldest = m.expiry[m.count[RING_HEAD] % size]
        withdraw(m, oldest.order, oldest.ident)
        m.count[RING_HEAD] += 1
    entry = m.expiry[m.count[RING_TAIL] % size]
    entry.ident, entry.order = m.orders[row].ident, row
    entry.second = second + PATIENCE_SECONDS
    m.count[RING_TAIL] += 1


@kernel
def expire(m: Market, second: int) -> None:
    """Cancel resting orders whose time is over."""
    size = m.expiry.shape[0]
    while m.count[RING_HEAD] < m.count[RING_TAIL]:
        oldest = m.expiry[m.count[RING_HEAD] % size]
        if oldest.second > second:
            return
        withdraw(m, oldest.order, oldest.ident)
        m.count[RING_HEAD] += 1


@kernel
def customers(m: Market, s: Script, cast: Cast, second: int, until: int) -> None:
    """Customers trade until the tape has so many trades."""
    wanted = until - m.count[N_TRADES]
    if wanted <= 0:
        return
    last = until == m.count[TRADES_MOST]
    patience = 0.0 if last else 0.35
    for _ in range(1_000_000 if last else 60 * wanted + 60):
        if m.count[N_TRADES] >= until:
            return
        customer_order(m, s, cast, second, patience)
