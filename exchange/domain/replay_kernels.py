"""Compiled passes over a tape's fills. See `exchange.domain.replay` for what they mean.

State is one row of four int64 per account and contract (quantity, cost, realised, fees), dense,
so that a fill touches one half of a cache line and nothing has to be looked up to find it.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from exchange.domain.kernel import kernel
from exchange.domain.value_kernels import DIRECT, ESTIMATE, apply_fill, corrected

Array = Any

LARGEST_FILL, PRICE_MIN, PRICE_MAX = 0, 1, 2
VOLUME, FEES = 0, 1
BLOCK = 1024
"""Fills picked at a time: their numbers fit into the nearest cache beside the holdings."""
AHEAD = 24
"""How many fills before its turn a holding is asked for: the memory's delay in fills."""


def _prefetch(typing: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line of ``array[index]``, to be written soon; nothing waits for it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        shape = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        ask = builder.module.declare_intrinsic("llvm.prefetch", [byte], shape)
        place = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        builder.call(ask, [place, number(1), number(3), number(1)])  # write, keep, data
        return context.get_dummy_value()

    return types.void(array, types.uint64), code


prefetch: Any = intrinsic(_prefetch)


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
        if time[i] < last or c < 0 or c >= contracts or account[i] < 0 or ticks <= 0 or size < 0:
            return i  # a size below zero: int64 has no opposite of its least number
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
    owner: Array,
    shift: int,
    part: int,
) -> None:
    """Apply fills ``start .. stop`` to ``state`` i64[accounts * contracts * 4].

    Only accounts of which ``owner[(account - first_account) >> shift] == part``, so that threads
    share one state. Fills are picked a block at a time, and applied by one formula for opening,
    closing and flipping, because the processor cannot guess which it will be: with ``closing``
    contracts of the fill going against the position,

        out = value(closing) + half_even(cost * closing / held)
        cost += value(fill) - out            realised -= out

    which is `value_kernels.apply_fill`; that is called where a product might leave int64.
    Indices are unsigned, so that none is tested for being negative.
    """
    mine, rows = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    u64 = np.uint64
    for block in range(start, stop, BLOCK):
        count = u64(0)
        for i in range(u64(block), u64(min(block + BLOCK, stop))):
            a = account[i] - first_account
            inside = (a >= 0) & (a < accounts)
            mine[count] = i
            rows[count] = u64((a * contracts + contract[i]) * 4)
            count += u64(inside & (owner[u64(a >> shift) if inside else u64(0)] == part))
        for k in range(min(count, u64(AHEAD))):
            prefetch(state, rows[k])
        for k in range(count):
            prefetch(state, rows[min(k + u64(AHEAD), count - u64(1))])
            i, row = mine[k], rows[k]
            c = u64(contract[i])
            dq, ticks = quantity[i], price[i]
            held, cost = state[row], state[row + u64(1)]
            against = ((held ^ dq) < 0) & (held != 0)
            closing = min(abs(dq), abs(held)) if against else 0
            inverse = kind[c] == 0
            factor = num[c] if inverse else num[c] * ticks
            divisor = den[c] * ticks if inverse else den[c]
            scale = float(num[c]) * (1.0 if inverse else float(ticks))
            worth = float(abs(dq)) * scale
            carried = float(abs(cost)) * float(closing)
            whole = abs(held) if against else 1
            share = carried / float(whole)
            if (
                (worth < DIRECT)
                & (carried < DIRECT)
                & (worth / float(divisor) < ESTIMATE)
                & (share < ESTIMATE)
            ):
                value = corrected(abs(dq) * factor, worth / float(divisor), divisor)
                closed = value if against else 0
                if against & (abs(dq) > abs(held)):
                    estimate = float(closing) * scale / float(divisor)
                    closed = corrected(closing * factor, estimate, divisor)
                released = corrected(abs(cost) * closing, share, whole)
                positive = (dq > 0) != inverse
                value = value if positive else -value
                out = (closed if positive else -closed) + (-released if cost < 0 else released)
                state[row] = held + dq
                state[row + u64(1)] = cost + value - out
                state[row + u64(2)] -= out
            else:
                state[row], state[row + u64(1)], state[row + u64(2)] = apply_fill(
                    kind[c], num[c], den[c], held, cost, state[row + u64(2)], dq, ticks
                )
            state[row + u64(3)] += fee[i]


@kernel
def gather(state: Array, where: Array, first: int, stop: int, columns: Array) -> None:
    """Copy rows ``where[first .. stop]`` of ``state`` into ``columns`` i64[4, rows]."""
    for i in range(first, stop):
        row = where[i] * 4
        for column in range(4):
            columns[column, i] = state[row + column]
