"""Sets up a scenario's market, plays it second by second, checks it and writes the bundle.

What is promised of every bundle, and asserted here before anything is written: exactly the
asked number of fill rows; per contract all positions and all ``cost - realised`` sum to
what they were at the start, zero; no wallet of a customer below zero; the published prices
hit; at least one wrong and one missed liquidation.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.rules.okex_2018 import factor_table
from exchange.domain.value import ContractSpec
from exchange.drill import holdings, population, scenarios, state
from exchange.drill.book import ALIGN
from exchange.drill.market import run
from exchange.drill.refusals import DrillFailed, DrillRefused

Progress = Callable[[str, int, int], None]
I64 = npt.NDArray[np.int64]

ACCOUNTS_LEAST, ACCOUNTS_MOST = 200, 1_000_000
FILLS_LEAST, FILLS_MOST = 5_000, 20_000_000
STEP_SECONDS = 300
"""Progress is told this often, in seconds of market time."""


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


def generate(
    scenario: str, accounts: int, fills: int, seed: int, out: Path, progress: Progress
) -> Path:
    """Play ``scenario`` with so many customer accounts and fill rows; write it to ``out``.

    ``out`` is created if needed. Same arguments, same bytes. Raises `DrillRefused`,
    `scenarios.ScenarioUnknown`, `DrillFailed`.
    """
    from exchange.drill.bundle import write_bundle

    stage = set_up(scenario, accounts, fills, seed, progress)
    play(stage, progress)
    check(stage)
    return write_bundle(stage, out, progress)


def set_up(scenario: str, accounts: int, fills: int, seed: int, progress: Progress) -> Stage:
    """Draw the scenario's prices, the population, what it holds, and empty books."""
    if not ACCOUNTS_LEAST <= accounts <= ACCOUNTS_MOST:
        raise DrillRefused(f"accounts must be {ACCOUNTS_LEAST} to {ACCOUNTS_MOST}, not {accounts}")
    if not FILLS_LEAST <= fills <= FILLS_MOST or fills % 2:
        raise DrillRefused(
            f"fills are rows, two a trade: an even number from {FILLS_LEAST} to {FILLS_MOST}, "
            f"not {fills}"
        )
    chosen = scenarios.get(scenario)
    progress("Drawing the market", 0, 3)
    specs = chosen.contracts()
    drawn = chosen.prices(np.random.default_rng([seed, 1]), specs)
    trades = fills // 2
    people = population.populate(np.random.default_rng([seed, 2]), accounts, chosen.HOMES, trades)
    progress("Drawing the market", 1, 3)
    terms = _terms(specs, chosen.ASSETS)
    mark = np.rint(drawn.target[0]).astype(np.int64)
    opening = _open(chosen, np.random.default_rng([seed, 3]), people, specs, terms, drawn, mark)
    progress("Drawing the market", 2, 3)
    unit = np.maximum(1.0, 55.0 * accounts / trades) * chosen.UNITS
    market = _market(terms, people, opening, mark, trades, accounts, seed)
    script = _script(chosen, drawn, trades, unit)
    cast = _cast(chosen, np.random.default_rng([seed, 4]), people, opening, drawn, trades)
    progress("Drawing the market", 3, 3)
    return Stage(chosen, specs, people, opening, drawn, market, script, cast, seed)


def _terms(specs: list[ContractSpec], assets: tuple[str, ...]) -> npt.NDArray[np.void]:
    terms = np.zeros(len(specs), state.TERM)
    factors = factor_table(specs)
    for i, spec in enumerate(specs):
        terms[i] = (spec.kind, spec.num, spec.den, assets.index(spec.settle), *factors[i].tolist())
    return terms


