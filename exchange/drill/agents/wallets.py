"""Money that moves while the market runs: deposits, top-ups, gains taken out.

Two wallets a customer: futures and funding. Deposits arrive in funding and are usually moved
on; customers close to liquidation top up; after the incident began, winners move gains from
futures to funding and withdraw some or all of it minutes later. That is what a rollback
must later recover. What may leave the futures wallet is limited by cash and by the equity
over initial margin, so no wallet ever falls below zero.
"""

import math

from exchange.domain.kernel import kernel
from exchange.domain.rules.okex_2018 import FIXED, okex_fixed_margin
from exchange.drill.agents.flow import equity_estimate, worth
from exchange.drill.chance import arrivals, below, normal, uniform
from exchange.drill.matching import touch
from exchange.drill.state import (
    DEPOSIT,
    FUNDING,
    FUTURES,
    GAINER,
    HUNTER,
    INTERNAL,
    N_EVENTS,
    N_PAYOUTS,
    N_REFERENCES,
    N_TRANSFERS,
    QUIET,
    SELLER,
    TRADER,
    WITHDRAWAL,
    Cast,
    Market,
    Script,
)


@kernel
def _enter(
    m: Market, account: int, wallet: int, asset: int, amount: int, kind: int, reference: int
) -> None:
    """Append one transfer row and change the wallet."""
    row = m.transfers[m.count[N_TRANSFERS]]
    m.count[N_TRANSFERS] += 1
    row.event, row.amount, row.reference = m.count[N_EVENTS], amount, reference
    row.account, row.wallet, row.asset, row.kind = account, wallet, asset, kind
    if wallet == FUTURES:
        m.wallets[account, asset].cash += amount
        touch(m, account, asset)
    else:
        m.wallets[account, asset].funding += amount


@kernel
def _full(m: Market) -> bool:
    full: bool = m.count[N_TRANSFERS] + 4 > m.transfers.shape[0]
    return full


@kernel
def external(m: Market, account: int, asset: int, amount: int) -> None:
    """A deposit into the funding wallet (amount above zero) or a withdrawal from it."""
    if amount == 0 or _full(m) or m.wallets[account, asset].funding + amount < 0:
        return
    m.count[N_EVENTS] += 1
    m.count[N_REFERENCES] += 1
    kind = DEPOSIT if amount > 0 else WITHDRAWAL
    _enter(m, account, FUNDING, asset, amount, kind, m.count[N_REFERENCES])


@kernel
def internal(m: Market, account: int, asset: int, amount: int) -> None:
    """Move ``amount`` from funding to futures, or back when negative."""
    wallet = m.wallets[account, asset]
    if amount == 0 or _full(m) or wallet.funding - amount < 0 or wallet.cash + amount < 0:
        return
    m.count[N_EVENTS] += 1
    m.count[N_REFERENCES] += 1
    reference = m.count[N_REFERENCES]
    first = FUNDING if amount > 0 else FUTURES
    _enter(m, account, first, asset, -abs(amount), INTERNAL, reference)
    _enter(m, account, FUTURES + FUNDING - first, asset, abs(amount), INTERNAL, reference)
    if amount > 0:
        wallet.before += amount


@kernel
def available(m: Market, account: int, asset: int) -> int:
    """What may leave the futures wallet: within cash and within equity over initial margin."""
    owner = m.accounts[account]
    cash: int = m.wallets[account, asset].cash
    locked, used = 0, 0.0
    for contract in range(m.terms.shape[0]):
        held = m.positions[account, contract]
        if m.terms[contract].asset == asset and held.quantity != 0:
            locked += okex_fixed_margin(held.cost, owner.leverage)
            used += abs(held.quantity) * worth(m, contract)
    if owner.mode == FIXED:
        return max(0, cash - locked)
    free = equity_estimate(m, account, asset) - 1.6 * used / owner.leverage
    return max(0, min(cash, int(0.97 * free)))


@kernel
def _some_deposit(m: Market) -> None:
    account = below(m.random, m.accounts.shape[0] - 2)
    owner = m.accounts[account]
    if owner.role == QUIET:
        return
    asset = m.terms[owner.home].asset
    wallet = m.wallets[account, asset]
    amount = int((0.05 * (wallet.cash + wallet.funding) + 2e6) * math.exp(normal(m.random)))
    if uniform(m.random) < 0.75:
        external(m, account, asset, amount)
        if uniform(m.random) < 0.6:
            internal(m, account, asset, amount)
    elif wallet.funding > 0:
        external(m, account, asset, -max(1, int(wallet.funding * uniform(m.random))))


