"""What a remedy does to the fills after the cut-off: which are gone, which have another price."""

import numpy as np

from exchange.domain.holdings import I64
from exchange.domain.remedies import replays
from exchange.domain.remedies.catalogue import Step, band_of
from exchange.domain.remedies.facts import Facts, after_cut
from exchange.domain.remedies.replays import Adjusted

REPLAYED = {"bust": replays.busted, "reprice": replays.repriced}


def adjusted(facts: Facts, step: Step) -> Adjusted:
    """What becomes of each fill after the cut-off under a remedy whose parameters are resolved.

    A rollback busts them all; payments, reinstatement and settlement leave them as they are.
    """
    if step.remedy in REPLAYED:
        return REPLAYED[step.remedy](facts, band_of(facts, step.parameters))
    first, fills = after_cut(facts)
    gone = np.full(len(fills.seq), step.remedy == "rollback")
    return Adjusted(first, fills, gone, np.zeros(len(fills.seq), np.int64))


def count(touched: Adjusted) -> dict[str, int]:
    """How many trades are gone and how many have another price; a fill whose trade is not known
    counts as one."""
    return {
        name: _trades(touched.fills.trade[rows])
        for name, rows in (("busted", touched.busted), ("repriced", touched.price != 0))
    }


def _trades(numbers: I64) -> int:
    known = numbers[numbers != 0]
    return int(np.unique(known).size + (numbers.size - known.size))
