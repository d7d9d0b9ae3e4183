"""The drill market: a simulated exchange that makes an incident bundle of any size.

Seeded and deterministic. Order books, makers, customers, forced liquidations, wallets: what
comes out is a tape like a venue's, in the format of `docs/formats/bundle.md`. Amounts are
booked with the engine's own integer arithmetic, so recomputing the tape agrees to the unit.

    generate("okex-2018", accounts=2_000, fills=50_000, seed=1, out=path, progress=told)
"""

from collections.abc import Callable
from pathlib import Path


def generate(
    scenario: str,
    accounts: int,
    fills: int,
    seed: int,
    out: Path,
    progress: Callable[[str, int, int], None],
) -> Path:
    """Write a bundle folder to ``out``; see `exchange.drill.rehearsal.generate`."""
    from exchange.drill import rehearsal  # loads the compiler

    return rehearsal.generate(scenario, accounts, fills, seed, out, progress)
