"""Remedies that are trades with the house: give positions back, or settle a market at a price.

Both are replayed as fills like any other, the house on the other side of each, so rounding and
conservation are those of every trade: what the rounding leaves is the house's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from exchange.domain.holdings import I64, Fills
from exchange.domain.remedies.facts import Facts, counterparty, picked, wrong
from exchange.domain.remedies.outcome import Outcome, conclude
from exchange.domain.remedies.rows import (
    GOODWILL,
    HOUSE,
    REFUNDED,
    paid_from,
)
from exchange.domain.replay import replay
from exchange.domain.valuation import each_value

LONG, SHORT = 1, -1


class Settlement(NamedTuple):
    """``price`` closes every position of ``contract``; then those on ``side`` (1 long, -1 short)
    are paid as if closed at ``refund_price``, unless flagged. Prices in ticks."""

    contract: int
    price: int
    refund_price: int
    side: int


def reinstate(facts: Facts, chosen: npt.NDArray[np.bool_] | None = None) -> Outcome:
    """Give wrongly liquidated customers their positions back, the house on the other side.

    Each is a trade with the house at the price of the take-over, so the customer has again the
    profit and the loss since then; the fee of the close is returned. ``chosen`` bool[close] narrows
    the wrong closes down. Raises `FactsRefused`, `NotConserved`, `TapeTooLarge`.
    """
    closes = facts.closes
    given = wrong(closes) & facts.customer[closes.account] & ~facts.flagged[closes.account]
    if chosen is not None:
        given &= chosen
    if not given.any():
        return conclude(facts, facts.end)
    back = picked(closes, given)
    made = _traded(facts, back.account, back.contract, back.quantity, back.price, -back.fee)
    return made._replace(closes=picked(closes, ~given))


def settle(facts: Facts, settlement: Settlement) -> Outcome:
    """Close every position of a contract at one price, then refund one side at a better one.

    Hyperliquid settled JELLY at 0.0095 on 26 March 2025 and then refunded longs as if settled at
    0.037555; flagged addresses were left out. The refund is ``q * (v(refund) - v(price))``, two
    values rounded half to even, paid from house funds; never below zero.
    Raises `FactsRefused`, `NotConserved`, `TapeTooLarge`.
    """
    end, house = facts.end, counterparty(facts)
    held = (end.contract == settlement.contract) & (end.quantity != 0) & (end.account != house)
    account, quantity = end.account[held], end.quantity[held]
    contract = np.full(account.size, settlement.contract, np.int16)
    price = np.full(account.size, settlement.price, np.int64)
    refunds = np.zeros(facts.wallets.futures.shape, np.int64)
    entitled = facts.customer[account] & ~facts.flagged[account]
    entitled &= np.sign(quantity) == settlement.side
    better = np.full(account.size, settlement.refund_price, np.int64)
    gained = each_value(facts.specs, contract, quantity, better)
    gained -= each_value(facts.specs, contract, quantity, price)
    np.add.at(
        refunds,
        (account[entitled], facts.asset_of[contract[entitled]]),
        np.maximum(gained[entitled], 0),
    )
    payments = paid_from(HOUSE, GOODWILL, REFUNDED, refunds)
    return _traded(facts, account, contract, -quantity, price, np.zeros_like(price), payments)


def _traded(
    facts: Facts,
    account: npt.NDArray[np.int32],
    contract: npt.NDArray[np.int16],
    quantity: I64,
    price: I64,
    fee: I64,
    payments: I64 | None = None,
) -> Outcome:
    """What trades of these accounts with the house at the end of the tape lead to."""
    house = counterparty(facts)
    two = np.arange(2 * account.size, dtype=np.int64)
    owner = np.full(two.size, house, np.int32)
    owner[::2] = account
    sides: Sequence[I64] = (quantity, -quantity)
    charged = np.zeros(two.size, np.int64)
    charged[::2] = fee
    fills = Fills(
        seq=two,
        time=np.zeros(two.size, np.int64),
        contract=np.repeat(contract, 2).astype(np.int16),
        account=owner,
        quantity=np.stack(sides, axis=1).reshape(-1),
        price=np.repeat(price, 2),
        fee=charged,
        trade=two // 2 + 1,
        order=np.zeros(two.size, np.int64),
        flags=np.zeros(two.size, np.uint8),
    )
    (target,) = replay(facts.end, fills, facts.specs, [0])
    return conclude(facts, target, payments)
