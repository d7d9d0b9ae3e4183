"""Compiled passes over a tape's fills. See `exchange.domain.replay` for what they mean.

State is one row of four int64 per holding (quantity, cost, realised, fees), so that a fill
touches one half of a cache line; the row of an account and contract is looked up in a dense
table of int32.
"""

from typing import Any

import numpy as np

from exchange.domain.kernel import kernel
from exchange.domain.value_kernels import scaled_half_even, trade_value

Array = Any

LARGEST_FILL, PRICE_MIN, PRICE_MAX = 0, 1, 2
VOLUME, FEES = 0, 1
LOOK_AHEAD = 16


@kernel
def survey(
    start: int,
    stop: int,
    time: Array,
    contract: Array,
    account: Array,
    quantity: Array,
    price: Array,
    fee: Array,
    first_account: int,
    seen: Array,
    extremes: Array,
    sums: Array,
) -> int:
    """Mark the holdings fills ``start .. stop`` touch and gather each contract's extremes.

    ``seen`` u8[accounts, contracts] covers accounts from ``first_account``; ``extremes``
    i64[contracts, 3] and ``sums`` f64[contracts, 2] are filled for all accounts. Returns the
    first row that is out of time order or out of range, or -1.
    """
    accounts, contracts = seen.shape
    last = time[start - 1] if start > 0 else np.int64(-(2**62))
    for i in range(start, stop):
        c = contract[i]
        size = abs(quantity[i])
        ticks = price[i]
        if time[i] < last or c < 0 or c >= contracts or account[i] < 0 or ticks <= 0:
            return i
        last = time[i]
        if size > extremes[c, LARGEST_FILL]:
            extremes[c, LARGEST_FILL] = size
        if ticks < extremes[c, PRICE_MIN]:
            extremes[c, PRICE_MIN] = ticks
        if ticks > extremes[c, PRICE_MAX]:
            extremes[c, PRICE_MAX] = ticks
        sums[c, VOLUME] += size
        sums[c, FEES] += abs(float(fee[i]))
        row = account[i] - first_account
        if 0 <= row < accounts:
            seen[row, c] = 1
    return -1


@kernel
def number_rows(seen: Array, row_of: Array) -> int:
    """Number the marked cells in (account, contract) order; returns how many."""
    count = 0
    accounts, contracts = seen.shape
    for a in range(accounts):
        for c in range(contracts):
            if seen[a, c]:
                row_of[a, c] = count
                count += 1
    return count


@kernel
def stream(
    start: int,
    stop: int,
    contract: Array,
    account: Array,
    quantity: Array,
    price: Array,
    fee: Array,
    first_account: int,
    row_of: Array,
    kind: Array,
    num: Array,
    den: Array,
    state: Array,
    part: int,
    mask: int,
) -> int:
    """Apply fills ``start .. stop`` to ``state`` i64[holdings, 4], in order.

    Only accounts with ``account & mask == part``, so that threads share one state. The body is
    `value_kernels.apply_fill` written into the row. The holding of a fill some way ahead is
    read early, because waiting for memory is most of the cost; the returned number only keeps
    that read from being optimised away.
    """
    accounts, total, ahead = row_of.shape[0], account.shape[0], 0
    for i in range(start, stop):
        j = i + LOOK_AHEAD
        if j < total and account[j] & mask == part and 0 <= account[j] - first_account < accounts:
            ahead ^= state[row_of[account[j] - first_account, contract[j]], 0]
        a = account[i] - first_account
        if account[i] & mask != part or a < 0 or a >= accounts:
            continue
        c = contract[i]
        row = row_of[a, c]
        dq = quantity[i]
        ticks = price[i]
        held = state[row, 0]
        value = trade_value(kind[c], num[c], den[c], dq, ticks)
        state[row, 0] = held + dq
        state[row, 3] += fee[i]
        if held == 0 or (held > 0) == (dq > 0):
            state[row, 1] += value
        elif abs(dq) < abs(held):
            cost = state[row, 1]
            released = scaled_half_even(abs(cost), abs(dq), abs(held))
            if cost < 0:
                released = -released
            state[row, 1] = cost - released
            state[row, 2] -= value + released
        elif held + dq == 0:
            state[row, 2] -= value + state[row, 1]
            state[row, 1] = 0
        else:
            closed = trade_value(kind[c], num[c], den[c], -held, ticks)
            state[row, 2] -= closed + state[row, 1]
            state[row, 1] = value - closed
    return ahead
