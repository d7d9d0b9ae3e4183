"""The event loop: what happens in one second of the drill, in which order.

Second ``t`` covers the instants after ``t - 1`` up to and including ``t``:

1. accounts found due at the marks of ``t - 1`` are taken over;
2. money moves between wallets, in and out;
3. in four rounds: makers quote, the insurance account sells, pushers push, customers trade;
4. where a price is published, the last trade happens at it, on the second;
5. the marks of ``t`` are the last traded prices, and the watch looks for accounts due.

So the state and the marks at ``t`` are exactly what decides a take-over right after ``t``.
"""

from exchange.domain.kernel import kernel
from exchange.drill.agents.flow import customers, expire
from exchange.drill.agents.makers import quote
from exchange.drill.agents.pressure import arbitrage, bid_the_floor, print_any, print_at, push
from exchange.drill.agents.wallets import transfers
from exchange.drill.liquidation import (
    sell_inventory,
    take_over_due,
    take_over_wrongly,
    wrongs_due,
)
from exchange.drill.state import (
    N_EVENTS,
    N_TRADES,
    NOTHING,
    PARTS,
    TRADES_MOST,
    Cast,
    Market,
    Script,
)
from exchange.drill.watch import inspect


@kernel
def _remember_cash(m: Market) -> None:
    """At the cut-off: what everybody had, to know who won afterwards."""
    for account in range(m.wallets.shape[0]):
        for asset in range(m.wallets.shape[1]):
            m.wallets[account, asset].before = m.wallets[account, asset].cash


@kernel
def _round(m: Market, s: Script, cast: Cast, second: int, part: int, leeway: int) -> None:
    """A quarter of a second: its share of the planned trades, no more than the plan allows."""
    quote(m, s, cast, second, part)
    # What is left near the end of the tape is for take-overs and the plan.
    brake = max(40, min(300, m.count[TRADES_MOST] // 100))
    ahead = m.count[N_TRADES] - s.seconds[second].plan - leeway
    if m.count[TRADES_MOST] - m.count[N_TRADES] > brake:
        sell_inventory(m, s, second, ahead)
        if ahead <= 0:
            push(m, s, cast, second)
            arbitrage(m, s, cast, second, NOTHING)
    left = s.seconds[second].plan - m.count[N_TRADES]
    customers(m, s, cast, second, m.count[N_TRADES] + left // (PARTS - part))


@kernel
def run(m: Market, s: Script, cast: Cast, first: int, last: int) -> int:
    """Play seconds ``first .. last``. Returns 0, or the second whose published price failed."""
    contracts = m.terms.shape[0]
    leeway = max(12, int(m.trades.shape[0] // 250))
    for second in range(first, last + 1):
        s.seconds[second].batches = m.count[N_EVENTS]
        take_over_due(m, s, second)
        if wrongs_due(m, s, second):
            take_over_wrongly(m, s, second)
        transfers(m, s, cast, second)
        expire(m, second)
        bid_the_floor(m, s, cast, second)
        for part in range(PARTS):
            _round(m, s, cast, second, part, leeway)
        now = s.seconds[second]
        if now.pin > 0:
            if not print_at(m, s, cast, now.pin):
                return second
        elif now.exact and not print_any(m, s, cast):
            return second
        inspect(m)
        if second == s.cutoff:
            _remember_cash(m)
        for contract in range(contracts):
            s.prices[second, contract].mark = m.terms[contract].last
    return 0
