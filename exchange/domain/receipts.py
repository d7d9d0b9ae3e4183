"""The sum behind a forced close, as a customer can read it and anyone can do again.

Every number is a decimal string: amounts in coins, prices in the quote currency. `ratio` is equity
over maintenance margin, cut (not rounded) to four places; the position is closed at or below
`threshold`. `prints` are the last trades of the contract up to the moment judged: what moved the
price there.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from exchange.domain.replay import I64, Fills
from exchange.domain.value import ContractSpec
from exchange.domain.verdicts import NAMES, NONE, Verdicts

PRINTS = 5
THRESHOLD = "1.0000"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def amount(units: int, decimals: int) -> str:
    """Minor units as a decimal string with all its places."""
    sign, size = "-" if units < 0 else "", abs(units)
    if decimals == 0:
        return f"{sign}{size}"
    whole, rest = divmod(size, 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}"


def price(ticks: int, tick: Decimal) -> str:
    """A price in the quote currency, exact to the tick."""
    return format(tick * ticks, "f")


def ratio(equity: int, maintenance: int) -> str | None:
    """Equity over maintenance to four places, towards zero; None where nothing is required."""
    if maintenance == 0:
        return None
    size = abs(equity) * 10_000 // maintenance
    sign = "-" if equity < 0 and size else ""
    return f"{sign}{size // 10_000}.{size % 10_000:04d}"


def moment(microseconds: int) -> str:
    """ISO 8601 in UTC, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()


class Prints:
    """The trades of each contract in order of time, to look the last ones up."""

    def __init__(self, fills: Fills, contracts: int) -> None:
        # Both sides of a trade are rows; the buyer's stands for it, or the seller's if alone.
        order = np.lexsort((-fills.quantity, fills.trade, fills.time))
        trade = fills.trade[order]
        again = np.zeros(order.size, np.bool_)
        again[1:] = (trade[1:] == trade[:-1]) & (trade[1:] != 0)
        order = order[~again]
        of = fills.contract[order]
        self._rows = [order[of == contract] for contract in range(contracts)]
        self._times = [fills.time[rows] for rows in self._rows]
        self._fills = fills

    def last(self, contract: int, until_us: int, tick: Decimal) -> list[dict[str, str]]:
        """The last `PRINTS` trades up to and at a time, oldest first."""
        rows = self._rows[contract]
        stop = int(np.searchsorted(self._times[contract], until_us, side="right"))
        fills = self._fills
        return [
            {
                "at": moment(int(fills.time[row])),
                "price": price(int(fills.price[row]), tick),
                "quantity": str(abs(int(fills.quantity[row]))),
            }
            for row in rows[max(0, stop - PRINTS) : stop].tolist()
        ]


def losses(verdicts: Verdicts) -> I64:
    """What each wrong close took: the unit's equity at the fair reference, minor units.

    A unit of several positions lost its equity once: the first of its rows at that second carries
    it, the others nothing. Nothing where the close was due at both prices, or missed, or the
    equity was gone.
    """
    wrong = np.isin(verdicts.verdict, [NAMES.index("due_printed_only"), NAMES.index("not_due")])
    wrong &= (verdicts.equity_fair > 0) & (verdicts.second != NONE)
    rows = np.flatnonzero(wrong)
    unit = np.stack(
        (
            verdicts.account[rows].astype(np.int64),
            verdicts.asset[rows],
            verdicts.second[rows],
            verdicts.equity_fair[rows],
        ),
        axis=1,
    )
    _, first = np.unique(unit, axis=0, return_index=True)
    result: npt.NDArray[np.int64] = np.zeros(verdicts.verdict.size, np.int64)
    result[rows[first]] = verdicts.equity_fair[rows[first]]
    return result


def receipt(
    verdicts: Verdicts,
    row: int,
    spec: ContractSpec,
    times: I64,
    recorded_us: int | None,
    loss: int,
    prints: Prints,
    rules: str,
) -> dict[str, Any]:
    """The receipt of one verdict."""
    v = verdicts
    second = int(v.second[row])
    judged = int(times[second]) if second != NONE else recorded_us
    taken = int(v.price[row])
    found: dict[str, Any] = {
        "rules": rules,
        "contract": spec.symbol,
        "asset": spec.settle,
        "quantity": str(int(v.quantity[row])),
        "price": price(taken, spec.tick) if recorded_us is not None else None,
        "recorded_at": moment(recorded_us) if recorded_us is not None else None,
        "judged_at": moment(judged) if judged is not None and second != NONE else None,
        "threshold": THRESHOLD,
        "loss": amount(loss, spec.scale),
        "prints": prints.last(int(v.contract[row]), judged, spec.tick) if judged else [],
    }
    for side, ticks, equity, maintenance, due in (
        ("printed", v.printed, v.equity_printed, v.maintenance_printed, v.due_printed),
        ("fair", v.fair, v.equity_fair, v.maintenance_fair, v.due_fair),
    ):
        due_at = int(due[row])
        found[side] = {
            "mark": price(int(ticks[row]), spec.tick),
            "equity": amount(int(equity[row]), spec.scale),
            "maintenance": amount(int(maintenance[row]), spec.scale),
            "ratio": ratio(int(equity[row]), int(maintenance[row])),
            "due_at": moment(int(times[due_at])) if due_at != NONE else None,
        }
    return found