def _open(
    chosen: Any,
    rng: np.random.Generator,
    people: population.Population,
    specs: list[ContractSpec],
    terms: npt.NDArray[np.void],
    drawn: Any,
    mark: I64,
) -> holdings.Opening:
    count = len(people.rows) - 2
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
    mark: I64,
    trades: int,
    accounts: int,
    seed: int,
) -> state.Market:
    span, start = np.zeros((len(terms), 3), np.int64), 0
    for i, ticks in enumerate(mark.tolist()):
        lowest = int(ticks * 0.6)
        width = -(-int(ticks * 0.75) // ALIGN) * ALIGN
        span[i], start = (start, lowest, width), start + width
    levels = np.full(2 * start, -1, np.int64).view(state.LEVEL)
    orders, rows, assets = 1 << 17, len(people.rows), opening.wallets.shape[1]
    wallets = opening.wallets.copy()
    wallets["slot"] = -1
    held = np.zeros((rows, assets), bool)
    for i in range(len(terms)):
        held[:, terms["asset"][i]] |= opening.positions["quantity"][:, i] != 0
    wallets["dirty"] = held
    dirty = np.zeros(rows * assets, np.int64)
    at = np.flatnonzero(held.ravel())
    dirty[: len(at)] = at
    count = np.zeros(state.COUNTERS, np.int64)
    count[state.N_FREE], count[state.N_DIRTY] = orders, len(at)
    count[state.TRADES_MOST], count[state.INSURANCE] = trades, rows - 1
    count[state.MISSED_MOST] = min(9, 1 + accounts // 20_000)
    count[state.WRONG_MOST] = min(9, 1 + accounts // 20_000)
    return state.Market(
        terms=terms,
        accounts=people.rows.copy(),
        positions=opening.positions.copy(),
        wallets=wallets,
        orders=np.zeros(orders, state.ORDER),
        levels=levels,
        words=np.zeros(start // 64, np.uint64),
        summary=np.zeros(start // ALIGN, np.uint64),
        span=span,
        best=np.full((len(terms), 2), -1, np.int64),
        free=np.arange(orders - 1, -1, -1, dtype=np.int64),
        expiry=np.zeros(1 << 16, state.EXPIRY),
        trades=np.zeros(trades, state.TRADE_ROW),
        transfers=np.zeros(accounts * 2 + 5_000, state.TRANSFER_ROW),
        forced=np.zeros(trades + 8, state.FORCED_ROW),
        payouts=np.zeros(20_000, state.PAYOUT),
        last=mark.copy(),
        watched=mark.copy(),
        clock=np.zeros(assets),
        seen=np.zeros(assets, np.int64),
        queue=np.full((assets, state.BUCKETS), -1, np.int64),
        dirty=dirty,
        due=np.zeros(rows * assets, np.int64),
        count=count,
        random=np.array([seed * 0x9E3779B97F4A7C15 % (1 << 64)], np.uint64),
    )


def _script(chosen: Any, drawn: Any, trades: int, unit: npt.NDArray[np.float64]) -> state.Script:
    pace = chosen.pace(drawn)
    rate = pace / pace.sum() * trades
    plan = np.rint(np.cumsum(rate)).astype(np.int64)
    # Something is kept for the last second, should somebody have to be taken over in it.
    plan[:-1] = np.minimum(plan[:-1], trades - max(12, trades // 20_000))
    plan[-1] = trades
    seconds = chosen.SECONDS
    return state.Script(
        target=drawn.target,
        low=drawn.low,
        high=drawn.high,
        stress=chosen.stress(drawn),
        share=chosen.share(drawn),
        plan=plan,
        force=np.minimum(1.0, rate * 0.08 / state.PARTS),
        pin=drawn.pin,
        exact=drawn.exact,
        marks=np.zeros((seconds + 1, len(unit)), np.int64),
        batches=np.zeros(seconds + 1, np.int64),
        main=chosen.MAIN,
        cutoff=chosen.CUTOFF,
        onset=chosen.ONSET,
        bottom=drawn.bottom,
        maker_ppm=chosen.MAKER_PPM,
        taker_ppm=chosen.TAKER_PPM,
        unit=unit,
        spread=chosen.SPREAD,
    )


def _cast(
    chosen: Any,
    rng: np.random.Generator,
    people: population.Population,
    opening: holdings.Opening,
    drawn: Any,
    trades: int,
) -> state.Cast:
    makers = people.of(state.MAKER)
    makers = makers[: max(3, min(len(makers), 3 + trades // 40_000))]
    depth = int(min(10, 4 + trades // 15_000))
    shape = (len(makers), len(chosen.LOTS), 2, depth)
    capacity = np.zeros(shape[:2], np.int64)
    total = len(people.rows) * chosen.LOTS * 0.12 / len(makers) + 200
    capacity[:] = total.astype(np.int64)
    if len(makers) > 12:  # with many makers, each quotes two books in three
        capacity[rng.random(shape[:2]) < 0.33] = 0
    fair = np.repeat(drawn.target[:1], len(makers), axis=0)
    return state.Cast(
        activity=population.activity(rng, people, 1 << 19),
        makers=makers,
        ladder=np.full(shape, -1, np.int64),
        idents=np.full(shape, -1, np.int64),
        capacity=capacity,
        fair=fair,
        mood=np.zeros(shape[1]),
        hunters=people.of(state.HUNTER),
        sellers=people.of(state.SELLER),
        gainers=people.of(state.GAINER),
        arbitrageurs=people.of(state.ARBITRAGEUR),
    )


def play(stage: Stage, progress: Progress) -> None:
    """Run the market from its first second to its last."""
    last = stage.scenario.SECONDS
    stage.script.marks[0] = stage.market.last
    for first in range(1, last + 1, STEP_SECONDS):
        until = min(last, first + STEP_SECONDS - 1)
        failed = run(stage.market, stage.script, stage.cast, first, until)
        if failed:
            raise DrillFailed(f"second {failed}: the published price could not be traded")
        progress("Playing the market", until, last)


def check(stage: Stage) -> None:
    """Assert what is promised of every bundle. Raises `DrillFailed`."""
    m, rows = stage.market, len(stage.people.rows)
    problems = []
    count = m.count
    if count[state.N_TRADES] != count[state.TRADES_MOST]:
        problems.append(f"{count[state.N_TRADES]} trades of {count[state.TRADES_MOST]}")
    if m.positions["quantity"].sum(axis=0).any():
        problems.append("positions do not balance")
    if (m.positions["cost"] - m.positions["realised"]).sum(axis=0).any():
        problems.append("cost and realised do not balance")
    people = slice(0, rows - 2)
    if (m.wallets["cash"][people] < 0).any() or (m.wallets["funding"][people] < 0).any():
        problems.append("a customer's wallet is below zero")
    if count[state.N_UNPRICED]:
        problems.append(f"{count[state.N_UNPRICED]} accounts could not be taken over")
    if count[state.N_WRONG] < 1 or count[state.N_MISSED] < 1:
        problems.append("no wrong or no missed liquidation")
    problems += stage.scenario.broken_promises(stage.script.marks, stage.prices)
    if problems:
        raise DrillFailed("; ".join(problems))
