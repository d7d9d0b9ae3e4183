"""How much of a position is old: held at the cut-off, and at every instant since."""

import numpy as np

from exchange.domain.holdings import I64
from exchange.domain.remedies.facts import Facts, after_cut


def held_since_cut(facts: Facts) -> I64:
    """How many contracts of each close's side were held at the cut-off and ever since, i64[close].

    A forced close takes the old contracts first, the earliest close before the later ones; a trade
    takes the new ones first. What left is gone: contracts bought again are not old. A close at or
    before the cut-off had none.
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
    event = np.full(wanted.size, -1, np.int64)
    event[bare] = keys.size + mine.size + np.arange(bare.size)
    filled = closes.fill >= first
    event[filled] = keys.size + np.searchsorted(mine, closes.fill[filled] - first)
    own = (event >= 0) & (np.sign(held[group]) == np.sign(closes.quantity))
    taken = np.zeros_like(change)
    taken[event[own]] = np.abs(closes.quantity[own])
    order = np.lexsort((time, owner))
    left = np.empty_like(order)
    left[order] = _left(owner[order], change[order], taken[order], held)
    return np.where(own, left[event], 0)


def _at_cut(facts: Facts, keys: I64) -> I64:
    """Signed contracts of each account and contract at the cut-off."""
    there = facts.cut.account.astype(np.int64) * len(facts.specs) + facts.cut.contract
    row = np.searchsorted(there, keys)
    padded = np.append(there, -1)
    return np.where(padded[row] == keys, np.append(facts.cut.quantity, 0)[row], 0)


def _left(owner: I64, change: I64, taken: I64, held: I64) -> I64:
    """How many of the first contracts are left before each row but an owner's first, which is the
    cut-off; rows sorted by owner.

    ``change`` is what each row adds to its owner's signed position, which begins at ``held``;
    ``taken`` what a forced close takes. With ``T`` taken so far, ``left + T`` only ever falls: to
    ``position + T`` where that is lower.
    """
    size = np.abs(held)
    begins = np.flatnonzero(np.diff(owner, prepend=-1))
    position = held[owner] + _since(change, begins, owner)
    taken_to = _since(taken, begins, owner)
    most = np.clip(position * np.sign(held)[owner], 0, size[owner]) + taken_to
    # Each owner begins below all numbers of the one before, so one pass keeps them apart.
    below = np.cumsum(size + 1)[owner]
    left = np.minimum.accumulate(most - below) + below - taken_to
    result: I64 = np.maximum(np.concatenate((left[:1], left[:-1])), 0)
    return result


def _since(values: I64, begins: I64, owner: I64) -> I64:
    """Running sums that begin anew with each owner."""
    sums = np.cumsum(values)
    return sums - (sums - values)[begins][owner]
