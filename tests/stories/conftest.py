"""A desk for a story, and the drill run on it as an operator would."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from backoffice.embedded.places import PROJECT
from tests import desk as desks


@pytest.fixture(scope="module")
def desk(
    desk_template: str, django_db_blocker: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[desks.Desk]:
    """A desk whose rows are committed, shared by the tests of a module."""
    with (
        django_db_blocker.unblock(),  # type: ignore[attr-defined]
        desks.opened(tmp_path_factory.mktemp("desk"), desk_template) as opened,
    ):
        opened.mail_server()
        yield opened


def drill(desk: desks.Desk, *arguments: str) -> dict[str, Any]:
    """Run the drill; its report, which is all of its output."""
    done = subprocess.run(
        [sys.executable, "manage.py", "drill", "okex-2018", *arguments, "--json"],
        cwd=PROJECT, env=desk.environment, capture_output=True, text=True,
        timeout=desks.WAIT_SECONDS_MAX, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return report
