"""Sets the stage: draws a scenario's prices, people and holdings, and builds empty books."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.rules.okex_2018 import factor_table
from exchange.domain.value import ContractSpec
from exchange.drill import holdings, population, scenarios, state
from exchange.drill.book import ALIGN
from exchange.drill.refusals import DrillRefused

Progress = Callable[[str, int, int], None]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

ACCOUNTS_LEAST, ACCOUNTS_MOST = 200, 1_000_000
FILLS_LEAST, FILLS_MOST = 5_000, 20_000_000
VOLUME_PER_ACCOUNT = 55.0
"""Contracts of the main book traded in the night, per account: sets the typical order."""
ORDERS, RESTING, PAYOUTS = 1 << 17, 1 << 16, 20_000
"""Most orders at rest, most of them customers', most withdrawals waiting."""


class Stage(NamedTuple):
    """A market ready to be played, and what is known about it."""

    scenario: Any
    specs: list[ContractSpec]
    people: population.Population
    opening: holdings.Opening
    prices: Any
    market: state.Market
    script: state.Script
    cast: state.Cast
    seed: int


def set_up(scenario: str, accounts: int, fills: int, seed: int, progress: Progress) -> Stage:
    """Draw everything a market of this size needs. Raises `DrillRefused`, `ScenarioUnknown`."""
    if not ACCOUNTS_LEAST <= accounts <= ACCOUNTS_MOST:
        raise DrillRefused(f"accounts must be {ACCOUNTS_LEAST} to {ACCOUNTS_MOST}, not {accounts}")
    if not FILLS_LEAST <= fills <= FILLS_MOST or fills % 2:
        raise DrillRefused(
            f"fills are rows, two a trade: an even number from {FILLS_LEAST} to {FILLS_MOST}, "
            f"not {fills}"
        )
    chosen = scenarios.get(scenario)
    trades = fills // 2
    progress("Drawing the market", 0, 3)
    specs = chosen.contracts()
    drawn = chosen.prices(np.random.default_rng([seed, 1]), specs)
    people = population.populate(np.random.default_rng([seed, 2]), accounts, chosen.HOMES, trades)
    progress("Drawing the market", 1, 3)
    unit = np.maximum(1.0, VOLUME_PER_ACCOUNT * accounts / trades) * chosen.UNITS
    terms = _terms(chosen, specs, np.rint(drawn.target[0]).astype(np.int64), unit)
    opening = _open(chosen, np.random.default_rng([seed, 3]), people, specs, terms, drawn)
    progress("Drawing the market", 2, 3)
    market = _market(terms, people, opening, trades, seed)
    script = _script(chosen, drawn, trades)
    cast = _cast(np.random.default_rng([seed, 4]), people, chosen.LOTS, drawn, trades)
    progress("Drawing the market", 3, 3)
    return Stage(chosen, specs, people, opening, drawn, market, script, cast, seed)


