"""Facts for the tests of remedies: small ones by hand, and whole random markets.

Money is in minor units, prices in ticks, times in microseconds, as everywhere in the domain.
"""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from exchange.domain.liquidation import CROSS, MarginTerms
from exchange.domain.remedies.facts import NOBODY, Closes, Facts, Wallets, takeover_rows, with_rows
from exchange.domain.remedies.outcome import Outcome
from exchange.domain.replay import Fills, Holdings, empty_holdings, replay
from exchange.domain.value import ContractSpec
from exchange.domain.verdicts import DUE_BOTH, DUE_PRINTED_ONLY, NOT_DUE
from tests.exchange.domain.market import BTC, KINDS, fills_of, random_tape

END = 10**15
SECOND = 1_000_000
TRADE, TAKEOVER, LIQUIDATION = 0, 2, 4  # the reason of a fill, as its flags say it
ASSET_OF = np.array([0, 1, 2, 0], np.int16)  # BTC, LTC, USDT and a quanto settled in BTC
PRICES = np.array([700_000, 120_000, 70_000, 8_000], np.int64)


def tape(*parts: tuple[Sequence[tuple[int, ...]], int]) -> Fills:
    """Trades as in `market.fills_of`, in parts with the flags of each; numbered from 1."""
    made = [fills_of(trades, flags) for trades, flags in parts]
    return numbered(Fills(*(np.concatenate(columns) for columns in zip(*made, strict=True))))


