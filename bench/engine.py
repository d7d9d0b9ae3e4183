"""The engine beside memory: replay, liquidation search, Parquet to a digest, memory.

The limit of a table is one copy of the input columns in memory by NumPy. Fills a second of the
peers come from smaller inputs (said in the table), counted work for work.
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import peers
from bench.markets import contracts, crash, cross_accounts, zipf_tape
from bench.timing import Case, Options, Row, claim, console, in_turns, show
from exchange.domain.isolated import Positions, reached
from exchange.domain.liquidation import first_crossings
from exchange.domain.replay import Fills, empty_holdings, replay, state_digest

CUTOFF_US = 2_700_000_000
END_US = 10**15
CONTRACTS = 3


def run(options: Options) -> None:
    """All tables, then the numbers to reach."""
    replaying(options)
    isolated(options)
    cross(options)
    stage(options)
    memory(options)


def copy_of(columns: list[np.ndarray]) -> Case:
    """The limit: the same bytes moved once, into memory that is already there."""
    targets = [np.empty_like(column) for column in columns]

    def run() -> None:
        for target, column in zip(targets, columns, strict=True):
            np.copyto(target, column)

    return run


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


def stage(options: Options) -> None:
    """From Parquet on disk to the digest of the end state."""
    size, specs = options.size(5_000_000), contracts(CONTRACTS)
    fills = zipf_tape(size, options.size(100_000), CONTRACTS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fills.parquet"
        pq.write_table(pa.table(fills._asdict()), path, row_group_size=2**20)
        cases: dict[str, Case | None] = {
            "copy of the fill columns": copy_of(list(fills[1:7])),
            "one worker": lambda: _digest_of(path, specs, 1),
            "two workers": lambda: _digest_of(path, specs, 2),
        }
        best = _present(cases, options)
    lines = [Row(name, seconds, fills.seq.size) for name, seconds in best.items()]
    show("Parquet to the digest of the end state", lines[1:], lines[0], "fills")
    claim("Parquet to digest in seconds", best["one worker"], 3)
    claim("two workers over one", best["one worker"] / best["two workers"], 1.6, at_least=True)


def load(path: Path, workers: int = 1) -> Fills:
    """The columns a replay reads, straight from Parquet, a column a thread; no others."""
    names = list(Fills._fields[1:7])

    def column(name: str) -> np.ndarray:
        return pq.read_table(path, columns=[name], use_threads=False).column(0).to_numpy()

    with ThreadPoolExecutor(workers) as pool:
        found = dict(zip(names, pool.map(column, names), strict=True))
    none = np.zeros(0, np.int64)
    return Fills(seq=none, trade=none, order=none, flags=none.astype(np.uint8), **found)


def _digest_of(path: Path, specs: list, workers: int) -> str:
    [state] = replay(empty_holdings(), load(path, workers), specs, [END_US], workers=workers)
    return state_digest(state)


def memory(options: Options) -> None:
    """Peak memory of the whole stage in a process of its own, per fill, at two sizes."""
    sizes = [options.size(1_000_000), options.size(5_000_000)]
    with tempfile.TemporaryDirectory() as folder:
        peaks = []
        for size in sizes:
            path = Path(folder) / f"{size}.parquet"
            fills = zipf_tape(size, options.size(100_000), CONTRACTS)
            pq.write_table(pa.table(fills._asdict()), path, row_group_size=2**20)
            peaks.append(_peak(path))
        if options.large:
            _in_shards(Path(folder), options)
    per_fill = (peaks[1] - peaks[0]) / (sizes[1] - sizes[0])
    console.print(f"peak {peaks[0] / 2**20:,.0f} and {peaks[1] / 2**20:,.0f} MiB")
    claim("bytes of memory for each further fill, Parquet to digest", per_fill, 200)


def _peak(path: Path) -> int:
    """Peak resident bytes of a fresh process that takes the tape to its digest."""
    code = f"from bench.engine import peak; peak({str(path)!r})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1])


def peak(path: str) -> None:
    """Run the stage once and print the peak memory of this process."""
    _digest_of(Path(path), contracts(CONTRACTS), 1)
    status = Path("/proc/self/status").read_text()  # ru_maxrss would remember the parent
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    print(int(line.split()[1]) * 1024)


def _in_shards(folder: Path, options: Options) -> None:
    """Ten times the tape, a shard of the accounts at a time."""
    shards, size = 8, options.size(50_000_000)
    peaks = []
    for shard in range(shards):
        path = folder / f"shard-{shard}.parquet"
        fills = zipf_tape(size // shards, options.size(100_000) // shards, CONTRACTS, seed=shard)
        pq.write_table(pa.table(fills._asdict()), path, row_group_size=2**20)
        peaks.append(_peak(path))
        path.unlink()
    claim(f"GiB for {size:,} fills in {shards} shards", max(peaks) / 2**30, 8)


def _present(cases: dict[str, Case | None], options: Options) -> dict[str, float]:
    """Time the cases there are, in turns; name the others."""
    missing = [name for name, case in cases.items() if case is None]
    if missing:
        console.print(f"not installed (bench/requirements.txt): {', '.join(missing)}")
    return in_turns({name: case for name, case in cases.items() if case}, options.rounds)
