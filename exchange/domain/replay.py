"""From a tape of fills to positions, cost, realised profit and fees at any instant.

One pass in time order, exact in int64. Invariants:

* the result does not depend on how accounts are split into shards (`shard_of`, `merge`);
* for a tape whose trades balance, ``sum(cost - realised)`` per contract never changes;
* nothing overflows silently: the extremes of the tape are checked before a fill is applied
  (`TapeTooLarge`), and a row out of time order is refused (`TapeDisorder`).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from exchange.domain.holdings import I16 as I16
from exchange.domain.holdings import I32 as I32
from exchange.domain.holdings import I64 as I64
from exchange.domain.holdings import SHARDS as SHARDS
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
    ``workers`` threads (a power of two) share the accounts and change nothing else.
    Raises `TapeDisorder` and `TapeTooLarge`; neither leaves anything behind.
    """
    if any(a > b for a, b in zip(instants_us, instants_us[1:], strict=False)):
        raise TapeDisorder("instants must not decrease")
    if workers < 1 or workers & (workers - 1):
        raise ValueError(f"workers must be a power of two, not {workers}")
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
    seen = survey(opening, fills, specs, first, accounts, workers=workers)
    inside = (opening.account >= first) & (opening.account < first + accounts)
    where = np.flatnonzero(seen)
    account = (where // max(1, len(specs)) + first).astype(np.int32)
    contract = (where % max(1, len(specs))).astype(np.int16)
    state = np.zeros((seen.size, 4), np.int64)
    rows = (opening.account[inside].astype(np.int64) - first) * len(specs) + opening.contract[
        inside
    ]
    for column, values in enumerate(opening[2:]):
        state[rows, column] = values[inside]

    stops = np.searchsorted(fills.time, np.asarray(instants_us, np.int64), side="right")
    result, done = [], 0
    for stop in stops.tolist():
        threads = [
            pool.submit(
                kernels.stream, done, stop, fills.contract, fills.account, fills.quantity,
                fills.price, fills.fee, first, accounts, len(specs), kind, num, den, state, part,
                workers - 1,
            )
            for part in range(workers)
        ]  # fmt: skip
        for thread in threads:
            thread.result()
        done = max(done, stop)
        columns = np.ascontiguousarray(state[where].T)
        result.append(Holdings(account, contract, *columns))
    return result
