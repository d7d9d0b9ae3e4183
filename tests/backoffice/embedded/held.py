"""A task that is under way for as long as a test wants. A worker knows it by `--include`."""

from pathlib import Path

from celery import shared_task

from tests.desk import wait_until


@shared_task(name="tests.hold")
def hold(begun: str, may_end: str) -> None:
    Path(begun).touch()
    wait_until(Path(may_end).exists, "the test has seen enough")