@kernel
def _top_up(m: Market, second: int) -> None:
    """Somebody looks at their margin and, if it is thin and there is money, adds to it."""
    account = below(m.random, m.accounts.shape[0] - 2)
    owner = m.accounts[account]
    asset = m.terms[owner.home].asset
    wallet = m.wallets[account, asset]
    if wallet.funding <= 0 or owner.role == QUIET or owner.idle_until > second:
        return
    gross = 0.0
    for contract in range(m.terms.shape[0]):
        if m.terms[contract].asset == asset:
            gross += abs(m.positions[account, contract].quantity) * worth(m, contract)
    if gross > 0.0 and equity_estimate(m, account, asset) < 0.06 * gross:
        internal(m, account, asset, max(1, int(wallet.funding * (0.3 + 0.7 * uniform(m.random)))))


@kernel
def _take_gain(m: Market, account: int, second: int) -> None:
    """A winner moves most of what was won out of the futures wallet, often to withdraw it."""
    owner = m.accounts[account]
    asset = m.terms[owner.home].asset
    wallet = m.wallets[account, asset]
    gain = wallet.cash - wallet.before
    if gain * 25 < wallet.before or gain <= 0 or m.count[N_PAYOUTS] >= m.payouts.shape[0]:
        return
    amount = min(available(m, account, asset), int(gain * (0.6 + 0.6 * uniform(m.random))))
    if amount * 4 < gain:
        return
    internal(m, account, asset, -amount)
    fate = uniform(m.random)
    if fate < 0.7 or owner.role == GAINER:
        funding = wallet.funding
        row = m.payouts[m.count[N_PAYOUTS]]
        m.count[N_PAYOUTS] += 1
        row.second = second + 45 + int(600 * uniform(m.random))
        row.amount = funding if fate < 0.45 or owner.role == GAINER else max(1, amount // 2)
        row.account, row.asset = account, asset


@kernel
def _pay_out(m: Market, second: int) -> None:
    """Withdraw what was planned for this second, as far as it is still there."""
    i = 0
    while i < m.count[N_PAYOUTS]:
        row = m.payouts[i]
        if row.second > second:
            i += 1
            continue
        external(
            m, row.account, row.asset, -min(row.amount, m.wallets[row.account, row.asset].funding)
        )
        m.count[N_PAYOUTS] -= 1
        m.payouts[i] = m.payouts[m.count[N_PAYOUTS]]


@kernel
def _finance(m: Market, s: Script, cast: Cast, second: int) -> None:
    """Before the incident the manipulators' accounts are funded, one after the other."""
    both = cast.sellers.shape[0] + cast.gainers.shape[0]
    turn = (second - 420) // 311
    if (second - 420) % 311 != 0 or not 0 <= turn < both:
        return
    if turn < cast.sellers.shape[0]:
        account = cast.sellers[turn]
    else:
        account = cast.gainers[turn - cast.sellers.shape[0]]
    asset = m.terms[s.main].asset
    amount = int(m.wallets[account, asset].cash * (0.1 + 0.15 * uniform(m.random)))
    external(m, account, asset, amount)
    internal(m, account, asset, amount)


@kernel
def transfers(m: Market, s: Script, cast: Cast, second: int) -> None:
    """All movements of money of one second."""
    people = m.accounts.shape[0] - 2
    _finance(m, s, cast, second)
    _pay_out(m, second)
    for _ in range(arrivals(m.random, 0.05 * people / s.seconds.shape[0])):
        _some_deposit(m)
    if second <= s.onset:
        return
    for _ in range(arrivals(m.random, people / 900.0)):
        _top_up(m, second)
    if second < s.bottom - 900:
        return
    for _ in range(arrivals(m.random, people / 1500.0)):
        account = below(m.random, people)
        role = m.accounts[account].role
        if (role in (TRADER, HUNTER, SELLER)) and uniform(m.random) < 0.3:
            _take_gain(m, account, second)
    if second > s.bottom and second % 157 == 0:
        for i in range(cast.gainers.shape[0]):
            _take_gain(m, cast.gainers[i], second)
