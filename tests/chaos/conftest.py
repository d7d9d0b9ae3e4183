"""Desks on which workers are killed."""

from collections.abc import Iterator

import pytest

from backoffice.celery import app
from tests import desk as desks
from tests.backoffice.services.conftest import close_gates, make_world
from tests.chaos.cutting import Theatre


@pytest.fixture(scope="module")
def desk(
    desk_template: str, django_db_blocker: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[desks.Desk]:
    """A desk whose rows are committed, shared by the tests of a module."""
    with (
        django_db_blocker.unblock(),  # type: ignore[attr-defined]
        desks.opened(tmp_path_factory.mktemp("desk"), desk_template) as opened,
    ):
        yield opened


@pytest.fixture
def default_queue() -> Iterator[None]:
    """A test may send its nudges to its own worker's queue; the next test's go elsewhere."""
    yield
    app.conf.task_default_queue = "celery"


@pytest.fixture(scope="module")
def theatre(desk: desks.Desk) -> Iterator[Theatre]:
    """A world with its gates closed; nudges go where nobody listens: these workers are ours."""
    app.conf.task_default_queue = "nobody"
    world = make_world()
    close_gates(world)
    made = Theatre(world)
    made.measure()
    yield made
    app.conf.task_default_queue = "celery"
