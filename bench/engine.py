"""The engine beside memory: replay and liquidation search.

The limit of a table is one copy of the input columns in memory by NumPy. Fills a second of the
peers come from smaller inputs (said in the table), counted work for work.
"""

import numpy as np

from bench import peers
from bench.markets import contracts, crash, cross_accounts, zipf_tape
from bench.timing import Case, Options, Row, claim, console, copy_of, in_turns, show
from exchange.domain.isolated import Positions, reached
from exchange.domain.liquidation import first_crossings
from exchange.domain.replay import Fills, empty_holdings, replay

CUTOFF_US = 2_700_000_000
END_US = 10**15
CONTRACTS = 3


def run(options: Options) -> None:
    """All tables, then the numbers to reach."""
    replaying(options)
    isolated(options)
    cross(options)


def replaying(options: Options) -> None:
    """Positions, cost, realised and fees at the cut-off and at the end."""
    size, specs = options.size(5_000_000), contracts(CONTRACTS)
    fills = zipf_tape(size, options.size(100_000), CONTRACTS)
    size = fills.seq.size
    instants = [CUTOFF_US, END_US]
    small = {
        "Python integers": (options.size(200_000), lambda f: peers.python_replay(f, specs)),
        "vectorbt, one account": (options.size(500_000), peers.vectorbt_positions),
        "nautilus_trader, 50 a position": (options.size(50_000), peers.nautilus_positions),
    }
    notes = {
        "NumPy bincount": "sums only, floats",
        "DuckDB group by": "sums only, floats, two threads",
        "vectorbt, one account": "floats, one state",
        "nautilus_trader, 50 a position": "events ready-made",
    }
    cases: dict[str, Case | None] = {
        "copy of the fill columns": copy_of(list(fills[1:7])),
        "makewhole, one thread": lambda: replay(empty_holdings(), fills, specs, instants),
        "makewhole, two threads": lambda: replay(
            empty_holdings(), fills, specs, instants, workers=2
        ),
        "NumPy bincount": peers.numpy_sums(fills, specs),
        "DuckDB group by": peers.duckdb_sums(fills),
    }
    units = dict.fromkeys(cases, size)
    for name, (part, make) in small.items():
        cases[name] = make(Fills(*(column[:part] for column in fills)))
        units[name] = part
    best = _present(cases, options)
    rows = [Row(name, seconds, units[name], notes.get(name, "")) for name, seconds in best.items()]
    show(f"Replay, {size:,} fills, exact, state at two instants", rows[1:], rows[0], "fills")
    speed = {row.name: row.units / row.seconds for row in rows}
    mine = speed["makewhole, one thread"]
    claim("replay in copies of its columns", speed[rows[0].name] / mine, 12)
    for name, bound in (("nautilus_trader, 50 a position", 40), ("vectorbt, one account", 8)):
        if name in speed:
            claim(f"replay over {name}", mine / speed[name], bound, at_least=True)


def isolated(options: Options) -> None:
    """A million fixed-margin positions against 90 minutes of marks."""
    size, [spec] = options.size(1_000_000), contracts(1)
    random = np.random.default_rng(5)
    quantity = random.integers(1, 500, size) * random.choice([-1, 1], size)
    cost = -(quantity * spec.num) // random.integers(500_000, 800_000, size)
    leverage, marks = random.choice([10, 20], size), crash()
    positions = Positions(quantity, cost, leverage, quantity[:0])
    few = options.size(2000)
    rows = list(zip(*(c[:few].tolist() for c in positions[:3]), strict=True))
    arguments = (quantity, cost, leverage, marks, spec.num)
    cases: dict[str, Case | None] = {
        "copy of the position columns": copy_of(list(positions[:3])),
        "makewhole, one thread": lambda: reached(positions, spec, marks),
        "makewhole, two threads": lambda: reached(positions, spec, marks, workers=2),
        "NumPy searchsorted": peers.numpy_isolated(*arguments),
        "DuckDB ASOF": peers.duckdb_isolated(*arguments),
        "Python, second by second": peers.python_isolated(spec, rows, marks),
    }
    best = _present(cases, options)
    notes = {"NumPy searchsorted": "floats", "DuckDB ASOF": "floats, two threads"}
    lines = [
        Row(name, seconds, few if name.startswith("Python") else size, notes.get(name, ""))
        for name, seconds in best.items()
    ]
    show(f"Isolated search, {size:,} positions x {marks.size} s", lines[1:], lines[0], "positions")
    ratio = best["makewhole, two threads"] / best["copy of the position columns"]
    claim("isolated search in copies of its columns, two threads", ratio, 5)


def cross(options: Options) -> None:
    """Cross accounts of four positions: the whole call, books and findings included."""
    accounts = options.size(250_000)
    market = cross_accounts(accounts, 4)
    columns = [*market.opening[:4], market.cash]
    cases: dict[str, Case | None] = {
        "copy of the position columns": copy_of(columns),
        "makewhole, one thread": lambda: first_crossings(*market),
        "makewhole, two threads": lambda: first_crossings(*market, workers=2),
    }
    best = _present(cases, options)
    lines = [Row(name, seconds, accounts) for name, seconds in best.items()]
    show(f"Cross search, {accounts:,} accounts x 4 x 5,400 s", lines[1:], lines[0], "accounts")
    claim("cross search in seconds, two threads", best["makewhole, two threads"], 0.2)


def _present(cases: dict[str, Case | None], options: Options) -> dict[str, float]:
    """Time the cases there are, in turns; name the others."""
    missing = [name for name, case in cases.items() if case is None]
    if missing:
        console.print(f"not installed (bench/requirements.txt): {', '.join(missing)}")
    return in_turns({name: case for name, case in cases.items() if case}, options.rounds)
