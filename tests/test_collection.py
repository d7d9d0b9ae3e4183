"""Every process finds the same tests under the same names: two workers that differ run none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def test_another_process_at_another_time_finds_the_same_tests(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0"]
    # A name out of a set, a clock or the data folder would differ there.
    apart = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "MAKEWHOLE_DATA": str(tmp_path)}
    found = subprocess.run(
        [*command, "-o", "addopts=--ds=tests.settings"],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "PYTEST" not in name} | apart,
        capture_output=True,
        text=True,
        check=True,
    )
    here = {item.nodeid for item in request.session.items}
    assert here - set(found.stdout.splitlines()) == set()
