"""Roll back to a cut-off: every fill after it, of every contract, is undone.

Positions return to what they were at the cut-off. The profit realised and the fees paid since
then are reversed. Money that moved across the venue's border stays moved: deposits and withdrawals
are not undone; what a customer has already moved out is recovered or owed (`outcome.conclude`).
OKEx did so on 30 March 2018, back to the trade of 04:47:54.
"""

from exchange.domain.remedies.facts import Facts, picked
from exchange.domain.remedies.outcome import Outcome, conclude


def roll_back(facts: Facts) -> Outcome:
    """The legs that undo every fill after the cut-off. Raises `NotConserved`."""
    closes = picked(facts.closes, facts.closes.time <= facts.cutoff_us)
    return conclude(facts, facts.cut)._replace(closes=closes)
