"""Opening positions and balances: what everybody held at the first second of the tape.

Positions were opened in earlier trades, so longs and shorts are paired into lots, each lot
at one price near the opening mark, rounded once: quantities and costs sum to zero per
contract to the unit. Equity follows from the effective leverage an account is meant to have.

*Quiet* accounts are the ones "so leveraged that normal moves kill them": their cash is set
so that they are due at a chosen price, one that the fair reference itself reaches.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.rules.okex_2018 import FIXED, okex_maintenance
from exchange.domain.value_kernels import trade_value
from exchange.drill.population import Population
from exchange.drill.state import (
    ARBITRAGEUR,
    GAINER,
    HEDGER,
    HUNTER,
    MAKER,
    POSITION,
    QUIET,
    SELLER,
    TRADER,
    WALLET,
)

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


class Opening(NamedTuple):
    """Books at the start: POSITION[A, C] and WALLET[A, S]."""

    positions: npt.NDArray[np.void]
    wallets: npt.NDArray[np.void]


def wanted_positions(
    rng: np.random.Generator, people: Population, lots: F64, main: int, push: int
) -> I64:
    """Signed contracts per account and contract, summing to zero per contract.

    ``lots`` is the typical position per contract; ``push`` the manipulators' whole long.
    """
    rows = people.rows
    count, contracts = len(rows), len(lots)
    want = np.zeros((count, contracts), np.int64)
    index = np.arange(count)
    role = rows["role"]
    size = np.zeros(count)
    size[: len(people.size)] = people.size
    holds = (rng.random(count) < 0.58) & np.isin(role, (TRADER, HEDGER)) | (role == HEDGER)
    sign = np.where(rng.random(count) < 0.6, 1, -1)
    sign[role == HEDGER] = -1
    for column in ("home", "other"):
        contract = np.where(rows[column] >= 0, rows[column], 0)
        share = 1.0 if column == "home" else 0.5
        amount = np.maximum(1, (size * lots[contract] * share).astype(np.int64))
        mask = holds & (rows[column] >= 0)
        want[index[mask], contract[mask]] += (sign * amount)[mask]
    quiet = people.of(QUIET)
    want[quiet, main] = np.maximum(1, (size[quiet] * lots[main] * 0.4).astype(np.int64))
    for group, total in ((people.of(SELLER), push), (people.of(GAINER), -push // 3)):
        weight = rng.dirichlet(np.full(len(group), 6.0))
        want[group, main] = (weight * total).astype(np.int64)
    _balance(people, want)
    return want


def _balance(people: Population, want: I64) -> None:
    """Let hedgers (short) or, failing those, makers carry what the others leave over."""
    for contract in range(want.shape[1]):
        over = int(want[:, contract].sum())
        takers = people.of(HEDGER)
        takers = takers[people.rows["home"][takers] == contract]
        if over <= 0 or not len(takers):
            takers = people.of(MAKER)
        weight = np.abs(want[takers, contract]) + 1.0
        part = -(weight / weight.sum() * over).astype(np.int64)
        want[takers, contract] += part
        want[takers[0], contract] -= int(want[:, contract].sum())


def pair_lots(want: I64, exact: npt.NDArray[np.bool_]) -> tuple[I64, I64, I64, F64]:
    """Split one contract's longs and shorts into lots: long account, short account, quantity.

    The fourth array is 0 where a side must have been opened at the opening mark itself.
    """
    longs, shorts = np.flatnonzero(want > 0), np.flatnonzero(want < 0)
    ends_long, ends_short = np.cumsum(want[longs]), np.cumsum(-want[shorts])
    ends = np.union1d(ends_long, ends_short)
    sizes = np.diff(np.concatenate([[0], ends]))
    buyer = longs[np.searchsorted(ends_long, ends)]
    seller = shorts[np.searchsorted(ends_short, ends)]
    return buyer, seller, sizes, np.where(exact[buyer] | exact[seller], 0.0, 1.0)


def open_positions(
    rng: np.random.Generator, people: Population, want: I64, terms: npt.NDArray[np.void], mark: I64
) -> npt.NDArray[np.void]:
    """POSITION[A, C] with costs from paired lots near the opening marks (ticks)."""
    positions = np.zeros(want.shape, POSITION)
    exact = people.rows["role"] == QUIET
    for contract in range(want.shape[1]):
        term = terms[contract]
        buyer, seller, sizes, loose = pair_lots(want[:, contract], exact)
        drift = np.clip(rng.normal(0.001, 0.006, len(sizes)), -0.016, 0.016) * loose
        ticks = np.maximum(1, np.rint(mark[contract] * (1.0 + drift))).astype(np.int64)
        kind, num, den = int(term["kind"]), int(term["num"]), int(term["den"])
        cost = np.array(
            [
                trade_value(kind, num, den, q, p)
                for q, p in zip(sizes.tolist(), ticks.tolist(), strict=True)
            ],
            np.int64,
        )
        np.add.at(positions["quantity"][:, contract], buyer, sizes)
        np.add.at(positions["quantity"][:, contract], seller, -sizes)
        np.add.at(positions["cost"][:, contract], buyer, cost)
        np.add.at(positions["cost"][:, contract], seller, -cost)
    return positions


def fund(
    rng: np.random.Generator,
    people: Population,
    positions: npt.NDArray[np.void],
    terms: npt.NDArray[np.void],
    mark: I64,
    lots: F64,
    fund_units: int,
) -> npt.NDArray[np.void]:
    """WALLET[A, S]: cash so that each account has the effective leverage it likes."""
    rows = people.rows
    count, assets = len(rows), int(terms["asset"].max()) + 1
    wallets = np.zeros((count, assets), WALLET)
    each = terms["num"] / (terms["den"] * mark.astype(np.float64))
    value = np.abs(positions["quantity"]) * each
    profit = -positions["quantity"] * each - positions["cost"]
    size = np.append(people.size, [0.0, 0.0])
    leverage = np.clip(rows["appetite"] * np.exp(rng.normal(0.0, 0.25, count)), 0.25, None)
    leverage = np.minimum(leverage, np.where(rows["mode"] == FIXED, 0.5, 0.9) * rows["leverage"])
    leverage = np.where(rows["appetite"] <= 1.9, np.minimum(leverage, 2.2), leverage)
    leverage = np.maximum(leverage, 0.1)
    # A few have nearly lost everything already: moves of an ordinary night decide their fate.
    leverage = np.where(people.frail, rng.uniform(36.0, 70.0, count), leverage)
    for asset in range(assets):
        mine = np.flatnonzero(terms["asset"] == asset)
        gross, gain = value[:, mine].sum(axis=1), profit[:, mine].sum(axis=1)
        at_home = np.isin(rows["home"], mine) | np.isin(rows["other"], mine)
        idle = np.where(at_home, size * lots[mine[-1]] * each[mine[-1]] / leverage, 0.0)
        idle *= rng.random(count) < 0.8
        equity = np.maximum(gross / leverage, idle * 0.7)
        wallets["cash"][:, asset] = np.maximum(equity - gain, 0.25 * equity).astype(np.int64)
        saved = np.exp(rng.normal(-0.6, 1.2, count)) * (rng.random(count) < 0.6)
        wallets["funding"][:, asset] = (equity * saved * at_home).astype(np.int64)
    _capitalise(people, wallets, terms, each, lots)
    wallets["cash"][-2:], wallets["funding"][-2:] = 0, 0
    wallets["cash"][-1] = np.array([fund_units, fund_units * 4, fund_units * 6, fund_units * 90])[
        :assets
    ]
    return wallets


def _capitalise(
    people: Population,
    wallets: npt.NDArray[np.void],
    terms: npt.NDArray[np.void],
    each: F64,
    lots: F64,
) -> None:
    """Makers, arbitrageurs and hunters are sized by the market, not by what they hold."""
    customers = len(people.rows)
    for role, turnover in ((MAKER, 3.0), (ARBITRAGEUR, 0.8), (HUNTER, 2.2)):
        group = people.of(role)
        for contract in range(len(terms)):
            if role == HUNTER and contract != 2:
                continue
            book = customers * lots[contract] * each[contract] * turnover * 0.1
            asset = int(terms["asset"][contract])
            wallets["cash"][group, asset] += int(book / len(group))


def set_edges(
    people: Population,
    positions: npt.NDArray[np.void],
    wallets: npt.NDArray[np.void],
    terms: npt.NDArray[np.void],
    factors: I64,
    main: int,
    due_at: I64,
) -> None:
    """Give each quiet account exactly the cash that makes it due at its tick ``due_at``."""
    term = terms[main]
    for account, ticks in zip(people.of(QUIET), due_at.tolist(), strict=True):
        held = positions[account, main]
        leverage = int(people.rows["leverage"][account])
        value = int(
            trade_value(
                int(term["kind"]), int(term["num"]), int(term["den"]), int(held["quantity"]), ticks
            )
        )
        needed = okex_maintenance(
            abs(value), int(factors[main, 1 if leverage == 20 else 0]), leverage
        )
        wallets["cash"][account, int(term["asset"])] = max(0, needed - value + int(held["cost"]))
        wallets["funding"][account, int(term["asset"])] = 0
