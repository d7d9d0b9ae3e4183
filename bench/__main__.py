"""Run the benchmarks: `python -m bench` for all, `python -m bench engine` for one.

A benchmark is a module of this folder with `run(options)`; it prints its tables.
"""

import argparse
import pkgutil
from importlib import import_module
from pathlib import Path

import bench
from bench.timing import Options

SUPPORT = {"timing", "peers", "markets", "books", "hordak_peer"}


def names() -> list[str]:
    """The benchmarks there are: every module with a `run`, but for the ones they share."""
    modules = pkgutil.iter_modules([str(Path(bench.__file__).parent)])
    return sorted(m.name for m in modules if not m.name.startswith("_") and m.name not in SUPPORT)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names())}")
    parser.add_argument("--rounds", type=int, default=5, help="turns each case takes (5)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the inputs (1.0)")
    parser.add_argument("--large", action="store_true", help="also what needs minutes and GiB")
    given = parser.parse_args()
    unknown = set(given.names) - set(names())
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(names())}")
    options = Options(rounds=given.rounds, scale=given.scale, large=given.large)
    for name in given.names or names():
        module = import_module(f"bench.{name}")
        if hasattr(module, "run"):
            module.run(options)


if __name__ == "__main__":
    main()
