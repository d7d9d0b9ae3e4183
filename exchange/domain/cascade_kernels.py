"""Compiled passes over the prints of one side of a market. See `exchange.domain.cascade`.

A print is made by one mover, or by several closes whose contracts the fund sold in one trade;
then ``mover`` is -1 and the parts of the print begin at ``piece``, ``many`` of them.
"""

from typing import Any

from exchange.domain.kernel import kernel

Array = Any

SALE = -2
NOBODY = -1


@kernel
def match(
    key: Array, quantity: Array, lot: Array, head: Array, tail: Array, follow: Array,
    owner: Array, left: Array, pieces: Array,
) -> int:  # fmt: skip
    """First in, first out: which lot each sale sold; the number of pieces written.

    Events are in the tape's order. ``lot`` is the close whose position came in, `NOBODY` for a
    position of no recorded close, `SALE` for a trade in the market. What comes in on the other
    side is set off against the oldest lots and was never sold. ``head`` and ``tail`` (-1: empty)
    are the queues by ``key``; a piece is (event, close or `NOBODY`, contracts).
    """
    lots, written = 0, 0
    for event in range(key.shape[0]):
        k, rest = key[event], quantity[event]
        while rest != 0 and head[k] >= 0 and (left[head[k]] > 0) != (rest > 0):
            at = head[k]
            used = min(abs(rest), abs(left[at]))
            if lot[event] == SALE:
                pieces[written, 0], pieces[written, 1] = event, owner[at]
                pieces[written, 2] = used
                written += 1
            taken = used if rest > 0 else -used
            left[at] += taken
            rest -= taken
            if left[at] == 0:
                head[k] = follow[at]
        if rest == 0:
            continue
        if lot[event] == SALE:
            pieces[written, 0], pieces[written, 1] = event, NOBODY
            pieces[written, 2] = abs(rest)
            written += 1
            continue
        owner[lots], left[lots], follow[lots] = lot[event], rest, -1
        if head[k] < 0:
            head[k] = lots
        else:
            follow[tail[k]] = lots
        tail[k] = lots
        lots += 1
    return written


@kernel
def attribute(
    price: Array, mover: Array, piece: Array, many: Array, owner: Array, share: Array,
    first: Array, stop: Array, before: Array, at: Array, side: int, unprinted: int, parts: Array,
) -> int:  # fmt: skip
    """Share out moves among the prints that made each new extreme; the number of parts written.

    Move ``m`` goes from ``before`` to ``at`` ticks (down for ``side`` -1) over the prints
    ``first .. stop``. A part is (move, print, mover, ticks); those of a move sum to it. What no
    print explains is a part of ``unprinted`` with print -1. A print of several closes is shared
    by contracts, cumulatively rounded down, so that no tick is lost.
    """
    written = 0
    for m in range(first.shape[0]):
        run = before[m] * side
        end = at[m] * side
        for k in range(first[m], stop[m]):
            reached = min(price[k] * side, end)
            gained = reached - run
            if gained <= 0:
                continue
            run = reached
            if mover[k] >= 0:
                parts[written, 0], parts[written, 1] = m, k
                parts[written, 2], parts[written, 3] = mover[k], gained
                written += 1
                continue
            whole = 0
            for p in range(piece[k], piece[k] + many[k]):
                whole += share[p]
            sold, given = 0, 0
            for p in range(piece[k], piece[k] + many[k]):
                sold += share[p]
                upto = gained * sold // whole
                if upto > given:
                    parts[written, 0], parts[written, 1] = m, k
                    parts[written, 2], parts[written, 3] = owner[p], upto - given
                    written += 1
                given = upto
        if run < end:
            parts[written, 0], parts[written, 1] = m, -1
            parts[written, 2], parts[written, 3] = unprinted, end - run
            written += 1
    return written


@kernel
def own_moves(
    price: Array, mover: Array, piece: Array, many: Array, owner: Array, share: Array,
    node: Array, first: Array, stop: Array, before: Array, side: int, moved: Array,
) -> None:  # fmt: skip
    """Ticks by which each node's own prints set new extremes, from ``before`` on.

    Over the prints ``first .. stop``, which are its first and its last; extremes that others
    set in between are theirs. A print of several closes counts in the share of this one.
    """
    for n in range(node.shape[0]):
        run = before[n] * side
        for k in range(first[n], stop[n]):
            gained = price[k] * side - run
            if gained <= 0:
                continue
            run = price[k] * side
            if mover[k] >= 0:
                continue
            whole, own = 0, 0
            for p in range(piece[k], piece[k] + many[k]):
                whole += share[p]
                if owner[p] == node[n]:
                    own += share[p]
            if own > 0:
                moved[n] += gained * own // whole
