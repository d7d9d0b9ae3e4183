"""Played nights, each once a session: bundles in a folder of their own, and read as tapes."""

from collections.abc import Callable
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
def read(played: Played, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """The same, imported by the tape's own reader, which refuses anything unsound.

    The store is set for the reading only: what lasts a session would reach every other test.
    """
    tapes: dict[tuple[int, int, int], Tape] = {}
    store = str(tmp_path_factory.mktemp("store"))

    def tape(accounts: int, fills: int, seed: int) -> Tape:
        key = (accounts, fills, seed)
        if key not in tapes:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("MAKEWHOLE_DATA", store)
                tapes[key] = bundle.read(played(*key))
        return tapes[key]

    return tape
