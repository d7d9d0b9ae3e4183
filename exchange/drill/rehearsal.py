"""Plays a scenario second by second, checks what came out and writes the bundle.

What is promised of every bundle, and asserted here before anything is written: exactly the
asked number of fill rows; per contract all positions and all ``cost - realised`` sum to
what they were at the start, zero; no wallet of a customer below zero; the published prices
hit; at least one wrong and one missed liquidation.
"""

from pathlib import Path

from exchange.drill import state
from exchange.drill.market import run
from exchange.drill.refusals import DrillFailed
from exchange.drill.stage import Progress, Stage, set_up

STEP_SECONDS = 300
"""Progress is told this often, in seconds of market time."""


def generate(
    scenario: str, accounts: int, fills: int, seed: int, out: Path, progress: Progress
) -> Path:
    """Play ``scenario`` with so many customer accounts and fill rows; write it to ``out``.

    ``out`` is created if needed. Same arguments, same bytes. Raises `DrillRefused`,
    `scenarios.ScenarioUnknown`, `DrillFailed`.
    """
    from exchange.drill.bundle import write_bundle

    stage = set_up(scenario, accounts, fills, seed, progress)
    play(stage, progress)
    check(stage)
    return write_bundle(stage, out, progress)


def play(stage: Stage, progress: Progress) -> None:
    """Run the market from its first second to its last."""
    last = stage.scenario.SECONDS
    stage.script.prices["mark"][0] = stage.market.terms["last"]
    for first in range(1, last + 1, STEP_SECONDS):
        until = min(last, first + STEP_SECONDS - 1)
        failed = run(stage.market, stage.script, stage.cast, first, until)
        if failed:
            raise DrillFailed(f"second {failed}: the published price could not be traded")
        progress("Playing the market", until, last)


def check(stage: Stage) -> None:
    """Assert what is promised of every bundle. Raises `DrillFailed`."""
    m, rows = stage.market, len(stage.people.rows)
    problems = []
    count = m.count
    if count[state.N_TRADES] != count[state.TRADES_MOST]:
        problems.append(f"{count[state.N_TRADES]} trades of {count[state.TRADES_MOST]}")
    if m.positions["quantity"].sum(axis=0).any():
        problems.append("positions do not balance")
    if (m.positions["cost"] - m.positions["realised"]).sum(axis=0).any():
        problems.append("cost and realised do not balance")
    people = slice(0, rows - 2)
    if (m.wallets["cash"][people] < 0).any() or (m.wallets["funding"][people] < 0).any():
        problems.append("a customer's wallet is below zero")
    if count[state.N_UNPRICED]:
        problems.append(f"{count[state.N_UNPRICED]} accounts could not be taken over")
    if count[state.N_WRONG] < 1 or count[state.N_MISSED] < 1:
        problems.append("no wrong or no missed liquidation")
    problems += stage.scenario.broken_promises(stage.script.prices["mark"], stage.prices)
    if problems:
        raise DrillFailed("; ".join(problems))