def numbered(fills: Fills) -> Fills:
    """Pairs of rows as trades 1, 2, 3 ...: on a tape 0 is a trade without a number."""
    seq = np.arange(fills.seq.size, dtype=np.int64)
    return fills._replace(seq=seq, trade=seq // 2 + 1, order=seq)


def closes_of(fills: Fills, rows: Sequence[tuple[int, ...]]) -> Closes:
    """Recorded closes with the fills that took them over, where the tape has them. A row is (time,
    account, contract, signed quantity, ticks, verdict), then fee and loss if there are any."""
    data = np.array([(*row, 0, 0)[:8] for row in rows], np.int64).reshape(len(rows), 8)
    time, account, contract, quantity, price, verdict, fee, loss = data.T.copy()
    account, contract = account.astype(np.int32), contract.astype(np.int16)
    found = takeover_rows(time, account, contract, fills)
    return Closes(
        time, account, contract, quantity, price, verdict.astype(np.uint8), loss, found, fee
    )


def facts_of(
    fills: Fills,
    futures: Sequence[Sequence[int]],
    *,
    specs: Sequence[ContractSpec] = (BTC,),
    asset_of: Sequence[int] = (0,),
    cutoff: int = 0,
    opening: Holdings | None = None,
    funding: Sequence[Sequence[int]] | None = None,
    receivable: Sequence[Sequence[int]] | None = None,
    moved: Sequence[Sequence[int]] | None = None,
    house: int = NOBODY,
    fund: int = NOBODY,
    staff: Sequence[int] = (),
    flagged: Sequence[int] = (),
    closes: Sequence[tuple[int, ...]] = (),
    times: Sequence[int] = (0,),
    fair: Sequence[Sequence[int]] | None = None,
    at_cut: Sequence[int] | None = None,
    at_end: Sequence[int] | None = None,
    reopening: Sequence[int] | None = None,
    whole_market: bool = True,
    workers: int = 1,
) -> Facts:
    """Facts by hand. All marks are the first contract's 7,000.00 unless given; wallets not given
    are empty. The house, the fund and ``staff`` are no customers."""
    marks = np.array(at_cut if at_cut is not None else PRICES[: len(specs)], np.int64)
    state = np.array(futures, np.int64)

    def wallet(given: Sequence[Sequence[int]] | None) -> np.ndarray:
        return np.zeros_like(state) if given is None else np.array(given, np.int64)

    cut, end = replay(
        empty_holdings() if opening is None else opening,
        fills,
        specs,
        [cutoff, END],
        workers=workers,
    )
    customer, flags = np.ones(len(state), np.bool_), np.zeros(len(state), np.bool_)
    customer[[account for account in (house, fund, *staff) if account != NOBODY]] = False
    flags[list(flagged)] = True
    path = np.array(fair, np.int64) if fair is not None else np.tile(marks[:, None], len(times))
    return Facts(
        specs=tuple(specs),
        asset_of=np.array(asset_of, np.int16),
        terms=MarginTerms(np.full(len(state), CROSS, np.uint8), np.full(len(state), 10)),
        fills=fills,
        cutoff_us=cutoff,
        cut=with_rows(cut, (house, fund), len(specs)),
        end=with_rows(end, (house, fund), len(specs)),
        wallets=Wallets(state, wallet(funding), wallet(receivable)),
        moved=wallet(moved),
        withdrawn=np.maximum(-wallet(moved), 0),
        customer=customer,
        flagged=flags,
        house=house,
        fund=fund,
        closes=closes_of(fills, closes),
        times=np.array(times, np.int64),
        fair=path,
        at_cut=marks,
        at_end=marks if at_end is None else np.array(at_end, np.int64),
        reopening=marks if reopening is None else np.array(reopening, np.int64),
        whole_market=whole_market,
    )


def amounts(outcome: Outcome, account: int, wallet: int, reason: int | None = None) -> list[int]:
    """The legs of one wallet, in their order."""
    legs = outcome.legs
    rows = (legs.account == account) & (legs.wallet == wallet)
    if reason is not None:
        rows &= legs.reason == reason
    return legs.amount[rows].tolist()


def holding(holdings: Holdings, account: int, contract: int = 0) -> tuple[int, int, int, int]:
    """(quantity, cost, realised, fees) of one account in one contract; zeros where it has none."""
    rows = np.flatnonzero((holdings.account == account) & (holdings.contract == contract))
    if not rows.size:
        return 0, 0, 0, 0
    return tuple(int(column[rows[0]]) for column in holdings[2:])


CUSTOMERS, STAFF = 8, 7  # accounts 0 .. 7 trade, the last of them is no customer
FUND, HOUSE_ACCOUNT = 8, 9
ACCOUNTS = 10


def random_market(seed: int, trades: int, *, rich: bool = False, workers: int = 1) -> Facts:
    """A whole market in contracts of every kind: trades, two rounds of forced closes taken over
    by the insurance account, which sells some of them, and trades again after each.

    ``rich`` wallets cover everything, so that no gap is ever closed.
    """
    random = np.random.default_rng(seed)
    fills = numbered(_traded(seed, trades))
    recorded: list[tuple[int, ...]] = []
    for turn in (1, 2):
        forced, closes = _forced(fills, random)
        later = _traded(seed + turn, trades)
        later = later._replace(time=later.time + int(fills.time[-1]) + 2)
        recorded += closes
        parts = zip(fills, forced, later, strict=True)
        fills = numbered(Fills(*(np.concatenate(columns) for columns in parts)))
    shape, funds = (ACCOUNTS, 3), 10**12 if rich else 10**6
    times = np.arange(0, int(fills.time[-1]) + SECOND, SECOND)
    near = random.integers(-400, 401, (4, times.size))
    facts = facts_of(
        fills,
        random.integers(0, funds, shape) + (funds if rich else 0),
        specs=KINDS,
        asset_of=ASSET_OF,
        cutoff=int(fills.time[random.integers(0, fills.time.size * 2 // 3)]),
        funding=random.integers(0, 10**6, shape),
        receivable=-random.integers(0, 30_000, shape) * random.integers(0, 2, shape),
        moved=random.integers(-(10**6), 10**5, shape),
        house=HOUSE_ACCOUNT,
        fund=FUND,
        staff=(STAFF,),
        flagged=np.flatnonzero(random.random(CUSTOMERS) < 0.15),
        closes=recorded,
        times=times,
        fair=PRICES[:, None] + near,
        at_cut=PRICES + random.integers(-500, 501, 4),
        reopening=PRICES + random.integers(-500, 501, 4),
        workers=workers,
    )
    if not rich:
        return facts
    owing = facts.wallets._replace(receivable=np.zeros(shape, np.int64))
    return facts._replace(wallets=owing)


def _traded(seed: int, trades: int) -> Fills:
    """Random trades, one in twenty of them an account's with itself."""
    fills = random_tape(seed, trades, CUSTOMERS)
    own = np.random.default_rng(seed).random(trades) < 0.05
    fills.account[1::2][own] = fills.account[::2][own]
    return fills


def _forced(fills: Fills, random: np.random.Generator) -> tuple[Fills, list[tuple[int, ...]]]:
    """Some positions pass to the insurance account, which sells half of each; as recorded."""
    (state,) = replay(empty_holdings(), fills, KINDS, [END])
    time = int(fills.time[-1]) + 1
    trades: list[tuple[int, ...]] = []
    flags: list[int] = []
    closes: list[tuple[int, ...]] = []
    for account, contract, held in zip(*(c.tolist() for c in state[:3]), strict=True):
        if held == 0 or account in (FUND, HOUSE_ACCOUNT) or random.random() > 0.4:
            continue
        ticks = int(PRICES[contract]) + int(random.integers(-1500, 1501))
        buyer, seller = (FUND, account) if held > 0 else (account, FUND)
        trades.append((time, contract, buyer, seller, abs(held), ticks, 0))
        flags.append(TAKEOVER)
        verdict = int(random.choice([DUE_BOTH, DUE_PRINTED_ONLY, NOT_DUE, NOT_DUE]))
        fee, loss = int(random.integers(0, 300)), int(random.integers(0, 10**6))
        closes.append((time, account, contract, held, ticks, verdict, fee, loss))
        sold = abs(held) // 2
        other = int(random.integers(0, CUSTOMERS))
        if sold:
            buyer, seller = (other, FUND) if held > 0 else (FUND, other)
            trades.append((time, contract, buyer, seller, sold, ticks + 7, 0))
            flags.append(LIQUIDATION)
    made = fills_of(trades)
    made.flags[:] = np.repeat(np.array(flags, np.uint8), 2)
    charged = [close[6] for close in closes]
    mine = np.flatnonzero((made.flags == TAKEOVER) & (made.account != FUND))
    made.fee[mine] = np.array(charged, np.int64)
    return made, closes


@st.composite
def markets(draw: st.DrawFn, *, rich: bool = False, most: int = 40) -> Facts:
    """Random whole markets (`random_market`)."""
    seed, trades = draw(st.integers(0, 2**32)), draw(st.integers(1, most))
    return random_market(seed, trades, rich=rich)
