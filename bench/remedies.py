"""All remedies on the largest incident that is loaded, from frozen facts to drafts and summaries.

Loads nothing itself: point MAKEWHOLE_DATA at a data folder with an incident, for instance one that
`manage.py drill okex-2018 --accounts 100000 --fills 5000000` made. Writes nothing. The limit is one
copy of the tape's fill columns in memory, which every remedy that replays has to read.
"""

import resource
import time

from bench.pages import largest, start
from bench.timing import Options, Row, claim, console, show

SECONDS_MAX = 90.0


def run(options: Options) -> None:
    """Seconds of freezing the facts and of each remedy, the best of `rounds`."""
    start()
    from backoffice.services import comparisons, remedies

    incident = largest()
    if incident is None:
        return
    console.print(f"{incident.tape.accounts:,} accounts, {incident.tape.fills:,} fills")

    def say(stage: str, done: int, total: int) -> None:
        """Nobody watches a benchmark."""

    froze, best, digests = float("inf"), {}, set()
    for _ in range(min(options.rounds, 3)):
        began = time.perf_counter()
        past = remedies.freeze(incident, incident.effective_cutoff, say)
        froze = min(froze, time.perf_counter() - began)
        made = list(comparisons.compute(past, comparisons.SCENARIOS, say))
        for one in made:
            name = "+".join(step.remedy for step in one.steps)
            best[name] = min(best.get(name, float("inf")), one.seconds)
        digests.add(tuple(comparisons.described(past, one)[1]["content"]["cash"] for one in made))
    fills = past.facts.fills
    limit = Row("a copy of the fills", _copy(fills), len(fills.seq))
    found = [Row("freezing the facts", froze, len(fills.seq))]
    found += [Row(name, seconds, len(fills.seq)) for name, seconds in best.items()]
    show("Remedies side by side", found, limit, "fills")
    eight = sum(seconds for name, seconds in best.items() if "+" not in name)
    claim("eight remedies with their summaries, seconds", eight, SECONDS_MAX)
    claim("different legs from run to run", len(digests) - 1, 0)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    console.print(f"largest memory {peak:.2f} GiB")


def _copy(fills: tuple) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for column in fills:
            column.copy()
        best = min(best, time.perf_counter() - began)
    return best