def _terms(chosen: Any, specs: list[ContractSpec], mark: I64, unit: F64) -> npt.NDArray[np.void]:
    """TERM[C]: values, and room for price levels from 0.6 to 1.35 of the opening mark."""
    terms = np.zeros(len(specs), state.TERM)
    factors = factor_table(specs)
    first = 0
    for i, spec in enumerate(specs):
        ticks = int(mark[i])
        width = -(-int(ticks * 0.75) // ALIGN) * ALIGN
        terms[i] = (
            spec.kind, spec.num, spec.den, chosen.ASSETS.index(spec.settle), *factors[i].tolist(),
            first, int(ticks * 0.6), width, ticks, ticks, unit[i], chosen.SPREAD[i], 0.0,
        )  # fmt: skip
        first += width
    return terms


def _open(
    chosen: Any,
    rng: np.random.Generator,
    people: population.Population,
    specs: list[ContractSpec],
    terms: npt.NDArray[np.void],
    drawn: Any,
) -> holdings.Opening:
    """Positions and balances; quiet accounts are due between the fair low and the calm low."""
    count, mark = len(people.rows) - 2, terms["last"]
    push = int(chosen.PUSH_PER_ACCOUNT * count)
    want = holdings.wanted_positions(rng, people, chosen.LOTS, chosen.MAIN, push)
    positions = holdings.open_positions(rng, people, want, terms, mark)
    wallets = holdings.fund(
        rng, people, positions, terms, mark, chosen.LOTS, chosen.FUND_PER_ACCOUNT * count
    )
    main, cut = chosen.MAIN, chosen.CUTOFF
    before = drawn.target[: chosen.ONSET, main].min()
    premium = (drawn.target[cut - 600 : cut, main] - drawn.spot[cut - 600 : cut, main]).mean()
    fair = (drawn.spot[cut:, main] + premium).min()
    low, high = fair * 1.0008, max(fair * 1.0012, before * 0.9988)
    due = rng.uniform(low, high, len(people.of(state.QUIET))).astype(np.int64)
    holdings.set_edges(people, positions, wallets, terms, factor_table(specs), main, due)
    return holdings.Opening(positions, wallets)


def _market(
    terms: npt.NDArray[np.void],
    people: population.Population,
    opening: holdings.Opening,
    trades: int,
    seed: int,
) -> state.Market:
    """Empty books; every wallet with a position is to be looked at in the first second."""
    rows, assets = opening.wallets.shape
    wallets = opening.wallets.copy()
    wallets["slot"] = -1
    for i in range(len(terms)):
        wallets["dirty"][:, terms["asset"][i]] |= opening.positions["quantity"][:, i] != 0
    dirty = np.flatnonzero(wallets["dirty"].ravel())
    lists = np.zeros((2, rows * assets), np.int64)
    lists[state.DIRTY, : len(dirty)] = dirty
    count = np.zeros(state.COUNTERS, np.int64)
    count[state.N_DIRTY], count[state.FREE_ROW] = len(dirty), 0
    count[state.TRADES_MOST], count[state.INSURANCE] = trades, rows - 1
    count[state.MISSED_MOST] = count[state.WRONG_MOST] = min(9, 1 + rows // 20_000)
    orders = np.zeros(ORDERS, state.ORDER)
    orders["next"] = np.arange(1, ORDERS + 1)
    orders["next"][-1] = -1
    levels = int(terms["width"].sum())
    return state.Market(
        terms=terms,
        assets=np.zeros(assets, state.ASSET),
        accounts=people.rows.copy(),
        positions=opening.positions.copy(),
        wallets=wallets,
        orders=orders,
        levels=np.full(2 * levels, -1, np.int64).view(state.LEVEL),
        words=np.zeros(levels // 64, np.uint64),
        summary=np.zeros(levels // ALIGN, np.uint64),
        best=np.full((len(terms), 2), -1, np.int64),
        expiry=np.zeros(RESTING, state.EXPIRY),
        trades=np.zeros(trades, state.TRADE_ROW),
        transfers=np.zeros(rows * 2 + 5_000, state.TRANSFER_ROW),
        forced=np.zeros(trades + 8, state.FORCED_ROW),
        payouts=np.zeros(PAYOUTS, state.PAYOUT),
        queue=np.full((assets, state.BUCKETS), -1, np.int64),
        lists=lists,
        count=count,
        random=np.array([seed * 0x9E3779B97F4A7C15 % (1 << 64)], np.uint64),
    )


def _script(chosen: Any, drawn: Any, trades: int) -> state.Script:
    """The plan of trades per second, and the scenario's prices beside it."""
    pace = chosen.pace(drawn)
    rate = pace / pace.sum() * trades
    plan = np.rint(np.cumsum(rate)).astype(np.int64)
    # Something is kept for the last second, should somebody have to be taken over in it.
    plan[:-1] = np.minimum(plan[:-1], trades - max(12, trades // 20_000))
    plan[-1] = trades
    prices = np.zeros(drawn.target.shape, state.PRICE)
    for name in ("target", "low", "high"):
        prices[name] = getattr(drawn, name)
    prices["stress"], prices["share"] = chosen.stress(drawn), chosen.share(drawn)
    seconds = np.zeros(len(prices), state.SECOND)
    seconds["plan"], seconds["force"] = plan, np.minimum(1.0, rate * 0.08 / state.PARTS)
    seconds["pin"], seconds["exact"] = drawn.pin, drawn.exact
    return state.Script(
        prices=prices,
        seconds=seconds,
        main=chosen.MAIN,
        cutoff=chosen.CUTOFF,
        onset=chosen.ONSET,
        bottom=drawn.bottom,
        maker_ppm=chosen.MAKER_PPM,
        taker_ppm=chosen.TAKER_PPM,
    )


def _cast(
    rng: np.random.Generator, people: population.Population, lots: F64, drawn: Any, trades: int
) -> state.Cast:
    """Who acts on their own; a short tape has few makers with short ladders."""
    makers = people.of(state.MAKER)
    makers = makers[: max(3, min(len(makers), 3 + trades // 40_000))]
    books = np.zeros((len(makers), len(lots)), state.MAKER_BOOK)
    books["capacity"] = (len(people.rows) * lots * 0.12 / len(makers) + 200).astype(np.int64)
    if len(makers) > 12:  # with many makers, each quotes two books in three
        books["capacity"][rng.random(books.shape) < 0.33] = 0
    books["fair"] = drawn.target[0]
    ladder = np.zeros((*books.shape, 2, min(10, 4 + trades // 15_000)), state.RUNG)
    ladder["row"] = -1
    return state.Cast(
        activity=population.activity(rng, people, 1 << 19),
        makers=makers,
        ladder=ladder,
        books=books,
        hunters=people.of(state.HUNTER),
        sellers=people.of(state.SELLER),
        gainers=people.of(state.GAINER),
        arbitrageurs=people.of(state.ARBITRAGEUR),
    )
