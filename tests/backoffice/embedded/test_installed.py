"""How the servers' programs were installed, and how long a start is waited for in silence."""

import shutil
import subprocess
from pathlib import Path

import psutil
import pytest

from backoffice import embedded
from backoffice.embedded import answers, postgres
from backoffice.embedded.answers import Answer
from backoffice.embedded.places import Places
from tests.backoffice.embedded.at_work import sql


def test_programs_that_a_strict_umask_gave_to_their_owner_alone(
    at: Places, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root's servers run as another account, which has to read them."""
    monkeypatch.setenv("REDIS_URL", "redis://cache.example/0")
    package = postgres.binaries().parents[1]
    for each in (postgres.binaries().parent, package.with_name(f"{package.name}.libs")):
        if each.exists():
            copy = folder / each.relative_to(package.parent)
            shutil.copytree(each, copy, symlinks=True)
            subprocess.run(["chmod", "-R", "go-rwx", copy], check=True)
    programs = folder / postgres.binaries().relative_to(package.parent)
    monkeypatch.setattr(postgres, "binaries", lambda: programs)
    embedded.ensure(at)
    assert sql(at, "SELECT 1") == [(1,)]


def test_a_start_that_takes_unusually_long_says_where_to_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "USUAL_SECONDS_MAX", 0)
    said: list[str] = []
    assert answers.bring_up(
        "PostgreSQL",
        ask=lambda: Answer.READY if said else Answer.STARTING,
        running=psutil.Process,
        launch=lambda: pytest.fail("it runs"),
        log=Path("/desk/log/postgres.log"),
        say=said.append,
    )
    assert "/desk/log/postgres.log says how far it is" in said[0]
    assert "`manage.py services stop`" in said[0]
