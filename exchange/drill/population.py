"""Who has an account, and what kind of trader they are, before anything is held.

Sizes are lognormal with a Pareto-like tail, leverage is 10x or 20x with an *effective*
leverage that is lognormal around 1.4: most could lose half the price and stay, one in five
could not. About one in nine uses fixed margin. The parts of a market (makers, hedgers,
hunters, manipulators) are shares of the number of accounts, each with a least number, so
that the smallest market still has all of them.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.rules.okex_2018 import CROSS, EXEMPT, FIXED
from exchange.drill.state import (
    ACCOUNT,
    ARBITRAGEUR,
    GAINER,
    HEDGER,
    HOUSE,
    HUNTER,
    MAKER,
    QUIET,
    SELLER,
    TRADER,
)

I64 = npt.NDArray[np.int64]
SHARES = (
    # role, one account in so many, at least, at most
    (MAKER, 2500, 3, 40),
    (ARBITRAGEUR, 3000, 2, 30),
    (SELLER, 25000, 2, 4),
    (GAINER, 25000, 2, 4),
    (HUNTER, 110, 6, 2000),
    (HEDGER, 35, 4, 6000),
    (QUIET, 260, 6, 700),
)


class Population(NamedTuple):
    """Traders in account order (the two venue accounts last), and facts the venue knows."""

    rows: npt.NDArray[np.void]  # ACCOUNT
    corporate: npt.NDArray[np.bool_]
    api: npt.NDArray[np.bool_]
    source: I64  # where an account's deposits come from; a few share one
    size: npt.NDArray[np.float64]  # typical position, in typical positions
    frail: npt.NDArray[np.bool_]  # has nearly lost everything before the tape begins

    def of(self, role: int) -> I64:
        """Accounts with a role, in account order."""
        return np.flatnonzero(self.rows["role"] == role).astype(np.int64)


def populate(
    rng: np.random.Generator, accounts: int, homes: npt.NDArray[np.float64], trades: int
) -> Population:
    """Draw ``accounts`` customers. ``homes`` is the share of customers at home per contract.

    A cascade needs a trade per take-over and several to sell it. On a tape of few ``trades``
    the rest of the crowd is *calm*: cross margin, effective leverage below 2.
    """
    calm = max(0.0, 1.0 - 1.6 * trades / accounts)
    rows = np.zeros(accounts + 2, ACCOUNT)
    body = rows[:accounts]
    body["role"] = TRADER
    places = rng.permutation(accounts)
    first = 0
    for part, each, least, most in SHARES:
        count = min(most, max(least, accounts // each))
        if part == QUIET:
            count = min(count, max(least, trades // 150))
        body["role"][places[first : first + count]] = part
        first += count
    body["home"] = rng.choice(len(homes), accounts, p=homes)
    body["other"] = -1
    body["leverage"] = np.where(rng.random(accounts) < 0.55, 10, 20)
    body["mode"] = np.where(rng.random(accounts) < 0.11, FIXED, CROSS)
    appetite = np.exp(rng.normal(np.log(1.35), 0.72, accounts))
    appetite = np.minimum(appetite, 0.88 * body["leverage"])
    frail = (rng.random(accounts) < 0.005) & (body["mode"] == CROSS)
    gentle = rng.random(accounts) < calm
    body["appetite"] = np.where(gentle, np.minimum(appetite, 1.9), appetite)
    body["mode"] = np.where(gentle, CROSS, body["mode"])
    frail &= ~gentle & (body["role"] == TRADER)
    size = np.minimum(np.exp(rng.normal(0.0, 1.15, accounts)), 60.0) / 1.94
    whale = rng.random(accounts) < 0.004
    size = np.where(whale, size + 8.0 * (1.0 + rng.pareto(1.8, accounts)).clip(max=12), size)
    body["size"] = np.clip(size, 0.2, 12.0)
    _second_home(rng, body)
    _special(body, size)
    rows[accounts:]["role"], rows[accounts:]["mode"] = HOUSE, EXEMPT
    rows[accounts:]["leverage"], rows[accounts:]["other"] = 10, -1
    source = np.arange(accounts + 2, dtype=np.int64)
    _share_sources(rng, rows, source)
    role = body["role"]
    corporate = np.isin(role, (MAKER, ARBITRAGEUR, SELLER, GAINER)) | (
        rng.random(accounts) < np.where(role == HEDGER, 0.5, 0.012)
    )
    api = np.isin(role, (MAKER, ARBITRAGEUR)) | (rng.random(accounts) < 0.015)
    return Population(rows, corporate, api, source, size, np.append(frail, [False, False]))


def _second_home(rng: np.random.Generator, body: npt.NDArray[np.void]) -> None:
    """One trader in seven also trades another coin (contracts 3 and up, one per coin)."""
    second = rng.integers(3, 6, len(body))
    wants = (rng.random(len(body)) < 0.14) & (body["home"] < 3) & (body["role"] == TRADER)
    body["other"] = np.where(wants, second, -1)


def _special(body: npt.NDArray[np.void], size: npt.NDArray[np.float64]) -> None:
    """Terms of those who are not ordinary customers."""
    role = body["role"]
    for kind, home, appetite in (
        (MAKER, 2, 4.0),
        (ARBITRAGEUR, 2, 2.0),
        (SELLER, 2, 1.4),
        (GAINER, 2, 3.0),
        (HUNTER, 2, 1.0),
        (HEDGER, -1, 1.0),
        (QUIET, 2, 0.0),
    ):
        mask = role == kind
        if home >= 0:
            body["home"][mask] = home
        body["appetite"][mask] = appetite
        body["mode"][mask] = CROSS
        body["other"][mask] = -1
    body["leverage"][np.isin(role, (MAKER, ARBITRAGEUR, HEDGER, HUNTER))] = 10
    body["leverage"][np.isin(role, (SELLER, GAINER))] = 20
    size[role == HEDGER] = size[role == HEDGER] * 5.0 + 2.0


def _share_sources(
    rng: np.random.Generator, rows: npt.NDArray[np.void], source: npt.NDArray[np.int64]
) -> None:
    """The manipulators were funded from one address; so, innocently, were some others."""
    linked = np.flatnonzero(np.isin(rows["role"], (SELLER, GAINER)))
    source[linked] = linked[0]
    others = np.flatnonzero(np.isin(rows["role"], (TRADER, HEDGER)))
    groups = max(1, len(others) // 300)
    for group in rng.choice(others, (groups, 3)):
        source[group] = group[0]


def activity(rng: np.random.Generator, people: Population, size: int) -> I64:
    """Accounts repeated by how often they act: Zipf over a random order of customers."""
    role = people.rows["role"]
    active = np.flatnonzero(np.isin(role, (TRADER, HEDGER)))
    order = rng.permutation(active)
    weight = 1.0 / (np.arange(len(order)) + 8.0) ** 0.75
    weight *= np.where(people.rows["role"][order] == HEDGER, 0.35, 1.0)
    drawn = rng.choice(len(order), size, p=weight / weight.sum())
    return order[drawn].astype(np.int64)
