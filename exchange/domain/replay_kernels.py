"""Compiled passes over a tape's fills. See `exchange.domain.replay` for what they mean.

State is one row of four int64 per account and contract (quantity, cost, realised, fees), dense,
so that a fill touches one half of a cache line and nothing has to be looked up to find it.
"""

from typing import Any

import numpy as np

from exchange.domain.kernel import kernel
from exchange.domain.value_kernels import scaled_half_even, trade_value

Array = Any

LARGEST_FILL, PRICE_MIN, PRICE_MAX = 0, 1, 2
VOLUME, FEES = 0, 1
LOOK_AHEAD = 16
BLOCK = 4096


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
def survey_opening(
    account: Array,
    contract: Array,
    quantity: Array,
    cost: Array,
    realised: Array,
    fees: Array,
    first_account: int,
    seen: Array,
    held: Array,
) -> None:
    """Mark the holdings there are and add up their sizes per contract, f64[contracts, 4]."""
    for i in range(account.shape[0]):
        c = contract[i]
        held[c, 0] += abs(float(quantity[i]))
        held[c, 1] += abs(float(cost[i]))
        held[c, 2] += abs(float(realised[i]))
        held[c, 3] += abs(float(fees[i]))
        row = account[i] - first_account
        if 0 <= row < seen.shape[0]:
            seen[row, c] = 1


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
    accounts: int,
    contracts: int,
    kind: Array,
    num: Array,
    den: Array,
    state: Array,
    part: int,
    mask: int,
) -> int:
    """Apply fills ``start .. stop`` to ``state`` i64[accounts * contracts, 4].

    Only accounts with ``account & mask == part``, so that threads share one state; they are
    picked a block at a time, without a branch the processor would guess wrong. The body is
    `value_kernels.apply_fill` written into the row. The holding of a fill some way ahead is
    read early, because waiting for memory is most of the cost; the returned number only keeps
    that read from being optimised away.
    """
    ahead = 0
    mine = np.empty(BLOCK, np.int64)
    for block in range(start, stop, BLOCK):
        count = 0
        for i in range(block, min(block + BLOCK, stop)):
            a = account[i] - first_account
            mine[count] = i
            count += (account[i] & mask == part) & (a >= 0) & (a < accounts)
        for k in range(count):
            if k + LOOK_AHEAD < count:
                j = mine[k + LOOK_AHEAD]
                ahead ^= state[(account[j] - first_account) * contracts + contract[j], 0]
            i = mine[k]
            c = contract[i]
            row = (account[i] - first_account) * contracts + c
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
