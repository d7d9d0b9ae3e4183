"""The whole stage: a stored tape to the digest of its end state, by workers; memory by size.

The stage is what the desk runs: `store.load` of the fills, `replay`, `state_digest`. One worker and
two are the same code with another number, in turns. With ``--large``, a tape of 50,000,000 fills is
cut into shards of accounts, each shard is replayed by a process of its own, and the merged state is
compared with that of the tape taken whole.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.markets import contracts, zipf_tape
from bench.timing import Case, Options, Row, claim, console, copy_of, in_turns, show
from exchange.domain.replay import (
    Fills,
    Holdings,
    empty_holdings,
    merge,
    replay,
    shard_of,
    state_digest,
)
from exchange.tape import store

CONTRACTS = 3
END_US = 10**15
SHARDS = 8


class Ran(NamedTuple):
    """What a process that took a tape to its digest said at its end."""

    digest: str
    peak: int
    """Bytes, of this process alone."""
    seconds: float


def run(options: Options) -> None:
    """Seconds by workers, then memory."""
    with scratch() as folder:
        by_workers(options)
        memory(options)
        if options.large:
            in_shards(folder, options)


@contextmanager
def scratch() -> Iterator[Path]:
    """A data folder of its own for the tapes, deleted at the end."""
    before = os.environ.get("MAKEWHOLE_DATA")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MAKEWHOLE_DATA"] = folder
        try:
            yield Path(folder)
        finally:
            del os.environ["MAKEWHOLE_DATA"]
            if before is not None:
                os.environ["MAKEWHOLE_DATA"] = before


def stored(fills: Fills) -> str:
    """A tape of fills and nothing else, in the store; its digest."""
    tables = {name: _empty(kind) for name, kind in store.TABLES.items()}
    specs = contracts(CONTRACTS)
    return store.save({"manifest": {}, "specs": specs, **tables, "fills": fills}).digest


def _empty(kind: type) -> object:
    """A table without rows: no texts, no numbers."""
    fields = kind.__annotations__.values()
    none = np.zeros(0, np.int64)
    return kind(*(() if "str" in str(field) else none for field in fields))


def digest_of(tape: str, workers: int) -> str:
    """The stage."""
    return state_digest(state_of(tape, workers))


def state_of(tape: str, workers: int) -> Holdings:
    """The end state of a stored tape."""
    found = store.load(tape, ["fills"], verify=False, threads=workers > 1)
    [state] = replay(empty_holdings(), found.fills, found.specs, [END_US], workers=workers)
    return state


def by_workers(options: Options) -> None:
    """One worker and two, beside one copy of all columns of the fills."""
    fills = zipf_tape(options.size(5_000_000), options.size(100_000), CONTRACTS)
    tape = stored(fills)
    cases: dict[str, Case] = {
        "copy of the fill columns": copy_of(list(fills)),
        "one worker": lambda: digest_of(tape, 1),
        "two workers": lambda: digest_of(tape, 2),
    }
    best = in_turns(cases, 3 * options.rounds)  # short, and the machine is rarely all ours
    lines = [Row(name, seconds, fills.seq.size) for name, seconds in best.items()]
    show("Parquet to the digest of the end state", lines[1:], lines[0], "fills")
    claim("Parquet to digest in seconds, one worker", best["one worker"], 3)
    claim("two workers over one", best["one worker"] / best["two workers"], 1.6, at_least=True)


def memory(options: Options) -> None:
    """Peak memory of the whole stage in a process of its own, per fill, at two sizes."""
    sizes = [options.size(1_000_000), options.size(5_000_000)]
    accounts = options.size(100_000)
    peaks = [_alone(stored(zipf_tape(size, accounts, CONTRACTS))).peak for size in sizes]
    console.print(f"peak {peaks[0] / 2**20:,.0f} and {peaks[1] / 2**20:,.0f} MiB")
    per_fill = (peaks[1] - peaks[0]) / (sizes[1] - sizes[0])
    claim("bytes of memory for each further fill, Parquet to digest", per_fill, 200)


def in_shards(folder: Path, options: Options) -> None:
    """Ten times the tape: whole, and a shard of the accounts at a time, to the same digest."""
    fills = zipf_tape(options.size(50_000_000), options.size(100_000), CONTRACTS)
    size = fills.seq.size
    whole = stored(fills)
    shard = shard_of(fills.account) % SHARDS
    tapes = [stored(Fills(*(column[shard == k] for column in fills))) for k in range(SHARDS)]
    del fills, shard
    begun = time.perf_counter()
    parts = [_alone(tape, folder / f"{k}.npz") for k, tape in enumerate(tapes)]
    states = []
    for k in range(SHARDS):
        with np.load(folder / f"{k}.npz") as columns:
            states.append(Holdings(**columns))
    digest = state_digest(merge(states))
    taken = time.perf_counter() - begun
    once = _alone(whole)
    console.print(
        f"{size:,} fills: {taken:.1f} s in {SHARDS} processes, one after another and starting them"
        f" included; {once.seconds:.2f} s and {once.peak / 2**30:.2f} GiB in one piece"
    )
    if digest != once.digest:
        raise AssertionError(f"the shards have {digest}, the tape in one piece {once.digest}")
    peak = max(part.peak for part in parts)
    claim(f"GiB for {size:,} fills in {SHARDS} shards, the same digest", peak / 2**30, 8)
    claim(f"GiB for {size:,} fills in one piece", once.peak / 2**30, 8)


def _alone(tape: str, state: Path | None = None) -> Ran:
    """Take a tape to its digest in a fresh process; keep its state in a file if one is named."""
    code = f"from bench.stage import alone; alone({tape!r}, {str(state) if state else None!r})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    digest, peak, seconds = done.stdout.split()
    return Ran(digest, int(peak), float(seconds))


def alone(tape: str, path: str | None) -> None:
    """Run the stage once and print its digest, this process's peak memory and the seconds."""
    begun = time.perf_counter()
    state = state_of(tape, 1)
    digest = state_digest(state)
    seconds = time.perf_counter() - begun
    status = Path("/proc/self/status").read_text()  # ru_maxrss would remember the parent
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    if path:
        np.savez(path, **state._asdict())
    print(digest, int(line.split()[1]) * 1024, seconds)
