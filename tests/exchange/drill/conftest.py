"""Played nights, each once a session: bundles in a folder of their own, and read as tapes."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exchange import drill
from exchange.tape import bundle
from exchange.tape.arrays import Tape

Played = Callable[[int, int, int], Path]
Read = Callable[[int, int, int], Tape]


def quiet(label: str, done: int, total: int) -> None:
    """Progress nobody watches."""


@pytest.fixture(scope="session")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Bundle folder of okex-2018 with so many accounts and fill rows, and a seed."""
    root = tmp_path_factory.mktemp("drill")

    def folder(accounts: int, fills: int, seed: int) -> Path:
        out = root / f"{accounts}-{fills}-{seed}"
        if not out.exists():
            drill.generate("okex-2018", accounts, fills, seed, out, quiet)
        return out

    return folder


@pytest.fixture(scope="session")
def read(played: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """The same, imported by the tape's own reader, which refuses anything unsound."""
    tapes: dict[tuple[int, int, int], Tape] = {}
    before = os.environ.get("MAKEWHOLE_DATA")
    os.environ["MAKEWHOLE_DATA"] = str(tmp_path_factory.mktemp("store"))

    def tape(accounts: int, fills: int, seed: int) -> Tape:
        key = (accounts, fills, seed)
        if key not in tapes:
            tapes[key] = bundle.read(played(*key))
        return tapes[key]

    yield tape
    if before is None:
        del os.environ["MAKEWHOLE_DATA"]
    else:
        os.environ["MAKEWHOLE_DATA"] = before
