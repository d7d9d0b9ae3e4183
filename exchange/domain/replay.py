"""From a tape of fills to positions, cost, realised profit and fees at any instant.

One pass in time order, exact in int64. Invariants:

* the result does not depend on how accounts are split into shards (`shard_of`, `merge`);
* for a tape whose trades balance, ``sum(cost - realised)`` per contract never changes;
* nothing overflows silently: the extremes of the tape are checked before a fill is applied
  (`TapeTooLarge`), and a row out of time order is refused (`TapeDisorder`).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I16 as I16
from exchange.domain.holdings import I32 as I32
from exchange.domain.holdings import I64 as I64
from exchange.domain.holdings import Fills as Fills
from exchange.domain.holdings import Holdings as Holdings
from exchange.domain.holdings import TapeDisorder as TapeDisorder
from exchange.domain.holdings import empty_fills as empty_fills
from exchange.domain.holdings import empty_holdings as empty_holdings
from exchange.domain.holdings import merge as merge
from exchange.domain.holdings import reason_of as reason_of
from exchange.domain.holdings import shard_of as shard_of
from exchange.domain.holdings import state_digest as state_digest
from exchange.domain.holdings import terms_of as terms_of
from exchange.domain.survey import TapeTooLarge as TapeTooLarge
from exchange.domain.survey import survey
from exchange.domain.value import ContractSpec

CELLS_MAX = 1 << 24
"""Accounts times contracts held densely (at most 512 MiB); more run in blocks of accounts."""
LOTS_MAX = 1024
"""Lots of neighbouring accounts that threads are given; a lot is one piece of the state."""
SAMPLE = 1 << 16
"""Fills looked at to see how busy each lot is."""


def replay(
    opening: Holdings,
    fills: Fills,
    specs: Sequence[ContractSpec],
    instants_us: Sequence[int],
    *,
    workers: int = 1,
) -> list[Holdings]:
    """State after every fill with time <= each instant; all lists share the same rows.

    ``opening`` holds the positions before the first fill. ``instants_us`` must not decrease.
    ``workers`` threads share the accounts and change nothing else.
    Raises `TapeDisorder` and `TapeTooLarge`; neither leaves anything behind.
    """
    if any(a > b for a, b in zip(instants_us, instants_us[1:], strict=False)):
        raise TapeDisorder("instants must not decrease")
    if workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    accounts = 1 + max(_top(opening.account), _top(fills.account))
    block = max(1, CELLS_MAX // max(1, len(specs)))
    with ThreadPoolExecutor(workers) as pool:
        parts = [
            _replay_block(
                opening, fills, specs, instants_us, first, min(block, accounts - first), pool,
                workers,
            )
            for first in range(0, max(1, accounts), block)
        ]  # fmt: skip
    return [merge([part[i] for part in parts]) for i in range(len(instants_us))]


def _top(index: I32) -> int:
    return int(index.max()) if index.size else -1


def _replay_block(
    opening: Holdings,
    fills: Fills,
    specs: Sequence[ContractSpec],
    instants_us: Sequence[int],
    first: int,
    accounts: int,
    pool: ThreadPoolExecutor,
    workers: int,
) -> list[Holdings]:
    from exchange.domain import replay_kernels as kernels  # loads the compiler

    kind, num, den = terms_of(specs)
    seen = survey(opening, fills, specs, first, accounts, workers=workers).seen
    where = np.flatnonzero(seen)
    account, contract = np.divmod(where, max(1, len(specs)))
    account, contract = (account + first).astype(np.int32), contract.astype(np.int16)
    state = _blank(seen.size)
    _open(state, opening, first, accounts, len(specs))
    owner, shift = _shared_out(fills.account, first, accounts, workers)

    def apply(start: int, stop: int, part: int) -> None:
        kernels.stream(
            start, stop, fills.contract, fills.account, fills.quantity, fills.price, fills.fee,
            first, accounts, len(specs), kind, num, den, state, owner, shift, part,
        )  # fmt: skip

    edges = np.linspace(0, where.size, workers + 1).astype(int).tolist()

    def gather(columns: I64, part: int) -> None:
        kernels.gather(state, where, edges[part], edges[part + 1], columns)

    stops = np.searchsorted(fills.time, np.asarray(instants_us, np.int64), side="right")
    result, done = [], 0
    for stop in stops.tolist():
        list(pool.map(partial(apply, done, stop), range(workers)))
        done = max(done, stop)
        columns = np.empty((4, where.size), np.int64)
        list(pool.map(partial(gather, columns), range(workers)))
        result.append(Holdings(account, contract, *columns))
    return result


def _blank(holdings: int) -> I64:
    """Four zeros for each holding, flat, beginning with a cache line so that none lies on two."""
    room = np.zeros(4 * holdings + 8, np.int64)
    begin = -room.ctypes.data % 64 // 8
    return room[begin : begin + 4 * holdings]


def _open(state: I64, opening: Holdings, first: int, accounts: int, contracts: int) -> None:
    """Write the opening positions of these accounts into the state."""
    inside = (opening.account >= first) & (opening.account < first + accounts)
    account = opening.account[inside].astype(np.int64) - first
    rows = (account * contracts + opening.contract[inside]) * 4
    for column, values in enumerate(opening[2:]):
        state[rows + column] = values[inside]


def _shared_out(
    account: I32, first: int, accounts: int, workers: int
) -> tuple[npt.NDArray[np.uint16], int]:
    """Who applies the fills of which lot of accounts: (worker of each lot, log2 of a lot's size).

    The busiest lots are given out first, each to whoever has least. How busy they are is told by
    a sample of the fills: it decides who does the work, not what comes out.
    """
    shift = max(0, (max(1, accounts) - 1).bit_length() - LOTS_MAX.bit_length() + 1)
    owner = np.zeros((max(1, accounts) - 1 >> shift) + 1, np.uint16)
    if workers == 1:
        return owner, shift
    sample = account[:: max(1, account.size // SAMPLE)].astype(np.int64) - first
    sample = sample[(sample >= 0) & (sample < accounts)] >> shift
    busy = np.bincount(sample, minlength=owner.size)
    load = [0] * workers
    for lot in np.argsort(-busy, kind="stable").tolist():
        least = load.index(min(load))
        owner[lot] = least
        load[least] += int(busy[lot])
    return owner, shift
