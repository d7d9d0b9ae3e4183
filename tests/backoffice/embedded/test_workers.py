"""A worker whose broker is killed."""

from pathlib import Path

import pytest
from celery import Celery

from backoffice import embedded, environment, supervisor
from backoffice.embedded import processes
from backoffice.embedded.places import Places
from tests.backoffice.embedded.at_work import kill, pids
from tests.desk import wait_until

pytestmark = pytest.mark.usefixtures("filled")


def test_a_broker_killed_while_a_task_is_under_way(at: Places, folder: Path) -> None:
    """The worker lives, ends its task and takes the next one."""
    embedded.ensure(at)
    usual = supervisor.worker()
    program = supervisor.Program(
        "worker", [*usual.command, "--include", "tests.backoffice.embedded.held"]
    )
    supervisor.start(at, program, {"MAKEWHOLE_DATA": str(at.data)})
    worker = supervisor.running(at)["worker"]
    sender = Celery(broker=environment.broker(embedded.redis_url(at)))
    may_end = folder / "may end"

    def begins(name: str) -> None:
        sender.send_task("tests.hold", [str(folder / name), str(may_end)])
        wait_until(
            lambda: (folder / name).exists() or processes.alive(worker.pid) is None, f"{name} begun"
        )
        assert (folder / name).exists(), supervisor.log_of(at, "worker").read_text()[-4000:]

    try:
        begins("first")
        kill(pids(at)[1])
        embedded.ensure(at)
        may_end.touch()
        begins("second")
    finally:
        supervisor.stop(at)
        sender.close()
