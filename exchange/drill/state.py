"""Everything the compiled market reads and writes, as flat arrays in one named tuple.

Records instead of objects: one row per account and contract (`POSITION`), per account and
settlement asset (`WALLET`), per resting order, per trade. Amounts are int64 minor units,
prices int64 ticks, quantities int64 contracts; floats appear only where somebody *decides*
(how much to trade, where to quote), never in what is booked.
Everything that reaches a kernel as an argument is int64, so each is compiled once.
"""

from typing import Any, NamedTuple, cast

import numpy as np


def _constants(*values: int) -> tuple[int, ...]:
    """NumPy integers: with Python's, every kernel would be compiled once per constant."""
    return tuple(cast(int, np.int64(value)) for value in values)


BUY, SELL = _constants(0, 1)
TRADE, TAKEOVER, LIQUIDATION = _constants(0, 1, 2)
DEPOSIT, WITHDRAWAL, INTERNAL = _constants(0, 1, 2)
FUTURES, FUNDING = _constants(0, 1)
NOTHING, ONE, NONE, ANY_SIZE = _constants(0, 1, -1, 1 << 40)

# What an account does in the market (`accounts.role`).
TRADER, MAKER, HEDGER, ARBITRAGEUR, SELLER, GAINER, HUNTER, QUIET, HOUSE = range(9)

# Slots of `Market.count`.
(
    N_TRADES, N_ORDERS, N_EVENTS, FREE_ROW, N_DIRTY, N_DUE, N_TRANSFERS, N_FORCED, TRADES_MOST,
    INSURANCE, N_MISSED, MISSED_MOST, N_WRONG, WRONG_MOST, N_REFERENCES, N_BATCHES, N_PAYOUTS,
    N_UNPRICED, RING_HEAD, RING_TAIL,
) = range(20)  # fmt: skip
COUNTERS = 24

BUCKETS = 1 << 20
BUCKET_WIDTH = 1e-4
"""The liquidation watch sorts accounts by how far the market must still move (log price)."""

NEVER = 1 << 30
PARTS = 4
"""A second is played in so many rounds of quoting, pushing, selling and trading."""

_I8, _I32, _I64, _F64 = np.int8, np.int32, np.int64, np.float64

TERM = np.dtype(
    [
        *((name, _I64) for name in ("kind", "num", "den", "asset", "factor10", "factor20")),
        *((name, _I64) for name in ("first", "lowest", "width", "last", "watched")),
        *((name, _F64) for name in ("unit", "spread", "mood")),
    ],
    align=True,
)
"""A contract: its value; its levels (first row, lowest tick, number); last traded price, which
in 2018 is the mark, and the one the watch looked at; typical order, calm half spread, and a
short-lived common error of the makers."""
ASSET = np.dtype([("clock", _F64), ("seen", _I64)], align=True)
"""How far the marks of an asset have wandered (sum of log moves); the bucket reached."""
ACCOUNT = np.dtype(
    [
        ("leverage", _I64), ("mode", _I64), ("role", _I64), ("home", _I64), ("other", _I64),
        ("epoch", _I64), ("idle_until", _I64), ("appetite", _F64), ("size", _F64),
    ],
    align=True,
)  # fmt: skip
POSITION = np.dtype(
    [("quantity", _I64), ("cost", _I64), ("realised", _I64), ("fees", _I64)], align=True
)
WALLET = np.dtype(
    [
        ("cash", _I64), ("funding", _I64), ("before", _I64),
        ("next", _I64), ("prev", _I64), ("slot", _I64), ("dirty", _I64),
    ],
    align=True,
)  # fmt: skip
ORDER = np.dtype(
    [
        ("quantity", _I64), ("ident", _I64), ("epoch", _I64), ("owner", _I64), ("level", _I64),
        ("next", _I64), ("prev", _I64), ("side", _I64), ("contract", _I64),
    ],
    align=True,
)  # fmt: skip
LEVEL = np.dtype([("head", _I64), ("tail", _I64)], align=True)
TRADE_ROW = np.dtype(
    [
        ("event", _I64), ("price", _I64), ("quantity", _I64), ("taker_fee", _I64),
        ("maker_fee", _I64), ("taker_order", _I64), ("maker_order", _I64), ("taker", _I32),
        ("maker", _I32), ("contract", _I8), ("side", _I8), ("reason", _I8),
    ],
    align=True,
)  # fmt: skip
TRANSFER_ROW = np.dtype(
    [
        ("event", _I64), ("amount", _I64), ("reference", _I64), ("account", _I32),
        ("wallet", _I8), ("asset", _I8), ("kind", _I8),
    ],
    align=True,
)  # fmt: skip
FORCED_ROW = np.dtype(
    [
        ("event", _I64), ("quantity", _I64), ("price", _I64), ("health", _I64),
        ("account", _I32), ("contract", _I8),
    ],
    align=True,
)  # fmt: skip
PAYOUT = np.dtype([("second", _I64), ("amount", _I64), ("account", _I64), ("asset", _I64)])
EXPIRY = np.dtype([("ident", _I64), ("second", _I64), ("order", _I64)])


