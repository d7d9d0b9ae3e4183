"""How much of a position is old: held at the cut-off, and at every instant since."""

import numpy as np

from exchange.domain.holdings import I64
from exchange.domain.remedies.facts import Facts, after_cut


def held_since_cut(facts: Facts) -> I64:
    """How many contracts of each close's side were held at the cut-off and ever since, i64[close].

    Whatever left the position since then, by a trade or by a close before, is gone: contracts
    bought again are not old. A close at or before the cut-off has none.
    """
    closes, contracts = facts.closes, len(facts.specs)
    if not closes.time.size:
        return np.zeros(0, np.int64)
    first, fills = after_cut(facts)
    wanted = closes.account.astype(np.int64) * contracts + closes.contract
    keys, group = np.unique(wanted, return_inverse=True)
    held = _at_cut(facts, keys)
    traded = fills.account.astype(np.int64) * contracts + fills.contract
    mine = np.flatnonzero(np.isin(traded, keys))
    bare = np.flatnonzero((closes.fill < 0) & (closes.time > facts.cutoff_us))
    # Each position at the cut-off, its fills since, and the closes that the tape has no fill of.
    owner = np.concatenate((np.arange(keys.size), np.searchsorted(keys, traded[mine]), group[bare]))
    time = np.concatenate(
        (np.full(keys.size, facts.cutoff_us), fills.time[mine], closes.time[bare])
    )
    change = np.concatenate((np.zeros_like(held), fills.quantity[mine], -closes.quantity[bare]))
    order = np.lexsort((time, owner))
    left = np.empty_like(order)
    left[order] = _least(owner[order], change[order], held)
    event = np.full(wanted.size, -1, np.int64)
    event[bare] = keys.size + mine.size + np.arange(bare.size)
    filled = closes.fill >= first
    event[filled] = keys.size + np.searchsorted(mine, closes.fill[filled] - first)
    same_side = np.sign(held[group]) == np.sign(closes.quantity)
    return np.where((event >= 0) & same_side, left[event], 0)


def _at_cut(facts: Facts, keys: I64) -> I64:
    """Signed contracts of each account and contract at the cut-off."""
    there = facts.cut.account.astype(np.int64) * len(facts.specs) + facts.cut.contract
    row = np.searchsorted(there, keys)
    padded = np.append(there, -1)
    return np.where(padded[row] == keys, np.append(facts.cut.quantity, 0)[row], 0)


def _least(owner: I64, change: I64, held: I64) -> I64:
    """The least that was held of the first contracts before each row, rows sorted by owner.

    ``change`` is what each row adds to its owner's signed position, which begins at ``held``.
    """
    sum_to = np.cumsum(change)
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    base = (sum_to - change)[begins][owner]
    side = np.sign(held)[owner]
    now = np.clip((held[owner] + sum_to - base) * side, 0, np.abs(held)[owner])
    # Each owner's numbers lie below all those of the one before, so one pass keeps them apart.
    below = np.cumsum(np.abs(held) + 1)[owner]
    least = np.minimum.accumulate(now - below) + below
    return np.concatenate((least[:1], np.where(owner[1:] == owner[:-1], least[:-1], least[1:])))