PRICE = np.dtype(
    [
        ("target", _F64), ("low", _I64), ("high", _I64), ("stress", _F64), ("share", _F64),
        ("mark", _I64),
    ],
    align=True,
)  # fmt: skip
"""Per second and contract: ticks the informed lean to; nobody sells below, nobody buys above;
how far makers have left (0..1); how readily customers' orders are made (0..1). Written: the
mark at the end of the second."""
SECOND = np.dtype(
    [("plan", _I64), ("force", _F64), ("pin", _I64), ("exact", _I64), ("batches", _I64)], align=True
)
"""Trades that should have happened by then; how often a pusher acts in a round; tick the last
trade of the main contract must have, or 0; whether it is stamped on the second. Written:
events before the second."""
RUNG = np.dtype([("row", _I64), ("ident", _I64)], align=True)
MAKER_BOOK = np.dtype([("capacity", _I64), ("fair", _F64)], align=True)
DIRTY, DUE = 0, 1


class Market(NamedTuple):
    """The exchange: terms, books of orders, books of accounts, and what has been recorded.

    A=accounts, C=contracts, S=settlement assets, L=price levels of all contracts together.
    Arrays of records, and few of them: a kernel is compiled once per tuple it is handed, and
    the time that takes grows with the number of arrays in it.
    """

    terms: Any  # TERM[C]
    assets: Any  # ASSET[S]
    accounts: Any  # ACCOUNT[A]
    positions: Any  # POSITION[A, C]
    wallets: Any  # WALLET[A, S]
    orders: Any  # ORDER[P]; unused rows are chained by ``next``
    levels: Any  # LEVEL[L]
    words: Any  # uint64[L / 64]: which levels hold an order
    summary: Any  # uint64[L / 4096]: which words are not zero
    best: Any  # int64[C, 2]: best bid and ask level, -1 when none
    expiry: Any  # EXPIRY[E]: a ring of resting customer orders, oldest first
    trades: Any  # TRADE_ROW[N]
    transfers: Any  # TRANSFER_ROW[]
    forced: Any  # FORCED_ROW[]
    payouts: Any  # PAYOUT[]: withdrawals that wait for their second
    queue: Any  # int64[S, BUCKETS]: wallets by the clock at which to look again
    lists: Any  # int64[2, A * S]: wallets that changed this second; wallets to take over
    count: Any  # int64[COUNTERS]
    random: Any  # uint64[1]


class Script(NamedTuple):
    """What the scenario prescribes per second."""

    prices: Any  # PRICE[T, C]
    seconds: Any  # SECOND[T]
    main: int  # the contract the incident is about
    cutoff: int  # second of the effective cut-off
    onset: int  # second the manipulation begins
    bottom: int  # second of the low
    maker_ppm: int
    taker_ppm: int


class Cast(NamedTuple):
    """Who acts on their own initiative, and the makers' ladders."""

    activity: Any  # int64[K]: accounts, repeated by how often they act
    makers: Any  # int64[M]
    ladder: Any  # RUNG[M, C, 2, depth]: resting order, -1 none, and its number
    books: Any  # MAKER_BOOK[M, C]: inventory tolerated (0: does not quote), value last quoted
    hunters: Any  # int64[]: buyers waiting for a low price
    sellers: Any  # int64[]: the manipulators' long accounts
    gainers: Any  # int64[]: the manipulators' short accounts
    arbitrageurs: Any  # int64[]
